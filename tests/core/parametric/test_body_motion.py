"""Rotations between rotations, and the motion of a body at another rate."""

import numpy as np
import pytest

from likeness.core.errors import InputError
from likeness.core.parametric.body_motion import BodyMotion
from likeness.core.parametric.lbs import rotation_matrix
from likeness.core.parametric.rotations import axis_angle_from_matrix, matrix_from_euler, shortest_turn, slerp
from likeness.core.parametric.smpl_joints import INDEX, JOINTS, PARENTS, adult_joints


def motion(frames: int = 31, fps: float = 30.0) -> BodyMotion:
    theta = np.zeros((frames, 24, 3), np.float32)
    theta[:, 5] = np.linspace(0, 1, frames)[:, None] * np.float32([0, 3.0, 0])
    translation = np.linspace(0, 1, frames, dtype=np.float32)[:, None] * np.float32([1, 2, 3])
    return BodyMotion(fps, theta, translation)


def test_the_joints_are_smpls() -> None:
    theirs = pytest.importorskip("smplx.joint_names")
    assert tuple(theirs.SMPLH_JOINT_NAMES[:22]) == JOINTS[:22]
    assert all(parent < joint for joint, parent in enumerate(PARENTS))
    assert [JOINTS[PARENTS[INDEX[f"left_{name}"]]] for name in ("hip", "knee", "collar", "hand")] == [
        "pelvis",
        "left_hip",
        "spine3",
        "left_wrist",
    ]


def test_the_adult_stands_in_t_pose() -> None:
    joints = adult_joints()
    left = [i for i, name in enumerate(JOINTS) if name.startswith("left_")]
    right = [INDEX[JOINTS[i].replace("left_", "right_")] for i in left]
    np.testing.assert_allclose(joints[left], joints[right] * (-1, 1, 1))
    assert (joints[left, 0] > 0).all()
    assert joints[INDEX["left_foot"], 2] > joints[INDEX["left_ankle"], 2]


@pytest.mark.parametrize("fps", [12.0, 24.0, 60.0, 23.976, 120.0])
def test_resampling(fps: float) -> None:
    """A steady turn and a steady way stay steady, from the first frame on and as long."""
    again = motion().resampled(fps)
    assert again.fps == fps
    assert again.seconds == pytest.approx(1, abs=0.5 / fps + 1e-9)
    time = np.minimum(np.arange(len(again)) / fps, 1)
    np.testing.assert_allclose(again.theta[:, 5, 1], 3 * time, atol=1e-5)
    np.testing.assert_allclose(again.translation, time[:, None] * (1, 2, 3), atol=1e-5)


def test_resampling_goes_the_short_way() -> None:
    """Axis-angles of 3 and -3 radians are 16 degrees apart."""
    theta = np.zeros((2, 24, 3), np.float32)
    theta[:, 0, 0] = 3, -3
    middle = BodyMotion(1, theta, np.zeros((2, 3), np.float32)).resampled(2).theta[1, 0]
    assert np.linalg.norm(middle) == pytest.approx(np.pi, abs=1e-4)


def test_resampling_one_frame() -> None:
    assert len(motion(1).resampled(60)) == 1


@pytest.mark.parametrize("fps", [0, -1, 1e9, float("nan")])
def test_rates_that_are_none(fps: float) -> None:
    with pytest.raises(InputError, match="frames a second, where 1 to 1000 belong"):
        motion().resampled(fps)


def test_posed_is_at_rest_without_rotation() -> None:
    still = BodyMotion(30, np.zeros((2, 24, 3), np.float32), np.float32([[0, 0, 0], [1, 2, 3]]))
    rotations, positions = still.posed(adult_joints())
    np.testing.assert_allclose(rotations, np.broadcast_to(np.eye(3), (2, 24, 3, 3)), atol=1e-9)
    np.testing.assert_allclose(positions[1] - (1, 2, 3), adult_joints(), atol=1e-6)


def test_slerp_ends_and_middle() -> None:
    first, second = (rotation_matrix(np.array(v)) for v in ([0.3, 0.1, 0.0], [0.0, 1.0, -0.4]))
    np.testing.assert_allclose(slerp(first, second, np.array(0.0)), first, atol=1e-9)
    np.testing.assert_allclose(slerp(first, second, np.array(1.0)), second, atol=1e-6)
    half = slerp(first, second, np.array(0.5))
    np.testing.assert_allclose(half @ first.T, second @ half.T, atol=1e-6)


def test_shortest_turn() -> None:
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=(2, 50, 3))
    turn = shortest_turn(start, end)
    turned = (turn @ start[..., None])[..., 0]
    np.testing.assert_allclose(np.cross(turned, end), 0, atol=1e-9)
    assert ((turned * end).sum(-1) > 0).all()
    axis = axis_angle_from_matrix(turn)
    np.testing.assert_allclose((axis * start).sum(-1), 0, atol=1e-5)


def test_shortest_turn_of_the_same_and_of_the_opposite() -> None:
    np.testing.assert_allclose(shortest_turn([1, 2, 3], [2, 4, 6]), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(shortest_turn([0, 0, 0], [2, 4, 6]), np.eye(3), atol=1e-9)
    for axis in np.eye(3):
        turn = shortest_turn(axis, -axis)
        np.testing.assert_allclose(turn @ axis, -axis, atol=1e-9)
        assert np.linalg.det(turn) == pytest.approx(1)


def test_euler_angles_are_outermost_first() -> None:
    scipy = pytest.importorskip("scipy.spatial.transform")
    angles = np.random.default_rng(0).uniform(-3, 3, (10, 3))
    for order in ("xyz", "zyx", "yxz", "zxy"):
        expected = scipy.Rotation.from_euler(order.upper(), angles).as_matrix()
        np.testing.assert_allclose(matrix_from_euler(order, angles), expected, atol=1e-12)
    np.testing.assert_array_equal(matrix_from_euler("", np.zeros((2, 0))), np.broadcast_to(np.eye(3), (2, 3, 3)))
