"""Exported files, read back into Blender: everything is there and moves as the original does."""

import json
import shutil
import struct
import subprocess
from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Matrix
from mathutils.kdtree import KDTree

from likeness.blender_addon import animate, export, heads
from likeness.blender_addon.build import build
from likeness.core.errors import InputError
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.assembly import ARMATURE, PARENTS
from likeness.core.parametric.clip import Clip
from likeness.core.parametric.demo_clip import demo_clip

from .meshes import evaluated, weights

FPS, SECONDS = 30, 2
FRAMES = FPS * SECONDS + 1
CHECKED = (1, 14, 30, 47, FRAMES)
TOOLS = Path(__file__).parents[1] / "tools"


@pytest.fixture(scope="module")
def clip() -> Clip:
    """Two seconds that start in the middle of a smile, with every bone turning."""
    demo = demo_clip()
    theta = np.zeros((FRAMES, 5, 3), np.float32)
    wave = np.sin(np.linspace(0, 2 * np.pi, FRAMES))
    theta[:, 1, 1], theta[:, 2, 0], theta[:, 3, 1], theta[:, 4, 1] = 0.3 * wave, 0.2 * wave**2, 0.2 * wave, 0.2 * wave
    return Clip(FPS, arkit=demo.arkit[45 : 45 + FRAMES], theta=theta, source="Smile")


@pytest.fixture(scope="module")
def files(avatar, clip, tmp_path_factory):
    """Every preset's file, and the original's evaluated vertices at the checked frames."""
    folder = tmp_path_factory.mktemp("export")
    rig = animated_head(avatar, clip)
    positions = {frame: at_frame(heads.mesh_object(rig), frame) for frame in CHECKED}
    paths = {name: folder / f"{name}{preset.extension}" for name, preset in export.PRESETS.items()}
    for name, path in paths.items():
        export.export_head(rig, path, name)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths.values())
    heads.pose(rig, np.zeros((5, 3)))
    rest = np.concatenate([part.vertices for part in avatar.parts])
    return paths, positions, rest


def animated_head(avatar, clip):
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    rig = build(avatar)
    animate.write_clip(rig, clip)
    return rig


def at_frame(thing, frame):
    bpy.context.scene.frame_set(frame)
    return evaluated(thing)


def imported(path: Path):
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    if path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    meshes = [thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys]
    (rig,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    assert len(meshes) == 1
    return rig, meshes[0]


def gltf_json(path: Path) -> dict:
    data = path.read_bytes()
    (size,) = struct.unpack("<I", data[12:16])
    return json.loads(data[20 : 20 + size])


@pytest.mark.parametrize("name", export.PRESETS)
def test_round_trip(files, avatar, name):
    paths, positions, _ = files
    rig, mesh = imported(paths[name])
    assert {key.name for key in mesh.data.shape_keys.key_blocks[1:]} == {*ARKIT_NAMES, *avatar.correctives}
    assert all((key.slider_min, key.slider_max) == (0, 1) for key in mesh.data.shape_keys.key_blocks[1:])
    assert {bone.name for bone in rig.data.bones} == set(ARMATURE)
    assert {bone.name: bone.parent.name for bone in rig.data.bones if bone.parent} == PARENTS
    influences = (weights(mesh) > 1e-6).sum(1)
    assert influences.min() >= 1
    assert influences.max() <= 4
    assert {material.name for material in mesh.data.materials} == {material.name for material in avatar.materials}
    uv = np.empty(len(mesh.data.loops) * 2, np.float32)
    mesh.data.uv_layers[0].data.foreach_get("uv", uv)
    assert 0.8 < uv.max() <= 1.001
    assert -0.001 <= uv.min() < 0.2
    assert tuple(next(image for image in bpy.data.images if "skin_color" in image.name).size) == (16, 16)

    moved = {frame: at_frame(mesh, frame) for frame in CHECKED}
    assert np.ptp([moved[frame][:, 2].min() for frame in CHECKED]) >= 0
    assert max_error(positions, moved) < 1e-4
    assert np.abs(moved[30] - moved[1]).max() > 5e-3  # it does move


def max_error(original: dict[int, np.ndarray], copy: dict[int, np.ndarray]) -> float:
    """Greatest distance in metres between a vertex of the copy and its original, over all frames.

    Exporters split and reorder vertices: the original of a vertex is the one, among those that start where it starts,
    that moves as it does.
    """
    first = CHECKED[0]
    tree = KDTree(len(original[first]))
    for index, point in enumerate(original[first]):
        tree.insert(point, index)
    tree.balance()
    path = np.stack([original[frame] for frame in CHECKED], 1)
    worst = 0.0
    for index, point in enumerate(copy[first]):
        candidates = [found for _, found, _ in tree.find_range(point, 1e-4)] or [tree.find(point)[1]]
        own = np.stack([copy[frame][index] for frame in CHECKED])
        worst = max(worst, float(np.linalg.norm(path[candidates] - own, axis=-1).max(1).min()))
    return worst


def test_gltf_faces_plus_z_and_is_neutral_at_rest(files, avatar):
    paths, _, rest = files
    content = gltf_json(paths["gltf"])
    accessors = content["accessors"]
    positions = [accessors[p["attributes"]["POSITION"]] for p in content["meshes"][0]["primitives"]]
    low = np.min([accessor["min"] for accessor in positions], 0)
    high = np.max([accessor["max"] for accessor in positions], 0)
    np.testing.assert_allclose([low, high], [rest.min(0), rest.max(0)], atol=1e-6)  # +Y up, +Z out of the face
    assert content["meshes"][0]["extras"]["targetNames"] == [*ARKIT_NAMES, *avatar.correctives]
    assert [animation["name"] for animation in content["animations"]] == ["Smile"]
    np.testing.assert_allclose(content["meshes"][0]["weights"], 0, atol=1e-6)


def test_gltf_materials_are_plain_pbr(files):
    paths, _, _ = files
    content = gltf_json(paths["gltf"])
    materials = {material["name"]: material for material in content["materials"]}
    skin = materials["skin"]
    assert {"baseColorTexture", "metallicRoughnessTexture"} <= set(skin["pbrMetallicRoughness"])
    assert "normalTexture" in skin
    assert skin.get("alphaMode", "OPAQUE") == "OPAQUE"
    assert materials["hair"]["alphaMode"] == "MASK"
    assert materials["brows"]["alphaMode"] == "BLEND"
    assert materials["hair"]["doubleSided"]
    assert all(material["pbrMetallicRoughness"]["metallicFactor"] == 0 for material in materials.values())


def test_khronos_validator_finds_no_error(files, tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("node and npm are not here")
    for name in ("package.json", "validate_gltf.js"):
        shutil.copy(TOOLS / name, tmp_path)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(
        ["node", "validate_gltf.js", str(files[0]["gltf"])], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    issues = json.loads(done.stdout)
    assert issues["numErrors"] == 0, issues["messages"]


def test_exporting_changes_nothing(avatar, clip, tmp_path):
    rig = animated_head(avatar, clip)
    keys = heads.keys(rig)
    keys["tongueOut"].value = 0.25
    rig.pose.bones["head"].location = (0, 0.01, 0)
    glasses = bpy.data.objects.new("Glasses", bpy.data.meshes.new("Glasses"))
    bpy.context.scene.collection.objects.link(glasses)
    glasses.parent, glasses.parent_type, glasses.parent_bone = rig, "BONE", "head"
    glasses.matrix_parent_inverse = Matrix.Translation((0, 0.1, 0.2))
    camera = bpy.data.objects.new("Armature", bpy.data.cameras.new("Camera"))
    bpy.context.scene.collection.objects.link(camera)
    bpy.context.view_layer.objects.active = camera
    camera.select_set(True)
    bpy.context.scene.frame_set(20)

    def state():
        return (
            [scene.name for scene in bpy.data.scenes],
            [action.name for action in bpy.data.actions],
            [thing.name for thing in bpy.data.objects],
            [thing.name for thing in bpy.context.selected_objects],
            bpy.context.view_layer.objects.active.name,
            bpy.context.scene.frame_current,
            [round(key.value, 5) for key in keys],
            [tuple(bone.location) + tuple(bone.rotation_quaternion) for bone in rig.pose.bones],
            rig.animation_data.action.name,
            (glasses.parent, glasses.parent_type, glasses.parent_bone, glasses.matrix_parent_inverse.copy()),
        )

    before = state()
    for name, preset in export.PRESETS.items():
        export.export_head(rig, tmp_path / f"head{preset.extension}", name)
        assert state() == before


def test_what_is_set_but_not_keyed_is_held_in_the_clip(avatar, clip, tmp_path):
    """A raised brow set by hand while something else is animated is in the clip, and not in the neutral head."""
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    rig = build(avatar)
    animate.write_clip(rig, Clip(FPS, theta=clip.theta, source="Turn"))
    heads.keys(rig)["browInnerUp"].value = 0.75
    for name in ("gltf", "fbx_generic"):
        path = tmp_path / f"head{export.PRESETS[name].extension}"
        export.export_head(rig, path, name)
    for path in list(tmp_path.iterdir()):
        _, mesh = imported(path)
        bpy.context.scene.frame_set(20)
        assert mesh.data.shape_keys.key_blocks["browInnerUp"].value == pytest.approx(0.75, abs=1e-3)


@pytest.mark.parametrize("name", ["gltf", "fbx_unity"])
def test_without_animation_the_head_is_neutral(avatar, name, tmp_path):
    bpy.ops.wm.read_homefile(use_empty=True)
    rig = build(avatar)
    heads.keys(rig)["jawOpen"].value = 1
    heads.pose(rig, np.full((5, 3), 0.1))
    path = tmp_path / f"head{export.PRESETS[name].extension}"
    export.export_head(rig, path, name)
    assert heads.keys(rig)["jawOpen"].value == 1
    _, mesh = imported(path)
    assert not bpy.data.actions
    assert mesh.data.shape_keys.key_blocks["jawOpen"].value == 0


def test_folder_that_is_not_there_is_refused_in_a_sentence(avatar, tmp_path):
    bpy.ops.wm.read_homefile(use_empty=True)
    with pytest.raises(InputError, match="cannot be written"):
        export.export_head(build(avatar), tmp_path / "nowhere" / "head.glb")
