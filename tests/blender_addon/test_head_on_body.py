"""A walking body with a head of its own, exported and read back: one file, no gap, the face alive."""

import bpy
import numpy as np
import pytest

from likeness.blender_addon import animate, export, heads
from likeness.blender_addon.build import build
from likeness.core.bodies.avatar import body_avatar
from likeness.core.bodies.head_on_body import with_head
from likeness.core.bodies.shape import random_beta
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.body_motion import BodyMotion
from likeness.core.parametric.joint_limits import random_turns
from likeness.core.parametric.smpl_joints import JOINTS

from .meshes import evaluated, weights
from .test_export import imported

FRAMES = 20
GAP = 1e-4
"""Metres."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(avatar, tmp_path_factory):
    """The exported files of a body that takes a random pose in each frame, and the original's joints in the last."""
    model = BodyModel.load()
    joined = with_head(body_avatar(model, random_beta(4, model), name="Body"), avatar)
    rng = np.random.default_rng(0)
    theta = np.stack([np.zeros((FRAMES, 3)), *(random_turns(joint, FRAMES, rng) for joint in JOINTS[1:])], 1)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 30
    rig = build(joined)
    animate.write_motion(rig, BodyMotion(30.0, theta.astype(np.float32), np.zeros((FRAMES, 3), np.float32)))
    folder = tmp_path_factory.mktemp("joined")
    for name in ("gltf", "fbx_generic"):
        export.export_head(rig, folder / f"body{export.PRESETS[name].extension}", name)
    bpy.context.scene.frame_set(FRAMES)
    moved = evaluated(heads.mesh_object(rig))
    return folder, joined, (moved.min(0), moved.max(0))


def seam(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Vertices of the body's skin and those of the head's that lie where they do, [N] each."""
    names = [material.name.partition(".")[0] for material in mesh.materials]
    own = [
        {v for p in mesh.polygons if names[p.material_index] == name for v in p.vertices}
        for name in ("body_skin", "skin")
    ]
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    below, above = (np.array(sorted(each)) for each in own)
    above = above[np.argsort(points[above, 2])[: len(above) // 3]]
    below = below[np.argsort(-points[below, 2])[: 3 * len(above)]]
    distance = np.linalg.norm(points[below][:, None] - points[above][None], axis=2)
    met = distance.min(1) < GAP
    return below[met], above[distance[met].argmin(1)]


@pytest.mark.parametrize("name", ["body.glb", "body.fbx"])
def test_round_trip(files, name):
    folder, joined, (low, high) = files
    rig, thing = imported(folder / name)
    keys = thing.data.shape_keys.key_blocks
    assert {*ARKIT_NAMES, *joined.correctives} == {key.name for key in keys[1:]}
    assert {bone.name for bone in rig.data.bones} == {joint.name for joint in joined.joints}
    assert {rig.data.bones[name].parent.name for name in ("jaw", "left_eye", "right_eye")} == {"head"}
    below, above = seam(thing.data)
    assert len(below) > 60
    dense = weights(thing)
    np.testing.assert_allclose(dense[below], dense[above], atol=1e-6)
    for frame in range(1, FRAMES + 1):
        bpy.context.scene.frame_set(frame)
        moved = evaluated(thing)
        assert np.linalg.norm(moved[below] - moved[above], axis=1).max() < GAP
    np.testing.assert_allclose([moved.min(0), moved.max(0)], [low, high], atol=2e-3)

    for key in ("jawOpen", "mouthSmileLeft", "eyeBlinkLeft"):
        keys[key].value = 1.0
        open_ = evaluated(thing)
        keys[key].value = 0.0
        assert np.linalg.norm(open_ - moved, axis=1).max() > 0.004
        assert np.linalg.norm(open_[below] - open_[above], axis=1).max() < GAP
    jaw = rig.pose.bones["jaw"]
    jaw.rotation_mode = "XYZ"
    jaw.rotation_euler = 0.3, 0, 0
    bpy.context.view_layer.update()
    assert 0.01 < np.linalg.norm(evaluated(thing) - moved, axis=1).max() < 0.05
