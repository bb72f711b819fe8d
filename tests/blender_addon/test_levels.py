"""Levels of detail: they look and move as the head does, with fewer faces."""

import bpy
import numpy as np
import pytest
from mathutils.bvhtree import BVHTree

from likeness.blender_addon import animate, export, heads, levels
from likeness.blender_addon.build import build
from likeness.core.errors import InputError
from likeness.core.parametric.clip import Clip
from likeness.core.parametric.demo_clip import demo_clip

from .meshes import evaluated, weights


@pytest.fixture
def rig(avatar, model):
    bpy.ops.wm.read_homefile(use_empty=True)
    rig = build(avatar)
    (own,) = {thing.users_collection[0] for thing in levels.add_levels(rig, model)}
    own.hide_viewport = False
    return rig


def test_each_level_is_coarser_and_whole(rig):
    full = heads.mesh_object(rig)
    assert [thing.name for thing in levels.levels(rig)] == ["Ada_LOD1", "Ada_LOD2"]
    counts = [triangles(thing) for thing in (full, *levels.levels(rig))]
    assert counts[1] < 0.75 * counts[0]
    assert counts[2] < 0.75 * counts[1]
    for thing in levels.levels(rig):
        assert thing.parent == rig
        assert [modifier.object for modifier in thing.modifiers] == [rig]
        assert list(thing.data.shape_keys.key_blocks.keys()) == list(heads.keys(rig).keys())
        assert list(thing.data.materials) == list(full.data.materials)
        assert not thing.data.validate()  # there was nothing to mend
        dense = weights(thing)
        np.testing.assert_allclose(dense.sum(1), 1, atol=1e-4)
        assert (dense > 0).sum(1).max() <= 4


def triangles(thing):
    return sum(len(polygon.vertices) - 2 for polygon in thing.data.polygons)


def test_each_material_covers_the_same_place(rig):
    """The mouth's socket keeps its material, and hair and brows are there."""

    def areas(thing):
        total = np.zeros(len(thing.data.materials))
        for polygon in thing.data.polygons:
            total[polygon.material_index] += polygon.area
        return total

    names = [material.name for material in heads.mesh_object(rig).data.materials]
    full = areas(heads.mesh_object(rig))
    for thing in levels.levels(rig):
        for name, here, there in zip(names, areas(thing), full, strict=True):
            if here or name not in ("cornea", "lashes"):
                assert 0.7 < here / there < 1.3, name


def test_a_level_follows_the_heads_expression_and_bones(rig, model):
    for name in ("mouthSmileLeft", "mouthSmileRight", "cheekSquintLeft"):
        heads.keys(rig)[name].value = 0.8
    theta = np.zeros((5, 3), np.float32)
    theta[1], theta[2] = (0.1, 0.3, 0), (0.3, 0, 0)
    heads.pose(rig, theta)
    full = heads.mesh_object(rig)
    positions = evaluated(full)
    faces = [tuple(polygon.vertices) for polygon in full.data.polygons]
    surface = BVHTree.FromPolygons(positions.tolist(), faces)
    for thing in levels.levels(rig):
        distances = np.array([surface.find_nearest(point)[3] for point in evaluated(thing)])
        assert np.median(distances) < 2e-4
        assert distances.max() < 5e-3


def test_levels_are_hidden_and_made_anew(avatar, model):
    bpy.ops.wm.read_homefile(use_empty=True)
    rig = build(avatar)
    first = levels.add_levels(rig, model)
    assert all(not thing.visible_get() for thing in first)
    heads.set_identity(rig, model, np.zeros(100, np.float32))
    basis = heads.positions(heads.keys(rig)[0])
    again = levels.add_levels(rig, model)
    assert [thing.name for thing in again] == ["Ada_LOD1", "Ada_LOD2"]
    assert len(levels.levels(rig)) == 2
    assert sorted(child.name for child in bpy.data.collections) == ["Ada", "Ada levels"]
    lowest = heads.positions(again[0].data.shape_keys.reference_key)[:, 2].min()
    assert lowest == pytest.approx(basis[:, 2].min(), abs=1e-3)
    assert heads.mesh_object(rig).name == "Ada mesh"


@pytest.mark.parametrize("preset", ["gltf", "fbx_generic"])
@pytest.mark.parametrize("turning", [False, True])
def test_an_exported_level_is_animated_as_the_head_is(rig, preset, turning, tmp_path):
    demo = demo_clip()
    bpy.context.scene.render.fps = round(demo.fps)
    theta = np.zeros((61, 5, 3), np.float32)
    theta[:, 2, 0] = np.linspace(0, 0.4, 61)
    animate.write_clip(rig, Clip(demo.fps, arkit=demo.arkit[:61], theta=theta if turning else None, source="Demo"))
    bpy.context.scene.frame_set(50)
    box = bounds(levels.mesh_at(rig, 2))
    values = {key.name: key.value for key in heads.keys(rig)[1:]}
    path = tmp_path / f"head{export.PRESETS[preset].extension}"
    export.export_head(rig, path, preset, level=2)

    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = round(demo.fps)
    if preset == "gltf":
        bpy.ops.import_scene.gltf(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    (mesh,) = (thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys)
    bpy.context.scene.frame_set(50)
    copy = {key.name: key.value for key in mesh.data.shape_keys.key_blocks[1:]}
    assert copy == pytest.approx(values, abs=2e-3)
    assert max(copy.values()) > 0.3
    np.testing.assert_allclose(bounds(mesh), box, atol=2e-4)


def bounds(thing):
    positions = evaluated(thing)
    return np.concatenate([positions.min(0), positions.max(0)])


def test_a_level_that_is_not_there_is_refused_in_a_sentence(avatar, tmp_path):
    bpy.ops.wm.read_homefile(use_empty=True)
    with pytest.raises(InputError, match="add the levels first"):
        export.export_head(build(avatar), tmp_path / "head.glb", level=1)
