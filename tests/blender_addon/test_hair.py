"""A head's hair is shown and hidden with one click, in views and in exported files."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from likeness.blender_addon import export, hair, heads, levels
from likeness.blender_addon.build import build
from likeness.core.parametric.assembly import head_avatar

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
