"""Clips as keyframes."""

import bpy
import numpy as np
import pytest

from likeness.blender_addon import animate, heads
from likeness.blender_addon.axes import to_blender
from likeness.blender_addon.build import build
from likeness.core.errors import InputError
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.clip import Clip
from likeness.core.parametric.demo_clip import demo_clip

from .meshes import evaluated

FPS = 30


@pytest.fixture
def rig(avatar):
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = FPS
    return build(avatar)


def test_every_channel_has_its_value_at_every_frame(rig):
    clip = demo_clip()
    action = animate.write_clip(rig, clip, start=5)
    assert tuple(action.frame_range) == (5, 4 + len(clip))
    for frame in (0, 33, 95):
        bpy.context.scene.frame_set(5 + frame)
        values = [heads.keys(rig)[name].value for name in ARKIT_NAMES]
        np.testing.assert_allclose(values, clip.arkit[frame], atol=1e-5)
        expected = heads.bone_rotations(rig, clip.theta[frame])[1]
        np.testing.assert_allclose(rig.pose.bones["neck"].rotation_quaternion, expected, atol=1e-5)


def test_bones_move_as_flame(rig, model, beta):
    theta = np.zeros((2, 5, 3), np.float32)
    theta[1, 1:3] = [[0.1, 0.3, -0.05], [0.25, 0, 0]]
    animate.write_clip(rig, Clip(FPS, theta=theta))
    bpy.context.scene.frame_set(2)
    expected = model.vertices(beta, np.zeros(50, np.float32), theta[1])
    np.testing.assert_allclose(evaluated(heads.mesh_object(rig))[: len(expected)], to_blender(expected), atol=5e-5)


def test_clip_takes_the_scenes_frame_rate(rig):
    bpy.context.scene.render.fps = 24
    arkit = np.zeros((61, 52), np.float32)
    arkit[:, 3] = np.linspace(0, 1, 61)
    action = animate.write_clip(rig, Clip(60, arkit=arkit))
    assert tuple(action.frame_range) == (1, 25)
    bpy.context.scene.frame_set(13)
    assert heads.keys(rig)[ARKIT_NAMES[3]].value == pytest.approx(0.5)


def test_a_new_clip_replaces_the_old_one(rig):
    animate.write_clip(rig, demo_clip())
    still = Clip(FPS, arkit=np.full((3, 52), 0.5, np.float32))
    animate.write_clip(rig, still)
    bpy.context.scene.frame_set(60)
    assert {round(heads.keys(rig)[name].value, 5) for name in ARKIT_NAMES} == {0.5}


def test_psi_needs_its_keys(rig, model):
    clip = Clip(FPS, psi=np.linspace(0, 2, 3 * 50, dtype=np.float32).reshape(3, 50))
    with pytest.raises(InputError, match="no shape keys for FLAME expressions"):
        animate.write_clip(rig, clip)
    heads.add_psi_keys(rig, model)
    animate.write_clip(rig, clip)
    bpy.context.scene.frame_set(2)
    assert heads.keys(rig)["psi_049"].value == pytest.approx(clip.psi[1, 49])
