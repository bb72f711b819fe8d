"""From a seed, a photo and a motion to files, by the real command: what other programs read of them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from likeness.core.avatar import Avatar
from likeness.core.bodies.avatar import body_joints
from likeness.core.bodies.motion import load_motion
from likeness.core.evaluation.body_avatar import compare, farthest, read_moving
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.body_motion import BodyMotion
from likeness.core.parametric.joint_names import FACE_JOINTS

LIMIT = 1.0
"""Millimetres."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_dressed_body_with_a_photos_head_walks_in_both_files_as_the_engine_has_it(
    astronaut: Path, walk: BodyMotion, write_bvh: Callable[..., Path], tmp_path: Path
) -> None:
    path, out = write_bvh(walk), tmp_path / "out"
    order = ["--seed", "6", "--head", astronaut, "--motion", path, "--formats", "glb,fbx,npz", "--resolution", "96"]
    subprocess.run([Path(sys.executable).with_name("likeness"), "body", *order, "--out", out], check=True)

    body = Avatar.load(out / "body.npz")
    assert {"top", "bottom", "shoes", "teeth_upper"} < {part.name for part in body.parts}  # dressed, a head of its own
    motion = load_motion(path, body_joints(body), ground=0.0)
    assert np.ptp(motion.translation, 0).max() > 1
    glb, fbx = (read_moving(out / f"body.{kind}", motion) for kind in ("glb", "fbx"))
    for found in (glb, fbx):
        assert set(found["keys"]) == {*ARKIT_NAMES, *body.correctives}
        assert {*FACE_JOINTS["smpl"]} < set(found["names"]) == {joint.name for joint in body.joints}
        errors = compare(body, motion, found)
        assert max(errors["joints"], errors["vertices"]) < LIMIT
    assert fbx["vertices"].shape[1] == sum(len(part.vertices) for part in body.parts)
    assert max(farthest(glb["vertices"], fbx["vertices"]), farthest(fbx["vertices"], glb["vertices"])) < LIMIT
    joints = [found["joints"][:, np.argsort(found["names"])] for found in (glb, fbx)]
    assert 1000 * np.linalg.norm(joints[0] - joints[1], axis=-1).max() < LIMIT
