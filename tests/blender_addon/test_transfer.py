"""Transfer Expression: what moves the one head moves the other."""

import numpy as np
import pytest

bpy = pytest.importorskip("bpy")

from likeness.blender_addon import heads
from likeness.blender_addon.build import build
from likeness.core.parametric.assembly import head_avatar

from .meshes import evaluated
from .operators import inventory, select

pytestmark = pytest.mark.usefixtures("empty_scene")


@pytest.fixture
def pair(model):
    """Two people, the first active, the second apart."""
    betas = 1.5 * np.random.default_rng(5).standard_normal((2, 100)).astype(np.float32)
    first, second = (
        build(head_avatar(model, beta, name=name)) for beta, name in zip(betas, ("Ada", "Bob"), strict=True)
    )
    second.location.x = 1.0
    select(first, heads.mesh_object(second))
    return first, second


def values(rig):
    return {key.name: round(key.value, 4) for key in heads.keys(rig)[1:]}


def jaw_axis(rig):
    """The axis, in the scene's directions, about which the jaw has turned."""
    bone = rig.pose.bones["jaw"]
    turn = bone.matrix_basis.to_quaternion()
    return np.array(bone.bone.matrix_local.to_3x3() @ turn.axis) * turn.angle


def test_animation(pair):
    first, second = pair
    bpy.ops.likeness.preview_animation()
    first.location.x = -1.0
    first.keyframe_insert("location", frame=1)
    assert bpy.ops.likeness.transfer_expression() == {"FINISHED"}
    scene, seen = bpy.context.scene, []
    for frame in range(scene.frame_start, scene.frame_end, 9):
        scene.frame_set(frame)
        assert values(first) == values(second)
        np.testing.assert_allclose(jaw_axis(first), jaw_axis(second), atol=2e-3)
        seen.append([*values(second).values(), *jaw_axis(second)])
    assert np.ptp(seen, axis=0).max() > 0.5
    assert (first.location.x, second.location.x) == (-1.0, 1.0)


def test_copies_are_the_target_s_own(pair):
    bpy.ops.likeness.preview_animation()
    bpy.ops.likeness.transfer_expression()
    owners = [(rig, heads.mesh_object(rig).data.shape_keys) for rig in pair]
    (a, a_keys), (b, b_keys) = ([owner.animation_data.action for owner in own] for own in owners)
    assert not {a, a_keys} & {b, b_keys}
    assert (a == a_keys) == (b == b_keys)


def test_values_without_animation(pair):
    first, second = pair
    heads.keys(second)["cheekPuff"].value = 1.0
    heads.keys(first)["mouthSmileLeft"].value = 0.5
    first.likeness_sliders.pose.jaw_open = 0.3
    assert bpy.ops.likeness.transfer_expression() == {"FINISHED"}
    assert values(second)["mouthSmileLeft"] == 0.5
    assert values(second)["cheekPuff"] == 0.0
    assert second.likeness_sliders.pose.jaw_open == pytest.approx(0.3, abs=1e-4)
    np.testing.assert_allclose(jaw_axis(first), jaw_axis(second), atol=1e-4)


def test_turns_about_the_same_axis_whatever_the_chin(pair):
    """The jaw's bone points to the chin, so that its own axes differ from head to head."""
    first, second = pair
    first.pose.bones["jaw"].rotation_quaternion = (0.95, 0.1, 0.2, 0.2)
    first.pose.bones["jaw"].keyframe_insert("rotation_quaternion", frame=1)
    tilt = first.data.bones["jaw"].vector.angle(second.data.bones["jaw"].vector)
    assert tilt > 0.03
    bpy.ops.likeness.transfer_expression()
    bpy.context.scene.frame_set(1)
    np.testing.assert_allclose(jaw_axis(first), jaw_axis(second), atol=1e-4)


def test_flame_keys_come_along(pair):
    first, second = pair
    bpy.ops.likeness.add_flame_keys()
    heads.keys(first)["psi_003"].value = 2.0
    before = evaluated(heads.mesh_object(second))
    assert bpy.ops.likeness.transfer_expression() == {"FINISHED"}
    assert heads.keys(second)["psi_003"].value == 2.0
    assert np.abs(evaluated(heads.mesh_object(second)) - before).max() > 1e-3


def push_down(owner):
    """The owner's action as an NLA strip, as the button of the action editor does it."""
    data = owner.animation_data
    strip = data.nla_tracks.new().strips.new("clip", 1, data.action)
    if hasattr(strip, "action_slot"):
        strip.action_slot = data.action_slot
    data.action = None


def test_strips_come_as_keyframes(pair):
    """And the target's own are muted, or they would play on."""
    first, second = pair
    for rig in pair:
        select(rig)
        bpy.ops.likeness.preview_animation()
        for owner in (rig, heads.mesh_object(rig).data.shape_keys):
            push_down(owner)
    select(first, second)
    scene = bpy.context.scene
    scene.frame_end = 40
    scene.frame_set(11)
    assert bpy.ops.likeness.transfer_expression() == {"FINISHED"}
    assert scene.frame_current == 11
    assert second.animation_data.nla_tracks[0].mute
    assert not first.animation_data.nla_tracks[0].mute
    second.animation_data.nla_tracks.remove(second.animation_data.nla_tracks[0])
    seen = []
    for frame in (1, 11, 25, 40):
        scene.frame_set(frame)
        assert values(second) == pytest.approx(values(first), abs=1e-3)
        np.testing.assert_allclose(jaw_axis(first), jaw_axis(second), atol=2e-3)
        seen.append([*values(second).values(), *jaw_axis(second)])
    assert np.ptp(seen, axis=0).max() > 0.1


def test_drivers_and_constraints_come_as_keyframes(pair):
    """A control that drives a smile, and an eye that follows something."""
    first, second = pair
    heads.keys(first)["mouthSmileLeft"].driver_add("value").driver.expression = "frame / 10"
    thing = bpy.data.objects.new("Fly", None)
    bpy.context.scene.collection.objects.link(thing)
    constraint = first.pose.bones["left_eye"].constraints.new("DAMPED_TRACK")
    constraint.target = thing
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 2, 8
    thing.location = (0.1, -1.0, first.data.bones["left_eye"].head_local.z + 0.3)
    scene.frame_set(5)
    assert bpy.ops.likeness.transfer_expression() == {"FINISHED"}
    for frame in (2, 5, 8):
        scene.frame_set(frame)
        assert values(second)["mouthSmileLeft"] == pytest.approx(frame / 10, abs=1e-3)
    turned = [rig.pose.bones["left_eye"].matrix.to_3x3() @ rig.data.bones["left_eye"].matrix_local.to_3x3().inverted()
              for rig in pair]  # fmt: skip
    np.testing.assert_allclose(*map(np.array, turned), atol=1e-3)
    assert turned[0].to_quaternion().angle > 0.1


def test_undo_is_one_step(pair):
    bpy.ops.likeness.apply_preset(preset="Smile")
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.likeness.transfer_expression("EXEC_DEFAULT", True)
    assert values(bpy.data.objects["Bob"])["mouthSmileLeft"] > 0
    bpy.ops.ed.undo()
    assert set(values(bpy.data.objects["Bob"]).values()) == {0.0}


def test_nothing_to_transfer_is_said_and_changes_nothing(pair):
    before = inventory()
    heads.keys(pair[1])["cheekPuff"].value = 1.0
    assert bpy.ops.likeness.transfer_expression() == {"CANCELLED"}
    assert inventory() == before
    assert values(pair[1])["cheekPuff"] == 1.0


def test_needs_another_head(pair):
    select(pair[0])
    assert not bpy.ops.likeness.transfer_expression.poll()
