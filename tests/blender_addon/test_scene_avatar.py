"""What is built can be read back as the Avatar that it was built from."""

import json

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

import bmesh

from likeness.blender_addon import heads, look
from likeness.blender_addon.build import METADATA, build
from likeness.blender_addon.scene_avatar import avatar_of
from likeness.core.bodies.seeded import seeded_body
from likeness.core.errors import InputError
from likeness.core.parametric.body import BodyModel

from .operators import inventory


@pytest.fixture(scope="module")
def somebody():
    return seeded_body(BodyModel.load(), 3, joint_names="unreal")


@pytest.fixture(params=["avatar", "somebody"])
def made(request):
    bpy.ops.wm.read_homefile(use_empty=True)
    avatar = request.getfixturevalue(request.param)
    return avatar, build(avatar)


def test_it_is_the_same(made):
    avatar, rig = made
    if avatar.kind == "head":
        look.show(rig, look.Look.before)
    before = inventory()
    read = avatar_of(rig)
    assert inventory() == before
    for name in ("kind", "joint_names", "model", "topology", "parameters"):
        assert getattr(read, name) == getattr(avatar, name)
    own = {joint.name: joint for joint in avatar.joints}
    assert {joint.name: joint.parent for joint in read.joints} == {joint.name: joint.parent for joint in avatar.joints}
    for joint in read.joints:
        np.testing.assert_allclose([joint.head, joint.tail], [own[joint.name].head, own[joint.name].tail], atol=1e-6)
    assert set(read.correctives) == set(avatar.correctives)
    for name, corrective in avatar.correctives.items():
        assert read.correctives[name].joint == corrective.joint
        np.testing.assert_allclose(read.correctives[name].feature, corrective.feature, atol=1e-6)
    columns = [[joint.name for joint in read.joints].index(joint.name) for joint in avatar.joints]
    assert [part.name for part in read.parts] == [part.name for part in avatar.parts]
    for mine, part in zip(read.parts, avatar.parts, strict=True):
        np.testing.assert_allclose(mine.vertices, part.vertices, atol=1e-6)
        np.testing.assert_array_equal(mine.faces, part.faces)
        np.testing.assert_allclose(mine.uv[mine.faces_uv], part.uv[part.faces_uv], atol=1e-6)
        np.testing.assert_array_equal(mine.face_material, part.face_material)
        np.testing.assert_allclose(mine.weights[:, columns], part.weights, atol=2e-5)
        for kind in ("keys", "correctives"):
            theirs = {name: delta for name, delta in getattr(part, kind).items() if np.abs(delta).max() > 0}
            assert set(theirs) <= set(getattr(mine, kind))
            for name, delta in getattr(mine, kind).items():
                np.testing.assert_allclose(delta, theirs.get(name, 0), atol=1e-6)


def test_materials_are_the_same(made):
    avatar, rig = made
    for mine, material in zip(avatar_of(rig).materials, avatar.materials, strict=True):
        assert mine.name == material.name
        assert (mine.alpha, mine.double_sided) == (material.alpha, material.double_sided)
        for name in ("color_texture", "normal_texture", "roughness_texture"):
            assert getattr(mine, name) == getattr(material, name)
        for name in ("roughness", "specular", "subsurface"):
            assert getattr(mine, name) == pytest.approx(getattr(material, name))
        assert mine.color[:3] == pytest.approx(material.color[:3])


def test_what_was_sculpted_comes_along(made):
    _, rig = made
    before = avatar_of(rig).parts[0].vertices[0, 0]
    for key in heads.keys(rig):
        key.data[0].co.x += 0.01
    assert avatar_of(rig).parts[0].vertices[0, 0] == pytest.approx(before + 0.01, abs=1e-6)


def test_one_of_an_older_likeness(made):
    _, rig = made
    stored = json.loads(rig[METADATA])
    del stored["parts"]
    rig[METADATA] = json.dumps(stored)
    with pytest.raises(InputError, match="was made by an older Likeness; make it again"):
        avatar_of(rig)


def test_faces_of_five_corners(made):
    _, rig = made
    shape = bmesh.new()
    shape.from_mesh(heads.mesh_object(rig).data)
    shape.faces.ensure_lookup_table()
    bmesh.ops.dissolve_edges(shape, edges=[shape.faces[0].edges[0]])
    shape.to_mesh(heads.mesh_object(rig).data)
    with pytest.raises(InputError, match="has faces of more than four corners"):
        avatar_of(rig)
