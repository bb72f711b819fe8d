"""Floors are found, touches are seen, and planted feet neither slide nor sink."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from likeness.core.bodies.feet import level, plant_feet
from likeness.core.bodies.motion import load_motion
from likeness.core.bodies.soles import BALL, HEEL, leveling, runs, smoothed, sole_paths, soles, touching
from likeness.core.parametric.body_motion import BodyMotion
from likeness.core.parametric.lbs import rotation_matrix
from likeness.core.parametric.rotations import axis_angle_from_matrix
from likeness.core.parametric.smpl_joints import INDEX

FPS = 60.0


def paths_of(motion: BodyMotion, joints: np.ndarray) -> np.ndarray:
    return sole_paths(*motion.posed(joints), joints, soles(joints))


def resting(places: np.ndarray, noise: float = 0.003) -> np.ndarray:
    """Soles `[F, 2, 1, 3]` of two feet, each a second on each of the `places` `[N, 3]`, lifted in between."""
    rng = np.random.default_rng(0)
    path = np.repeat(places, 70, 0)
    path[np.arange(len(path)) % 70 >= 60, 1] += 0.3
    drift = smoothed(rng.normal(0, noise, path.shape), 3)
    return np.stack([path + drift, path + drift], 1)[:, :, None]


def heights(paths: np.ndarray) -> np.ndarray:
    turn, rise = leveling(paths, FPS)
    return (paths @ turn.T + (0, rise, 0))[..., 1]


def test_the_floor_is_where_feet_rest() -> None:
    paths = resting(np.array([[0.0, -0.4, 0.0], [0.5, -0.4, 0.5]]))
    assert np.percentile(np.abs(heights(paths)[:60]), 95) < 0.01


def test_one_dip_below_is_not_the_floor() -> None:
    paths = resting(np.array([[0.0, 0.1, 0.0], [0.5, 0.1, 0.5]]))
    paths[20:24, :, :, 1] -= 0.1
    assert abs(np.median(heights(paths)[:60])) < 0.01


def test_a_step_is_not_the_floor() -> None:
    """Longer on a box than on the floor."""
    paths = resting(np.array([[0.0, 0.0, 0.0], *([1.0, 0.4, 0.0] for _ in range(5))]))
    assert abs(np.median(heights(paths)[:60])) < 0.01
    assert np.median(heights(paths)[80:]) == pytest.approx(0.4, abs=0.02)


def test_a_slope_of_the_capture_is_taken_out() -> None:
    places = np.array([[0.0, 0.02 * z, z] for z in np.linspace(0, 4, 8)])
    assert np.percentile(np.abs(heights(resting(places))[:60]), 95) < 0.015
    turn, _ = leveling(resting(places), FPS)
    assert np.degrees(np.arccos(turn[1, 1])) == pytest.approx(np.degrees(np.arctan(0.02)), abs=0.2)


def test_the_floor_of_one_frame() -> None:
    assert abs(heights(resting(np.array([[0.0, 0.7, 0.0]]))[:1])).max() < 1e-9


def test_touches_are_low_and_slow() -> None:
    time = np.arange(180) / FPS
    path = np.zeros((180, 3))
    path[:, 1] = np.where((time > 1) & (time < 2), 0.2, 0.0)
    path[120:, 2] = 1.5 * (time[120:] - 2)
    touches = touching(path[:, None], FPS)[:, 0]
    assert touches[5:55].all()
    assert not touches[62:].any()


def test_runs() -> None:
    assert runs(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 2), (3, 4), (6, 7)]
    assert runs(np.zeros(3, bool)) == []


def test_soles_are_under_the_feet(joints: np.ndarray) -> None:
    points = soles(joints)
    assert points[0, HEEL, 2] < joints[INDEX["left_ankle"], 2] < points[0, BALL, 2] < points[0, 2, 2]
    np.testing.assert_allclose(points[..., 1], 0, atol=1e-9)
    np.testing.assert_allclose(soles(joints, -0.05)[..., 1], -0.05)


def test_standing_stays(standing: BodyMotion, joints: np.ndarray) -> None:
    planted = plant_feet(standing, joints)
    np.testing.assert_allclose(planted.posed(joints)[1], standing.posed(joints)[1], atol=0.01)
    np.testing.assert_allclose(paths_of(planted, joints)[..., 1], 0, atol=1e-4)


def test_the_floor_is_zero_whatever_it_was(standing: BodyMotion, joints: np.ndarray) -> None:
    high = replace(standing, translation=standing.translation + np.float32([3, 1.3, -2]))
    np.testing.assert_allclose(paths_of(level(high, joints), joints)[..., 1], 0, atol=1e-5)


def test_sliding_feet_stand_still(standing: BodyMotion, joints: np.ndarray) -> None:
    """A body whose pelvis sways, and its feet with it."""
    time = np.arange(len(standing)) / FPS
    standing.translation[:, 0] = 0.02 * np.sin(2 * np.pi * time)
    standing.translation[:, 1] = 0.01 * np.sin(4 * np.pi * time) - 0.02
    standing.theta[:, 0, 1] = 0.05 * np.sin(2 * np.pi * time)
    before, after = (paths_of(m, joints)[:, :, :2] for m in (standing, plant_feet(standing, joints)))
    assert np.ptp(before, 0).max() > 0.04
    assert np.ptp(after, 0).max() < 1e-4


def test_a_child_on_high_ground(walk: BodyMotion, joints: np.ndarray) -> None:
    """Any skeleton of SMPL's joints, with its origin anywhere."""
    child = 0.6 * joints - (0, 0.5, 0)
    planted = plant_feet(walk, child, ground=-0.5)
    paths = sole_paths(*planted.posed(child), child, soles(child, -0.5))
    assert paths[..., 1].min() > -1e-5


def test_nothing_is_below_the_floor(walk: BodyMotion, joints: np.ndarray) -> None:
    walk.theta[:, [INDEX["left_ankle"], INDEX["right_ankle"]], 0] = 0.5 * np.sin(np.arange(len(walk)))[:, None]
    assert paths_of(level(walk, joints), joints)[..., 1].min() < -0.005
    assert paths_of(plant_feet(walk, joints), joints)[..., 1].min() > -1e-5


def test_toes_bend_up_where_the_foot_points_down(standing: BodyMotion, joints: np.ndarray) -> None:
    standing.theta[20:40, [INDEX["left_ankle"], INDEX["right_ankle"]], 0] = 0.5
    lifted = np.abs(np.arange(60) - 30) < 10
    standing.translation[lifted, 1] = 0.05
    planted = plant_feet(standing, joints)
    assert paths_of(planted, joints)[..., 1].min() > -1e-5


def test_a_foot_that_moves_on_is_let_go(standing: BodyMotion, joints: np.ndarray) -> None:
    """A slow slide of a quarter of a metre is no stand: the feet follow it."""
    long = BodyMotion(FPS, np.zeros((180, 24, 3), np.float32), np.zeros((180, 3), np.float32))
    long.translation[:, 2] = np.linspace(0, 0.25, 180)
    planted = plant_feet(long, joints)
    away = paths_of(planted, joints)[:, :, :2] - paths_of(long, joints)[:, :, :2]
    assert np.linalg.norm(away, axis=-1).max() < 0.07


def test_what_hangs_in_the_air_is_left_alone(walk: BodyMotion, joints: np.ndarray) -> None:
    """Feet that never touch: the pose stays to a hair."""
    flying = replace(walk, theta=walk.theta.copy(), translation=walk.translation.copy())
    flying.translation[:, 1] = np.linspace(0, 60, len(walk))
    planted = plant_feet(flying, joints)
    np.testing.assert_allclose(
        rotation_matrix(planted.theta[20:, 1:]), rotation_matrix(flying.theta[20:, 1:]), atol=1e-3
    )


def test_any_frame_rate(walk: BodyMotion, joints: np.ndarray) -> None:
    for fps in (1.0, 24.0, 120.0):
        assert paths_of(plant_feet(walk.resampled(fps), joints), joints)[..., 1].min() > -1e-5


def test_rotations_stay_rotations(walk: BodyMotion, joints: np.ndarray) -> None:
    planted = plant_feet(walk, joints)
    assert np.isfinite(planted.theta).all()
    again = axis_angle_from_matrix(rotation_matrix(planted.theta.astype(np.float64)))
    np.testing.assert_allclose(rotation_matrix(again), rotation_matrix(planted.theta), atol=1e-5)


@pytest.mark.needs_data
def test_a_captured_walk(data: Path, joints: np.ndarray, write_bvh: Callable[..., Path]) -> None:
    """Three steps: each foot stands in turn, and where it stands it stands still."""
    motion = load_motion(data / "motion" / "02_01_walk.bvh", joints)
    paths = paths_of(motion, joints)[:, :, [HEEL, BALL]]
    touches = touching(paths, motion.fps)
    both = touches[1:] & touches[:-1]
    assert np.linalg.norm(np.diff(paths, axis=0), axis=-1)[both].mean() < 2e-4
    assert touches.any(2).any(1).mean() > 0.8  # somebody who walks has a foot on the ground
    assert 0.3 < touches.any(2).all(1).mean() + 0.3 < 0.7
    assert np.linalg.norm(np.ptp(motion.translation, 0)[[0, 2]]) == pytest.approx(3.1, abs=0.4)
