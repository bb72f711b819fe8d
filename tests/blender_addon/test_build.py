"""An Avatar in Blender: what is made, where it stands, and that it can be made again with another identity."""

import json

import bpy
import numpy as np
import pytest

from likeness.blender_addon import heads
from likeness.blender_addon.axes import to_blender
from likeness.blender_addon.build import METADATA, build
from likeness.core.errors import InputError
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.assembly import ARMATURE, PARENTS, with_identity
from likeness.core.parametric.head import JOINTS

from .meshes import evaluated, key_positions, weights


@pytest.fixture
def rig(avatar):
    bpy.ops.wm.read_homefile(use_empty=True)
    return build(avatar)


def test_head_is_upright_faces_minus_y_and_has_a_human_size(rig, avatar, model):
    basis = key_positions(heads.keys(rig)[0])
    start = sum(len(part.vertices) for part in avatar.parts[: avatar.parts.index(avatar.part("skin"))])
    skin_vertices = basis[start : start + len(avatar.part("skin").vertices)]
    landmarks = basis[model.landmarks68]
    assert 0.2 < skin_vertices[:, 2].max() - landmarks[8, 2] < 0.35  # chin to crown
    assert landmarks[30, 1] < skin_vertices[:, 1].mean() - 0.05  # the nose's tip is in front
    assert landmarks[36, 0] < 0 < landmarks[45, 0]  # its right eye is on our left
    np.testing.assert_array_equal(np.array(rig.matrix_world), np.eye(4))


def test_mesh_is_valid(rig):
    assert not heads.mesh_object(rig).data.validate()  # there was nothing to mend


def test_shape_keys_have_arkits_names_and_are_at_rest(rig, avatar):
    keys = heads.keys(rig)
    assert [key.name for key in keys] == ["Basis", *ARKIT_NAMES, *avatar.correctives]
    assert all(key.value == 0 and key.slider_min == 0 and key.slider_max == 1 for key in keys[1:])
    neutral = np.concatenate([part.vertices for part in avatar.parts])
    np.testing.assert_allclose(evaluated(heads.mesh_object(rig)), to_blender(neutral), atol=1e-6)


def test_key_moves_every_part_as_the_avatar_says(rig, avatar):
    key = heads.keys(rig)["jawOpen"]
    key.value = 1
    expected = np.concatenate([part.vertices + part.keys.get("jawOpen", 0) for part in avatar.parts])
    np.testing.assert_allclose(evaluated(heads.mesh_object(rig)), to_blender(expected), atol=1e-6)


def test_armature(rig, avatar):
    bones = rig.data.bones
    assert [bone.name for bone in bones] == sorted(ARMATURE, key=lambda name: [b.name for b in bones].index(name))
    assert {bone.name: bone.parent.name for bone in bones if bone.parent} == PARENTS
    for joint in avatar.joints:
        np.testing.assert_allclose(bones[joint.name].head_local, to_blender(joint.head), atol=1e-6)
    mesh = heads.mesh_object(rig)
    assert mesh.parent == rig
    assert [modifier.object for modifier in mesh.modifiers] == [rig]


def test_weights_sum_to_one_with_four_influences(rig):
    dense = weights(heads.mesh_object(rig))
    np.testing.assert_allclose(dense.sum(1), 1, atol=1e-4)
    assert (dense > 0).sum(1).max() <= 4


def test_theta_poses_the_bones_as_flame_does(rig, model, beta):
    """Linear blend skinning: by turns that no pose corrective knows of."""
    theta = np.zeros((5, 3), np.float32)
    theta[:2] = [[0.05, -0.1, 0.02], [0.1, 0.3, -0.05]]
    theta[3:, 2] = 0.1, -0.1
    heads.pose(rig, theta)
    expected = model.skinned(beta, theta)
    positions = evaluated(heads.mesh_object(rig))[: len(expected)]
    np.testing.assert_allclose(positions, to_blender(expected), atol=2e-6)
    assert {rig.pose.bones[name].rotation_mode for name in JOINTS} == {"QUATERNION"}


@pytest.mark.parametrize("amount", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("shape", ["jawOpen", "eyeLookDownLeft", "eyeLookUpRight", "eyeLookInLeft", "eyeLookOutLeft"])
def test_bones_bring_their_pose_correctives(rig, model, beta, shape, amount):
    """A jaw opened by its bone has the lips and cheeks of the model's, and lids follow a turned eye."""
    theta = np.float32(amount) * model.arkit_theta[model.arkit_names.index(shape)]
    heads.pose(rig, theta)
    expected = to_blender(model.vertices(beta, np.zeros(50, np.float32), theta))
    error = np.linalg.norm(evaluated(heads.mesh_object(rig))[: len(expected)] - expected, axis=1)
    exact = shape == "jawOpen" or amount == 1
    assert error.max() < (5e-5 if exact else 1e-3)
    assert np.sqrt((error**2).mean()) < 2e-4
    plain = np.linalg.norm(to_blender(model.skinned(beta, theta)) - expected, axis=1)
    assert plain.max() > 2 * error.max()


def test_a_bone_and_its_key_are_two_ways_to_the_same_head(rig, model):
    heads.keys(rig)["jawOpen"].value = 1
    by_key = evaluated(heads.mesh_object(rig))[: len(model.v_template)]
    heads.keys(rig)["jawOpen"].value = 0
    heads.pose(rig, model.arkit_theta[model.arkit_names.index("jawOpen")])
    by_bone = evaluated(heads.mesh_object(rig))[: len(model.v_template)]
    np.testing.assert_allclose(by_bone, by_key, atol=2e-4)


def test_drivers_need_no_leave_to_run_scripts(rig):
    drivers = heads.mesh_object(rig).data.shape_keys.animation_data.drivers
    assert len(drivers) >= 9
    assert all(curve.driver.is_simple_expression and curve.driver.is_valid for curve in drivers)


def test_uv_materials_and_packed_textures(rig):
    mesh = heads.mesh_object(rig).data
    uv = np.empty(len(mesh.loops) * 2, np.float32)
    mesh.uv_layers["UVMap"].data.foreach_get("uv", uv)
    assert 0 <= uv.min() < 0.2
    assert 0.8 < uv.max() <= 1
    names = [material.name for material in mesh.materials]
    assert {"skin", "mouth", "hair"} < set(names)
    assert {names[polygon.material_index] for polygon in mesh.polygons} == set(names)
    textures = [image for image in bpy.data.images if image.packed_file]
    assert {image.name.split(".")[0] for image in textures} >= {"skin_color", "skin_normal", "skin_roughness"}
    assert tuple(bpy.data.images["skin_color"].size) == (16, 16)
    assert bpy.data.images["skin_normal"].colorspace_settings.name == "Non-Color"
    assert all(polygon.use_smooth for polygon in mesh.polygons)


def test_metadata_is_enough_to_rebuild(rig, avatar):
    stored = json.loads(rig[METADATA])
    assert stored == heads.metadata(rig)
    assert stored["parameters"] == avatar.parameters
    assert (stored["source"], stored["model"]) == ("ada.jpg", avatar.model)
    assert heads.find(heads.mesh_object(rig)) == rig
    assert heads.find(None) is None


def test_identity_can_be_rebuilt(rig, avatar, model, beta):
    other = np.roll(beta, 7)
    heads.set_identity(rig, model, other)
    expected = with_identity(avatar, model, other)
    basis = np.concatenate([part.vertices for part in expected.parts])
    for name in ("eyeBlinkLeft", "jawOpen", "eyeLookOutRight"):
        keyed = basis + np.concatenate([part.keys.get(name, 0 * part.vertices) for part in expected.parts])
        np.testing.assert_allclose(key_positions(heads.keys(rig)[name]), to_blender(keyed), atol=2e-5)
    np.testing.assert_allclose(evaluated(heads.mesh_object(rig)), to_blender(basis), atol=1e-6)
    for joint in expected.joints:
        np.testing.assert_allclose(rig.data.bones[joint.name].head_local, to_blender(joint.head), atol=1e-6)
    parameters = heads.metadata(rig)["parameters"]
    np.testing.assert_allclose(parameters["beta"], other)
    np.testing.assert_allclose(parameters["beta_made"], beta)


def test_psi_keys_on_demand(rig, model, beta):
    heads.add_psi_keys(rig, model)
    heads.add_psi_keys(rig, model)
    names = [key.name for key in heads.keys(rig)]
    assert len(names) == len(set(names))
    assert names[-50:] == [f"psi_{k:03d}" for k in range(50)]
    psi = np.zeros(50, np.float32)
    psi[[0, 7]] = 1.5, -2.0
    heads.keys(rig)["psi_000"].value, heads.keys(rig)["psi_007"].value = 1.5, -2.0
    expected = model.shaped(beta, psi)
    positions = evaluated(heads.mesh_object(rig))[: len(expected)]
    np.testing.assert_allclose(positions, to_blender(expected), atol=2e-6)


def test_building_leaves_the_users_scene_alone(avatar):
    bpy.ops.wm.read_homefile(use_empty=False)
    active, selected = bpy.context.view_layer.objects.active, list(bpy.context.selected_objects)
    scenes, mode = list(bpy.data.scenes), bpy.context.mode
    build(avatar)
    assert bpy.context.view_layer.objects.active == active
    assert list(bpy.context.selected_objects) == selected
    assert (list(bpy.data.scenes), bpy.context.mode) == (scenes, mode)


def test_two_heads_live_side_by_side(rig, avatar):
    other = build(avatar)
    assert other.name == "Ada.001"
    assert heads.mesh_object(other).data != heads.mesh_object(rig).data


def test_a_head_without_its_keys_is_refused_in_a_sentence(rig, model, beta):
    heads.mesh_object(rig).shape_key_clear()
    with pytest.raises(InputError, match="lost its mesh or its shape keys"):
        heads.set_identity(rig, model, beta)
