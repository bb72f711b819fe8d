"""Any motion file for a given body, and what is refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from likeness.core.bodies.motion import SUFFIXES, load_motion
from likeness.core.bodies.retarget import retarget
from likeness.core.errors import InputError
from likeness.core.parametric.body_motion import BodyMotion
from likeness.core.parametric.bvh import read_bvh
from likeness.core.parametric.lbs import rotation_matrix
from likeness.core.parametric.rotations import axis_angle_from_matrix
from likeness.core.parametric.smpl_joints import JOINTS


@pytest.mark.needs_data
def test_bvh_and_npz_of_one_motion_agree(data: Path, joints: np.ndarray, tmp_path: Path) -> None:
    """The npz is Z-up, and of a body a quarter larger."""
    source = data / "motion" / "02_01_walk.bvh"
    walk = retarget(read_bvh(source), joints)
    theta, z_up = walk.theta.copy(), np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    theta[:, 0] = axis_angle_from_matrix(z_up @ rotation_matrix(theta[:, 0].astype(float)))
    path = tmp_path / "walk.npz"
    trans = 1.25 * walk.translation @ z_up.T
    np.savez(path, poses=theta.reshape(len(walk), 72), trans=trans, mocap_framerate=walk.fps)
    first, second = load_motion(source, joints), load_motion(path, joints)
    above = [i for i, name in enumerate(JOINTS) if not name.endswith(("hip", "knee", "ankle", "foot", "pelvis"))]
    np.testing.assert_allclose(first.theta[:, above], second.theta[:, above], atol=1e-5)
    ways = [np.linalg.norm(np.ptp(motion.translation, 0)[[0, 2]]) for motion in (first, second)]
    assert ways[1] == pytest.approx(ways[0], rel=0.06)
    assert (first.fps, second.fps, SUFFIXES) == (60, 60, (".bvh", ".npz"))


def test_the_rate_can_be_given(walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    assert load_motion(write_bvh(walk), joints, fps=30).fps == 30
    with pytest.raises(InputError, match="0 frames a second, where 1 to 1000 belong"):
        load_motion(write_bvh(walk), joints, fps=0)


def test_a_file_that_is_not_there_or_not_a_motion(joints: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file walk.bvh"):
        load_motion(tmp_path / "walk.bvh", joints)
    (tmp_path / "walk.fbx").write_bytes(b"x")
    with pytest.raises(InputError, match="walk.fbx is not a motion that Likeness reads; it takes .bvh, .npz."):
        load_motion(tmp_path / "walk.fbx", joints)


def test_a_motion_to_the_moon(walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    walk.translation[50] = 3.8e8
    with pytest.raises(InputError, match="goes farther than 10 km away"):
        load_motion(write_bvh(walk), joints)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_few_frames(frames: int, walk: BodyMotion, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    short = BodyMotion(walk.fps, walk.theta[:frames], walk.translation[:frames])
    motion = load_motion(write_bvh(short), joints)
    assert len(motion) == frames
    assert np.isfinite(motion.theta).all()
