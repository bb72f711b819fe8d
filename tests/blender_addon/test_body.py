"""A body in Blender: built, moved, exported and read back."""

import subprocess
import sys

import bpy
import numpy as np
import pytest

from likeness.blender_addon import animate, export, heads, views
from likeness.blender_addon.axes import from_blender
from likeness.blender_addon.build import build
from likeness.blender_addon.readback import read_back
from likeness.core.bodies.avatar import body_avatar, body_joints
from likeness.core.bodies.motion import load_motion
from likeness.core.bodies.posing import posed, posed_joints
from likeness.core.bodies.shape import random_beta
from likeness.core.errors import InputError
from likeness.core.evaluation.body_avatar import compare, read_moving
from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.body_motion import BodyMotion
from likeness.core.parametric.clip import Clip
from likeness.core.parametric.joint_limits import random_turns
from likeness.core.parametric.joint_names import JOINT_NAMES
from likeness.core.parametric.smpl_joints import INDEX, JOINTS

from .meshes import evaluated, weights

FPS, FRAMES = 30, 31
CHECKED = [1, 8, 16, 24, FRAMES]


@pytest.fixture(scope="module", params=["smpl", "unreal"])
def body(request):
    model = BodyModel.load()
    return body_avatar(model, random_beta(3, model), name="Bo", joint_names=request.param)


@pytest.fixture(scope="module")
def motion():
    """A second in which every joint goes to where it may go, the body turns round twice, walks and jumps."""
    rng = np.random.default_rng(4)
    share = np.sin(np.linspace(0, 2 * np.pi, FRAMES))[:, None, None]
    ends = np.stack([np.zeros(3), *(random_turns(joint, 1, rng)[0] for joint in JOINTS[1:])])
    theta = share * ends
    theta[:, 0, 1] = np.linspace(0, 4 * np.pi, FRAMES)
    way = np.linspace(0, 1, FRAMES)
    translation = np.stack([way, 0.2 * np.abs(np.sin(6 * way)), 2 * way], 1)
    return BodyMotion(FPS, theta.astype(np.float32), translation.astype(np.float32), source="Dance")


@pytest.fixture
def rig(body):
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = FPS, 1.0
    return build(body)


def at(motion, frame):
    return motion.theta[frame - 1], motion.translation[frame - 1]


def test_what_is_built(rig, body):
    mesh = heads.mesh_object(rig)
    assert {bone.name for bone in rig.data.bones} == {joint.name for joint in body.joints}
    assert heads.joint_bones(rig) == JOINT_NAMES[body.joint_names]
    assert [key.name for key in heads.keys(rig)] == ["Basis", *body.correctives]
    dense = weights(mesh)
    assert (dense > 0).sum(1).max() <= 4
    np.testing.assert_allclose(dense.sum(1), 1, atol=1e-4)
    drivers = mesh.data.shape_keys.animation_data.drivers
    assert len(drivers) == len(body.correctives)
    assert all(curve.driver.is_simple_expression and curve.driver.is_valid for curve in drivers)


def test_a_pose_is_the_avatars_with_its_correctives(rig, body, motion):
    theta, _ = at(motion, 8)
    heads.pose(rig, theta)
    found = from_blender(evaluated(heads.mesh_object(rig)))
    np.testing.assert_allclose(found, posed(body, theta, np.zeros(3)), atol=2e-5)


def test_a_motion_moves_every_joint_at_the_scenes_frame_rate(rig, body, motion):
    bpy.context.scene.render.fps = 2 * FPS
    action = animate.write_motion(rig, motion, start=10)
    assert tuple(action.frame_range) == (10, 10 + 2 * (FRAMES - 1))
    for frame in CHECKED:
        bpy.context.scene.frame_set(10 + 2 * (frame - 1))
        found = [from_blender(np.array(rig.pose.bones[name].head)) for name in heads.joint_bones(rig)]
        np.testing.assert_allclose(found, posed_joints(body, *at(motion, frame)), atol=2e-5)


def test_between_frames_a_body_that_turns_round_does_not_spin_back(rig, motion):
    animate.write_motion(rig, motion)
    pelvis, turns = heads.joint_bones(rig)[0], []
    for frame in range(1, FRAMES):
        bpy.context.scene.frame_set(frame, subframe=0.5)
        turns.append(np.array(rig.pose.bones[pelvis].matrix.to_quaternion()))
    steps = np.abs((np.array(turns[1:]) * np.array(turns[:-1])).sum(1))
    assert steps.min() > np.cos(np.radians(30))


def test_the_root_goes_over_the_floor(rig, motion):
    animate.write_motion(rig, motion)
    bpy.context.scene.frame_set(FRAMES)
    place = from_blender(np.array(rig.pose.bones["root"].head))
    np.testing.assert_allclose(place, [1, 0, 2], atol=1e-5)


@pytest.mark.parametrize("preset", ["gltf", "fbx_generic", "fbx_unreal"])
def test_exported_files_move_to_a_millimetre(rig, body, motion, preset, tmp_path):
    animate.write_motion(rig, motion)
    path = tmp_path / f"body{export.PRESETS[preset].extension}"
    export.export_head(rig, path, preset)
    found = read_back(path, FPS, CHECKED)
    assert set(found["names"]) == {joint.name for joint in body.joints}
    assert set(found["keys"]) == set(body.correctives)
    order = [found["names"].tolist().index(name) for name in JOINT_NAMES[body.joint_names]]
    for k, frame in enumerate(CHECKED):
        np.testing.assert_allclose(found["joints"][k, order], posed_joints(body, *at(motion, frame)), atol=1e-4)
        moved = posed(body, *at(motion, frame))
        np.testing.assert_allclose(found["vertices"][k].min(0), moved.min(0), atol=1e-4)
        np.testing.assert_allclose(found["vertices"][k].max(0), moved.max(0), atol=1e-4)
        if path.suffix == ".fbx":  # glTF splits vertices at seams
            np.testing.assert_allclose(found["vertices"][k], moved, atol=1e-4)


def test_a_body_is_no_head(rig, model, motion):
    mesh = heads.mesh_object(rig)
    bpy.context.view_layer.objects.active = mesh
    assert heads.find(mesh) == rig
    assert views.active_head(bpy.context) is None
    with pytest.raises(InputError, match="Bo is a body, and a head is needed"):
        heads.carriers(rig, model)
    with pytest.raises(InputError, match="Bo is a body, and a head is needed"):
        animate.write_clip(rig, Clip(FPS, arkit=np.zeros((2, 52), np.float32)))


def test_a_head_is_no_body(avatar, motion):
    bpy.ops.wm.read_homefile(use_empty=True)
    with pytest.raises(InputError, match="Ada is a head, and a body is needed"):
        animate.write_motion(build(avatar), motion)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--levels"], 2, "Bo is a body; levels of detail and expressions are a head's."),
        (["--animate", "demo"], 3, "There is no file demo."),
    ],
)
def test_what_batch_refuses(body, tmp_path, arguments, code, sentence):
    if body.joint_names != "smpl":
        pytest.skip("once is enough")
    body.save(tmp_path / "body.npz")
    command = [sys.executable, "-m", "likeness.blender_addon.batch", str(tmp_path / "body.npz")]
    done = subprocess.run([*command, "--out", str(tmp_path / "out"), *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (code, sentence)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("rate", [24.0, 59.94, 120.0])
def test_a_motion_of_any_frame_rate_leaves_as_it_came(tmp_path, rate):
    """Through batch, as the command line makes files: to a millimetre, at the times of the motion's own frames."""
    frames = round(rate) + 1
    poses = np.zeros((frames, 156))
    poses[:, 0], poses[:, 3 * INDEX["left_elbow"] + 1] = np.pi / 2, np.linspace(0, -1.5, frames)
    np.savez(tmp_path / "arm.npz", poses=poses, trans=np.zeros((frames, 3)), mocap_framerate=np.array(rate))
    model = BodyModel.load()
    made = body_avatar(model, random_beta(3, model), joint_names="vrm")
    made.save(tmp_path / "body.npz")
    order = [str(tmp_path / "body.npz"), "--out", str(tmp_path), "--name", "body", "--formats", "glb,fbx"]
    command = [sys.executable, "-m", "likeness.blender_addon.batch", *order, "--animate", str(tmp_path / "arm.npz")]
    subprocess.run(command, check=True, capture_output=True)
    motion = load_motion(tmp_path / "arm.npz", body_joints(made), ground=0.0)
    for kind in ("glb", "fbx"):
        found = compare(made, motion, read_moving(tmp_path / f"body.{kind}", motion))
        assert max(found["joints"], found["vertices"]) < 1
