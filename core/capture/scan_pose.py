"""Finds the head in a scan of any pose: which way up it is, in which unit, and whether there is a head at all.

Trimmed ICP (Chetverikov et al., 2002) with point-to-plane steps (Chen and Medioni, 1992) from many starts against the
mean head, all starts at once; then the linear head model, fitted from the best few, tells which of them is a head.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from ..errors import InputError
from ..parametric.arkit import ARKIT_NAMES
from ..parametric.head import SHAPES
from ..parametric.lbs import rotation_matrix
from .linear_fit import HeadSurface, fit_linear
from .scan_file import UNITS, Scan, thinned

_COARSE_POINTS, _FINE_POINTS = 400, 1500
_ITERATIONS = 12
_KEPT = 0.7
"""Share of the points that an ICP step trusts; the rest is hair, shoulders and strays."""
_TURN = 0.35
"""Radians that one step may turn: point-to-plane steps are linear in the rotation."""
_FINALISTS = 6
_ALIKE = 0.15, 0.01
"""Radians and metres within which two poses are the same."""
_FIT_SCALES = np.append(np.geomspace(0.015, 0.003, 6), [0.002, 0.002])
LARGEST_MISFIT = 0.01
_ANCHORS = np.array([[0.0, 0.0, 0.02], [0.0, 0.0, 0.09]])
"""[2, 3] metres: where the middle of a scan may be, that of the whole head and that of a face."""


@dataclass(frozen=True)
class HeadPose:
    """Where the head is: a point p of the file lies at `rotation` (`metres` p) + `translation` in the head's frame."""

    unit: str
    rotation: np.ndarray
    """[3, 3]."""
    translation: np.ndarray
    """[3] metres."""
    misfit: float
    """Trimmed mean distance from the quickly fitted head, relative to the scan's extent."""

    @property
    def metres(self) -> float:
        """Of one unit of the file."""
        return UNITS[self.unit]

    def points(self, points: np.ndarray) -> np.ndarray:
        """The file's points `[N, 3]` in the head's frame."""
        return self.metres * points @ self.rotation.T + self.translation


def find_head(scan: Scan, surface: HeadSurface) -> HeadPose:
    """The pose of the head in `scan`. Raises InputError when there is none."""
    poses = [pose for unit in scan.units for pose in _poses(scan, unit, surface)]
    best = min(poses, key=lambda pose: pose.misfit)
    if best.misfit > LARGEST_MISFIT:
        raise InputError(
            f"There is no head to be found in {scan.name}; cut away what is no head, or give a scan that shows the face."
        )
    return best


def _poses(scan: Scan, unit: str, surface: HeadSurface) -> list[HeadPose]:
    """The finalists among all poses, after a quick fit of the linear model from each."""
    points = UNITS[unit] * scan.points
    coarse, fine = (points[thinned(points, count)] for count in (_COARSE_POINTS, _FINE_POINTS))
    poses = []
    for rotation, translation in _finalists(coarse, surface):
        fit = fit_linear(surface, fine @ rotation.T + translation, scales=_FIT_SCALES)
        misfit = _trimmed(fit.distance[None])[0] / (UNITS[unit] * scan.extent)
        poses.append(HeadPose(unit, fit.rotation @ rotation, fit.moved(translation), misfit))
    return poses


def _finalists(points: np.ndarray, surface: HeadSurface) -> list[tuple[np.ndarray, np.ndarray]]:
    """The best few distinct motions of `points` `[N, 3]` metres onto the mean head."""
    rotation, translation = _starts(points)
    rotation, translation, distance = _icp(points, rotation, translation, surface)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    middle = points.mean(0)
    for index in np.argsort(distance):
        turn, shift = rotation[index], rotation[index] @ middle + translation[index]
        if not any(
            np.trace(turn @ other.T) > 1 + 2 * np.cos(_ALIKE[0])
            and np.linalg.norm(other @ middle + offset - shift) < _ALIKE[1]
            for other, offset in found
        ):
            found.append((turn, translation[index]))
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
    points: np.ndarray, rotation: np.ndarray, translation: np.ndarray, surface: HeadSurface
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refine S motions of `points` `[N, 3]` onto the mean head; also their trimmed mean distances `[S]`."""
    mean = surface.points(np.zeros(SHAPES), np.zeros(len(ARKIT_NAMES)))
    normals, tree = surface.normals(mean), cKDTree(mean)
    for _ in range(_ITERATIONS):
        moved = points @ rotation.swapaxes(1, 2) + translation[:, None]
        distance, nearest = tree.query(moved)
        normal, middle = normals[nearest], moved.mean(1)
        weight = distance <= np.quantile(distance, _KEPT, 1, keepdims=True)
        jacobian = np.concatenate([np.cross(moved - middle[:, None], normal), normal], -1)
        weighted = (weight[..., None] * jacobian).swapaxes(1, 2)
        residual = ((mean[nearest] - moved) * normal).sum(-1)
        step = np.linalg.solve(weighted @ jacobian + 1e-6 * np.eye(6), weighted @ residual[..., None])[..., 0]
        angle = np.linalg.norm(step[:, :3], axis=1, keepdims=True)
        turn = rotation_matrix(step[:, :3] * np.minimum(1, _TURN / np.maximum(angle, 1e-9)))
        rotation = turn @ rotation
        translation = (turn @ (translation - middle)[..., None])[..., 0] + middle + step[:, 3:]
    moved = points @ rotation.swapaxes(1, 2) + translation[:, None]
    return rotation, translation, _trimmed(tree.query(moved)[0])


def _trimmed(distance: np.ndarray) -> np.ndarray:
    """Mean of the smallest `_KEPT` of distances `[S, N]`: `[S]`."""
    return np.sort(distance, 1)[:, : int(_KEPT * distance.shape[1])].mean(1)
