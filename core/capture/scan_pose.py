"""Finds the head in a scan of any pose: which way up it is, in which unit, and whether there is a head at all.

Point-to-plane ICP (Chen and Medioni, 1992) with robust weights from many starts against the mean head, all starts at
once; then the linear head model, fitted from the best few, tells which of them is a head.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from ..errors import InputError
from ..parametric.arkit import ARKIT_NAMES
from ..parametric.head import SHAPES
from ..parametric.lbs import rotation_matrix
from ..rendering.shading import vertex_normals
from .linear_fit import HeadSurface, LinearFit, fit_linear
from .scan_file import UNITS, Scan

_COARSE_POINTS, _FINE_POINTS = 400, 1500
_ANCHORS = np.array([[0.0, 0.0, 0.02], [0.0, 0.0, 0.09]])
"""[2, 3] metres: where the middle of a scan may be, that of the whole head and that of a face."""
_ROUNDS = ((144, 0.04), (48, 0.02), (16, 0.01))
"""Starts at most that go into each round of ICP, the better ones of the round before, and its scale in metres."""
_ABOVE = 0.5
"""Factor of the scale for points above the skin outside of the face, which may be hair."""
_ITERATIONS = 4
"""Of a round."""
_TURN = 0.35
"""Radians that one step may turn: point-to-plane steps are linear in the rotation."""
_FINALISTS = 4
_ALIKE = 0.15, 0.01
"""Radians and metres within which two poses are the same."""
_FIT_SCALES = np.append(np.geomspace(0.015, 0.003, 6), [0.002, 0.002])
_SHARPNESS = 0.006
"""Of the support: distance from the fitted head, relative to the extent, at which a point counts half."""
LEAST_SUPPORT, LEAST_FACE = 0.15, 0.7
_SEEN, _LEAST_SEEN = 0.02, 0.2
"""Metres within which a scan's points show a part of the face, and the least share of the face that they must show."""
_RELIEF = 0.003
"""Metres from the face at which a point counts half."""


@dataclass(frozen=True)
class HeadPose:
    """Where the head is: a point p of the file lies at `rotation` (`metres` p) + `translation` in the head's frame."""

    unit: str
    rotation: np.ndarray
    """[3, 3]."""
    translation: np.ndarray
    """[3] metres."""
    beta: np.ndarray
    """[100] and"""
    arkit: np.ndarray
    """[52] of the head that was quickly fitted."""
    support: float
    """Share of the points that lie on it, 0..1."""
    face: float
    """Share of its face that points lie on, of that part of the face which points are near, 0..1."""

    @property
    def metres(self) -> float:
        """Of one unit of the file."""
        return UNITS[self.unit]

    def points(self, points: np.ndarray) -> np.ndarray:
        """The file's points `[N, 3]` in the head's frame."""
        return self.metres * points @ self.rotation.T + self.translation


def find_head(scan: Scan, surface: HeadSurface) -> HeadPose:
    """The pose of the head in `scan`, or of what is most like one."""
    poses = [pose for unit in scan.units for pose in _poses(scan, unit, surface)]
    return max(poses, key=lambda pose: pose.support * pose.face)


def refuse_no_head(surface: HeadSurface, fit: LinearFit, points: np.ndarray, name: str) -> None:
    """Raise InputError when what was fitted to `points` [N, 3] (those of `fit`) is no head that they show."""
    if _support(fit, points) < LEAST_SUPPORT or _face(surface, fit, points) < LEAST_FACE:
        raise InputError(
            f"There is no head to be found in {name}; give a scan with a face, and cut away what is no head."
        )


def _support(fit: LinearFit, points: np.ndarray) -> float:
    """Share of the points that lie on the fitted head."""
    low, high = np.percentile(points, (1, 99), axis=0)
    return float(_weight(fit.distance, _SHARPNESS * float(np.linalg.norm(high - low))).mean())


def _poses(scan: Scan, unit: str, surface: HeadSurface) -> list[HeadPose]:
    """The finalists among all poses, after a quick fit of the linear model from each."""
    points = UNITS[unit] * scan.points
    order = np.random.default_rng(0).permutation(len(points))
    coarse, fine = points[order[:_COARSE_POINTS]], points[order[:_FINE_POINTS]]
    poses = []
    for rotation, translation in _finalists(coarse, surface):
        fit = fit_linear(surface, fine @ rotation.T + translation, scales=_FIT_SCALES)
        support = _support(fit, fine)
        face = _face(surface, fit, points @ rotation.T + translation)
        motion = fit.rotation @ rotation, fit.moved(translation)
        poses.append(HeadPose(unit, *motion, fit.beta, fit.arkit, support, face))
    return poses


def _face(surface: HeadSurface, fit: LinearFit, points: np.ndarray) -> float:
    """How well the face, where it is seen, agrees with `points` [N, 3]: it has a relief that other things lack."""
    vertices = surface.points(fit.beta, fit.arkit)
    normals = vertex_normals(vertices, surface.triangles)[surface.face]
    moved = fit.moved(points)
    distance, nearest = cKDTree(moved).query(vertices[surface.face])
    seen = distance < _SEEN
    if seen.mean() < _LEAST_SEEN:
        return 0.0
    height = ((moved[nearest] - vertices[surface.face]) * normals).sum(1)
    return float(_weight(height[seen], _RELIEF).mean())


def _finalists(points: np.ndarray, surface: HeadSurface) -> list[tuple[np.ndarray, np.ndarray]]:
    """The best few distinct motions of `points` `[N, 3]` metres onto the mean head."""
    rotation, translation = _starts(points)
    for count, scale in _ROUNDS:
        rotation, translation, support = _icp(points, rotation[:count], translation[:count], surface, scale)
        order = np.argsort(-support)
        rotation, translation = rotation[order], translation[order]
    found: list[tuple[np.ndarray, np.ndarray]] = []
    middle = points.mean(0)
    for turn, offset in zip(rotation, translation, strict=True):
        place = turn @ middle + offset
        if not any(
            np.trace(turn @ other.T) > 1 + 2 * np.cos(_ALIKE[0])
            and np.linalg.norm(other @ middle + its_offset - place) < _ALIKE[1]
            for other, its_offset in found
        ):
            found.append((turn, offset))
        if len(found) == _FINALISTS:
            break
    return found


def _starts(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations `[S, 3, 3]` and translations `[S, 3]`: those of icosahedron and cube, with each of the anchors.

    The cube's are there because most files have some axis up and another one to the front.
    """
    rotations = np.concatenate([Rotation.create_group(name).as_matrix() for name in "IO"])
    rotations = np.unique(rotations.round(9), axis=0)
    anchors = np.tile(_ANCHORS, (len(rotations), 1))
    rotations = np.repeat(rotations, len(_ANCHORS), 0)
    return rotations, anchors - rotations @ np.median(points, 0)


def _icp(
    points: np.ndarray, rotation: np.ndarray, translation: np.ndarray, surface: HeadSurface, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refine S motions of `points` `[N, 3]` onto the mean head; also the mean weights of the points, `[S]`."""
    mean = surface.points(np.zeros(SHAPES), np.zeros(len(ARKIT_NAMES)))
    normals, tree = vertex_normals(mean, surface.triangles), cKDTree(mean)
    for _ in range(_ITERATIONS):
        moved = points @ rotation.swapaxes(1, 2) + translation[:, None]
        distance, nearest = tree.query(moved)
        normal, middle = normals[nearest], moved.mean(1)
        residual = ((mean[nearest] - moved) * normal).sum(-1)
        above = (residual < 0) & ~surface.face[nearest]
        weight = _weight(distance, np.where(above, _ABOVE * scale, scale)) ** 2
        jacobian = np.concatenate([np.cross(moved - middle[:, None], normal), normal], -1)
        weighted = (weight[..., None] * jacobian).swapaxes(1, 2)
        step = np.linalg.solve(weighted @ jacobian + 1e-6 * np.eye(6), weighted @ residual[..., None])[..., 0]
        angle = np.linalg.norm(step[:, :3], axis=1, keepdims=True)
        turn = rotation_matrix(step[:, :3] * np.minimum(1, _TURN / np.maximum(angle, 1e-9)))
        rotation = turn @ rotation
        translation = (turn @ (translation - middle)[..., None])[..., 0] + middle + step[:, 3:]
    moved = points @ rotation.swapaxes(1, 2) + translation[:, None]
    return rotation, translation, _weight(tree.query(moved)[0], scale).mean(1)


def _weight(distance: np.ndarray, scale: float | np.ndarray) -> np.ndarray:
    """1 on the surface, half at `scale`; its square is Geman and McClure's."""
    return 1 / (1 + (distance / scale) ** 2)
