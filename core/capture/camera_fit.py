"""A photo's camera: where it sees points, how that changes with its motion, and from where it sees the mean head."""

from dataclasses import replace

import numpy as np

from ..parametric.lbs import rotation_matrix, skew
from ..rendering.camera import Camera
from .observation import Observation

_ITERATIONS = 4


def posed_camera(observation: Observation) -> Camera:
    """The camera that sees the mean head best: the pose comes first, lest the face is bent to do its work."""
    points = observation.model.template[: len(observation.points)]
    camera = _initial_camera(points, observation)
    whitening = observation.whitening
    for _ in range(_ITERATIONS):
        projected, _, by_pose = projection(camera, points)
        jacobian, residuals = whitened(whitening, by_pose, observation.points - projected)
        camera = moved(camera, np.linalg.solve(jacobian.T @ jacobian + 1e-9 * np.eye(6), jacobian.T @ residuals))
    return camera


def _initial_camera(points: np.ndarray, observation: Observation) -> Camera:
    """Pose by scaled orthography: the affine map of the mean head's `points` [N, 3] to those seen, made a rotation."""
    points, seen_points = points[observation.used], observation.points[observation.used]
    size, focal = observation.size, observation.focal
    center, middle = points.mean(0), seen_points.mean(0)
    affine = np.linalg.lstsq(points - center, seen_points - middle, rcond=None)[0].T
    u, scales, vt = np.linalg.svd(affine, full_matrices=False)
    rows = u @ vt
    rotation = np.stack([rows[0], rows[1], np.cross(rows[0], rows[1])])
    principal = (size[0] / 2, size[1] / 2)
    depth = focal / scales.mean()
    seen = np.array([*((middle - principal) * depth / focal), depth])
    return Camera(focal, principal, size, rotation, seen - rotation @ center)


def projection(camera: Camera, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels `[N, 2]`, and their derivatives by head-space position `[N, 2, 3]` and by camera motion `[N, 2, 6]`."""
    seen = camera.to_camera(positions)
    x, y, z = seen.T
    zero = np.zeros_like(z)
    by_seen = np.stack([np.stack([1 / z, zero, -x / z**2], -1), np.stack([zero, 1 / z, -y / z**2], -1)], 1)
    by_seen *= camera.focal
    by_pose = np.concatenate([by_seen @ -skew(seen), by_seen], -1)
    return camera.project(positions)[:, :2], by_seen @ camera.rotation, by_pose


def whitened(whitening: np.ndarray, by_state: np.ndarray, difference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jacobian `[2 N, P]` and residuals `[2 N]` in standard deviations."""
    return (whitening @ by_state).reshape(-1, by_state.shape[-1]), (whitening @ difference[..., None]).ravel()


def moved(camera: Camera, motion: np.ndarray) -> Camera:
    """The camera after a small rotation and translation `[6]` in its own space."""
    turn = rotation_matrix(motion[:3])
    return replace(camera, rotation=turn @ camera.rotation, translation=turn @ camera.translation + motion[3:])


def yaw_of(camera: Camera) -> float:
    """Radians by which the head is turned aside from the camera; positive where it shows the subject's right side."""
    return float(np.arcsin(np.clip(camera.rotation[2, 0], -1, 1)))
