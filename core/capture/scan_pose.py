"""Finds the head in a scan of any pose: which way up it is, in which unit, and whether there is a head at all.

Point-to-plane ICP (Chen and Medioni, 1992) with robust weights from many starts against the mean head, all starts at
once; then the linear head model, fitted from the best few, tells which of them is a head. ICP matches both ways, the
scan's points with the head and the head's face with the scan: most of a scan may be hair, but the face is bare.
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

_COARSE_POINTS, _FINE_POINTS, _DENSE_POINTS = 400, 1500, 6000
_FACE_POINTS = 130
"""About that many points of the face look for the scan,"""
_FACE_SHARES = (0.0, 1.0)
"""and count in one search nothing, in another as much as the scan's points: each finds some heads of much hair that the
other does not."""
_ANCHORS = np.array([[0.0, 0.0, 0.02], [0.0, 0.0, 0.09], [0.0, 0.0, -0.035]])
"""[3, 3] metres: where the middle of a scan may be, that of the whole head, of a face, and of long hair."""
_ROUNDS = ((216, 0.04), (48, 0.02), (16, 0.01))
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
LEAST_FIT, LEAST_FACE = 0.15, 0.7
"""Of support times face, and of the face alone: held-out heads under much hair reach 0.2 and 0.73, a hand 0.12."""
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
    face = _face(surface, fit, points)
    if face < LEAST_FACE or _support(fit, points) * face < LEAST_FIT:
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
    coarse, fine, dense = (points[order[:count]] for count in (_COARSE_POINTS, _FINE_POINTS, _DENSE_POINTS))
    poses = []
    for rotation, translation in _finalists(coarse, dense, surface):
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


def _finalists(points: np.ndarray, dense: np.ndarray, surface: HeadSurface) -> list[tuple[np.ndarray, np.ndarray]]:
    """The best few distinct motions of `points` `[N, 3]` metres, some of the `dense` ones, onto the mean head."""
    target = _Target.of(surface, dense)
    return [motion for share in _FACE_SHARES for motion in _best_few(points, target, share)]


def _best_few(points: np.ndarray, target: "_Target", face_share: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Those that one search finds."""
    rotation, translation = _starts(points)
    for count, scale in _ROUNDS:
        rotation, translation, support = _icp(points, rotation[:count], translation[:count], target, scale, face_share)
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


@dataclass(frozen=True)
class _Target:
    """The mean head and the scan, for matching one with the other."""

    mean: np.ndarray
    """[V, 3] metres."""
    normals: np.ndarray
    """[V, 3]."""
    tree: cKDTree
    """Of the mean head."""
    face: np.ndarray
    """[V] bool."""
    probes: np.ndarray
    """[F] indices of some of the face's vertices."""
    scan: cKDTree

    @classmethod
    def of(cls, surface: HeadSurface, scan: np.ndarray) -> "_Target":
        mean = surface.points(np.zeros(SHAPES), np.zeros(len(ARKIT_NAMES)))
        probes = np.flatnonzero(surface.face)
        probes = probes[:: max(len(probes) // _FACE_POINTS, 1)]
        return cls(mean, vertex_normals(mean, surface.triangles), cKDTree(mean), surface.face, probes, cKDTree(scan))

    def matched(
        self, points: np.ndarray, rotation: np.ndarray, translation: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For S motions of `points` [N, 3]: points moved `[S, N + F, 3]`, their vertices, and how far apart these are.

        The first N are the given points with the vertices that they are nearest to; the others the face's probes with
        the scan's points that are nearest to them.
        """
        turn = rotation.swapaxes(1, 2)
        moved = points @ turn + translation[:, None]
        distance, vertex = self.tree.query(moved)
        reach, hit = self.scan.query((self.mean[self.probes] - translation[:, None]) @ rotation)
        found = self.scan.data[hit] @ turn + translation[:, None]
        probes = np.tile(self.probes, (len(rotation), 1))
        return tuple(np.concatenate(pair, 1) for pair in ((moved, found), (vertex, probes), (distance, reach)))


def _icp(
    points: np.ndarray, rotation: np.ndarray, translation: np.ndarray, target: _Target, scale: float, face_share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Refine S motions of `points` `[N, 3]` onto the mean head; also how well points and face are matched, `[S]`."""
    count = len(points)
    share = np.append(np.ones(count), np.full(len(target.probes), face_share * count / len(target.probes)))
    for _ in range(_ITERATIONS):
        moved, vertex, distance = target.matched(points, rotation, translation)
        normal, middle = target.normals[vertex], moved[:, :count].mean(1)
        residual = ((target.mean[vertex] - moved) * normal).sum(-1)
        above = (residual < 0) & ~target.face[vertex]
        weight = share * _weight(distance, np.where(above, _ABOVE * scale, scale)) ** 2
        jacobian = np.concatenate([np.cross(moved - middle[:, None], normal), normal], -1)
        weighted = (weight[..., None] * jacobian).swapaxes(1, 2)
        step = np.linalg.solve(weighted @ jacobian + 1e-6 * np.eye(6), weighted @ residual[..., None])[..., 0]
        angle = np.linalg.norm(step[:, :3], axis=1, keepdims=True)
        turn = rotation_matrix(step[:, :3] * np.minimum(1, _TURN / np.maximum(angle, 1e-9)))
        rotation = turn @ rotation
        translation = (turn @ (translation - middle)[..., None])[..., 0] + middle + step[:, 3:]
    fitting = _weight(target.matched(points, rotation, translation)[2], scale)
    return rotation, translation, fitting[:, :count].mean(1) * fitting[:, count:].mean(1) ** (2 * face_share)


def _weight(distance: np.ndarray, scale: float | np.ndarray) -> np.ndarray:
    """1 on the surface, half at `scale`; its square is Geman and McClure's."""
    return 1 / (1 + (distance / scale) ** 2)
