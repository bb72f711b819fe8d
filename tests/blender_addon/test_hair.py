"""A head's hair is shown and hidden with one click, in views and in exported files."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from likeness.blender_addon import export, hair, hair_color, heads, levels
from likeness.blender_addon.build import build
from likeness.core.parametric.assembly import head_avatar
from likeness.core.rendering.shading import linear_to_srgb, srgb_to_linear

from .meshes import evaluated, weights
from .operators import select

pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def rig(avatar):
    """With a cap of hair."""
    rig = build(avatar)
    select(heads.mesh_object(rig))
    return rig


def hair_vertices(avatar):
    return len(next(part for part in avatar.parts if part.name == "hair").vertices)


def test_hides_the_hair_alone(rig, avatar):
    whole = evaluated(heads.mesh_object(rig))
    assert rig.likeness_sliders.show_hair
    rig.likeness_sliders.show_hair = False
    assert not rig.likeness_sliders.show_hair
    assert len(evaluated(heads.mesh_object(rig))) == len(whole) - hair_vertices(avatar)
    rig.likeness_sliders.show_hair = True
    np.testing.assert_array_equal(evaluated(heads.mesh_object(rig)), whole)
    assert len(heads.mesh_object(rig).modifiers) == 2


def test_hidden_hair_moves_no_weight_of_a_level(rig, model):
    rig.likeness_sliders.show_hair = False
    for thing in levels.add_levels(rig, model):
        assert [group.name for group in thing.vertex_groups] == rig.data.bones.keys()
        np.testing.assert_allclose(weights(thing).sum(1), 1, atol=1e-4)


def test_a_bald_head_has_nothing_to_show(model):
    assert not hair.is_there(build(head_avatar(model, np.zeros(100, np.float32))))


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("preset", ["gltf", "fbx_generic"])
def test_hidden_hair_is_not_exported(rig, model, tmp_path: Path, preset: str, level: int):
    bpy.ops.likeness.preview_animation()
    heads.keys(rig)["cheekPuff"].value = 0.5
    levels.add_levels(rig, model)
    rig.likeness_sliders.show_hair = False
    path = tmp_path / f"head{export.PRESETS[preset].extension}"
    before = {kind: [item.name for item in getattr(bpy.data, kind)] for kind in ("objects", "meshes", "shape_keys")}
    export.export_head(rig, path, preset, level=level)
    assert before == {kind: [item.name for item in getattr(bpy.data, kind)] for kind in before}
    name, keys = export.mesh_at(rig, level).name, heads.keys(rig).keys()
    bpy.ops.wm.read_homefile(use_empty=True)
    importer = bpy.ops.import_scene.gltf if preset == "gltf" else bpy.ops.import_scene.fbx
    importer(filepath=str(path))
    (mesh,) = (thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys)
    assert name.encode() in path.read_bytes()
    assert f"{name}.001".encode() not in path.read_bytes()
    slots = np.empty(len(mesh.data.polygons), np.int32)
    mesh.data.polygons.foreach_get("material_index", slots)
    used = {mesh.data.materials[slot].name.partition(".")[0] for slot in np.unique(slots)}
    assert "skin" in used
    assert "hair" not in used
    blocks = mesh.data.shape_keys.key_blocks
    assert set(keys) <= set(blocks.keys())
    seen = []
    scene = bpy.context.scene
    for frame in range(1, 100, 9):
        scene.frame_set(frame)
        seen.append([blocks[key].value for key in ("jawOpen", "eyeBlinkLeft", "cheekPuff")])
    assert np.ptp(seen, axis=0).max() > 0.1
    moved = heads.positions(blocks["jawOpen"]) - heads.positions(blocks[0])
    assert np.linalg.norm(moved, axis=1).max() > 0.005


def hair_texture() -> np.ndarray:
    """Mean display colour [3] of the opaque pixels of the texture that is linked to the hair's shader."""
    material = next(made for made in bpy.data.materials if made.name.partition(".")[0] == "hair")
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    image = shader.inputs["Base Color"].links[0].from_node.image
    pixels = np.empty((*image.size, 4), np.float32)
    image.pixels.foreach_get(pixels.ravel())
    return pixels[pixels[..., 3] > 0.5][:, :3].mean(0)


def test_one_colour_dyes_the_hair(rig):
    sliders = rig.likeness_sliders
    own = np.array(sliders.hair_color)
    sliders.hair_color = (0.5, 0.25, 0.1)
    np.testing.assert_allclose(sliders.hair_color, (0.5, 0.25, 0.1), atol=1e-6)
    tint = bpy.data.materials["hair"].node_tree.nodes[hair_color.TINT]
    np.testing.assert_allclose(tint.inputs[7].default_value[:3], np.array((0.5, 0.25, 0.1)) / own, rtol=1e-4)
    sliders.hair_color = own
    np.testing.assert_allclose(tint.inputs[7].default_value[:3], 1, rtol=1e-4)


def test_a_bald_head_has_no_hair_to_dye(model):
    bald = build(head_avatar(model, np.zeros(100, np.float32)))
    bald.likeness_sliders.hair_color = (1, 0, 0)
    assert tuple(bald.likeness_sliders.hair_color) == (0, 0, 0)


@pytest.mark.parametrize("preset", ["gltf", "fbx_generic"])
def test_dyed_hair_is_exported(rig, tmp_path: Path, preset: str):
    """A fairer red, a quarter of the green, no blue, in the file alone."""
    own, plain = np.array(rig.likeness_sliders.hair_color), hair_texture()
    rig.likeness_sliders.hair_color = own * (1.2, 0.25, 0)
    images = [image.name for image in bpy.data.images]
    path = tmp_path / f"head{export.PRESETS[preset].extension}"
    export.export_head(rig, path, preset)
    assert [image.name for image in bpy.data.images] == images
    assert bpy.data.materials["hair"].node_tree.nodes[hair_color.TINT].outputs[2].is_linked
    bpy.ops.wm.read_homefile(use_empty=True)
    importer = bpy.ops.import_scene.gltf if preset == "gltf" else bpy.ops.import_scene.fbx
    importer(filepath=str(path))
    wanted = linear_to_srgb(srgb_to_linear(plain) * (1.2, 0.25, 0))
    np.testing.assert_allclose(hair_texture(), wanted, atol=0.01)
