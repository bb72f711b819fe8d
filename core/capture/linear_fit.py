"""The linear head model fitted to points: robust point-to-plane ICP over shape, expression and pose.

Gauss-Newton as in Amberg et al., "Expression Invariant 3D Face Recognition with a Morphable Model", 2008, with the
Geman-McClure weights of Zhou et al., "Fast Global Registration", ECCV 2016, whose scale shrinks from centimetres to the
noise: hair, shoulders and strays lose their say, and the prior, which is relative to it, lets go from coarse to fine.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from ..implicit.field import CANONICAL_JAW
from ..parametric.arkit import ARKIT_NAMES, INDEX
from ..parametric.head import SHAPES, HeadModel, LevelOfDetail
from ..parametric.lbs import rotation_matrix
from ..rendering.rasterise import triangulate
from ..rendering.shading import vertex_normals
from .landmark_fit import bounded_step
from .points import PointModel

CANONICAL: np.ndarray = np.zeros(len(ARKIT_NAMES))
"""[52] ARKit weights of the canonical pose."""
CANONICAL[INDEX["jawOpen"]] = CANONICAL_JAW
_SCALES = np.concatenate([np.geomspace(0.02, 0.006, 8), np.geomspace(0.004, 1e-3, 5), np.full(5, 1e-3)])
"""Metres: scale of the weights by iteration, or the noise where that is larger."""
_ARKIT_PRECISION = 8.0
"""Of the prior over ARKit weights, against 1 of beta's."""
_INDEPENDENT = 0.1
"""Share of the points that count as independent measurements: neighbours err alike."""
_SURE, _LEAST_FACE = 0.25, 0.02
"""Share of the face's points that are surely of its skin: theirs is the noise, 3 x |r| at that quantile if Gaussian.
Without that many points on the face, all of them are asked."""
_ABOVE = 0.3
"""Factor of the scale for points above the skin outside of the face: hair is there, and nothing like it below."""
_HEIGHT, _HAIRLESS = 0.008, 0.15
"""A head is taken to have no hair when fewer than that share of the points are more than that many metres off."""
_FACING = 0.3
"""Least cosine between the normals of a point and of the surface that it is matched with."""


@dataclass(frozen=True)
class HeadSurface:
    """The outer skin of the head model, without sockets, as points that move with beta and the ARKit weights."""

    points: PointModel
    triangles: np.ndarray
    """[T, 3]."""
    face: np.ndarray
    """[V] bool: the face below the top of the brows and no wider than they are, where no hair lies."""
    spacing: float
    """Metres between neighbouring points, at most."""

    @classmethod
    def of(cls, model: HeadModel, level: int = 0) -> "HeadSurface":
        """At a level of detail: 0 all vertices, 1 and 2 fewer of them."""
        detail = model.details[level - 1] if level else _full_detail(model)
        inner = np.maximum(*(detail.carry(model.masks[name]) for name in ("mouth_socket", "eye_sockets")))
        skin = detail.faces[detail.face_part == model.parts.index("skin")]
        faces = triangulate(skin[(inner[skin] < 0.5).all(1)])[0]
        index, compact = np.unique(faces, return_inverse=True)
        points = PointModel.of(model, detail.source[index], detail.weights[index], np.zeros((len(index), 3)))
        points = replace(points, correctives=np.ascontiguousarray(points.correctives))
        edges = points.template[compact.reshape(-1, 3)] - points.template[np.roll(compact.reshape(-1, 3), 1, 1)]
        brows = model.v_template[model.masks["brows"] > 0.5]
        bare = (np.abs(points.template[:, 0]) < brows[:, 0].max()) & (points.template[:, 1] < brows[:, 1].max())
        face = bare & (detail.carry(model.masks["narrow_face"])[index] > 0.5)
        return cls(points, compact.reshape(-1, 3), face, float(np.percentile(np.linalg.norm(edges, axis=-1), 99)))

    def canonical(self, fit: "LinearFit", points: np.ndarray) -> np.ndarray:
        """About where points `[N, 3]` of the fitted head's frame lie in the canonical pose: as their vertices do."""
        posed = self.points(fit.beta, fit.arkit)
        _, vertex = cKDTree(posed).query(points)
        return points + (self.points(fit.beta, CANONICAL) - posed)[vertex]


def _full_detail(model: HeadModel) -> LevelOfDetail:
    """All vertices of the model, each carried by itself."""
    source = np.repeat(np.arange(len(model.v_template))[:, None], 3, 1)
    weights = np.tile(np.eye(3, dtype=np.float32)[0], (len(source), 1))
    return LevelOfDetail(source, weights, model.faces, model.uv, model.faces_uv, model.face_part)


@dataclass(frozen=True)
class LinearFit:
    """The head that explains a scan, and the motion of the scan into the head's frame."""

    beta: np.ndarray
    """[100]."""
    arkit: np.ndarray
    """[52] weights 0..1."""
    rotation: np.ndarray
    """[3, 3]."""
    translation: np.ndarray
    """[3] metres: a scan's point p lies at `rotation` p + `translation`."""
    distance: np.ndarray
    """[N] metres of each point from the head's surface."""

    def moved(self, points: np.ndarray) -> np.ndarray:
        """The scan's points `[N, 3]` in the head's frame."""
        return points @ self.rotation.T + self.translation


def fit_linear(
    surface: HeadSurface,
    points: np.ndarray,
    normals: np.ndarray | None = None,
    *,
    arkit: np.ndarray | None = None,
    posed: bool = True,
    scales: np.ndarray = _SCALES,
) -> LinearFit:
    """Fit beta, the ARKit weights and a rigid motion to `points` `[N, 3]` metres, near the head's frame already.

    `normals` `[N, 3]` point outward; with them, points match only surfaces that face their way. `arkit` `[52]` is the
    expression where it is known. Without `posed` the points are in the head's frame as they are.
    """
    points = points.astype(np.float64)
    known = arkit is not None
    free = np.concatenate([np.ones(SHAPES, bool), np.full(len(ARKIT_NAMES), not known), np.full(6, posed)])
    fit = LinearFit(np.zeros(SHAPES), CANONICAL if arkit is None else arkit, np.eye(3), np.zeros(3), np.zeros(0))
    for scale in scales:
        fit = _iterate(surface, points, normals, fit, scale, free)
    return replace(fit, distance=np.abs(_matched(surface, fit, points, normals).distance))


@dataclass(frozen=True)
class _Match:
    """For each point the vertex that it lies closest to."""

    points: np.ndarray
    """[N, 3] in the head's frame."""
    vertex: np.ndarray
    normal: np.ndarray
    distance: np.ndarray
    """[N] signed, along the normal."""
    facing: np.ndarray
    """[N] bool."""


def _matched(surface: HeadSurface, fit: LinearFit, points: np.ndarray, normals: np.ndarray | None) -> _Match:
    vertices = surface.points(fit.beta, fit.arkit)
    moved = fit.moved(points)
    _, vertex = cKDTree(vertices).query(moved)
    normal = vertex_normals(vertices, surface.triangles)[vertex]
    distance = ((moved - vertices[vertex]) * normal).sum(1)
    facing = np.ones(len(points), bool)
    if normals is not None:
        facing = ((normals @ fit.rotation.T) * normal).sum(1) > _FACING
    # Beyond the surface's edge its planes go on where there is no head: what lies far aside is no match.
    aside = np.linalg.norm(moved - vertices[vertex] - distance[:, None] * normal, axis=1)
    beyond = np.maximum(aside - surface.spacing, 0)
    return _Match(moved, vertex, normal, np.copysign(np.hypot(distance, beyond), distance), facing)


def _iterate(
    surface: HeadSurface,
    points: np.ndarray,
    normals: np.ndarray | None,
    fit: LinearFit,
    scale: float,
    free: np.ndarray,
) -> LinearFit:
    """One step of Gauss-Newton."""
    match = _matched(surface, fit, points, normals)
    on_face = surface.face[match.vertex]
    sure = match.distance[on_face] if on_face.mean() > _LEAST_FACE else match.distance
    noise = np.clip(3 * np.quantile(np.abs(sure), _SURE), scale, _SCALES[0])
    above = (match.distance > 0) & ~on_face & ((np.abs(match.distance) > _HEIGHT).mean() > _HAIRLESS)
    weight = match.facing / (1 + (match.distance / np.where(above, _ABOVE * noise, noise)) ** 2) ** 2
    used = np.flatnonzero(weight > 1e-3)
    _, by_beta, by_arkit = surface.points[match.vertex[used]].derivatives(fit.beta, fit.arkit)
    normal, moved = match.normal[used], match.points[used]
    by_shape = np.einsum("nc,nck->nk", normal, np.concatenate([by_beta, by_arkit], 2))
    jacobian = np.concatenate([by_shape, -np.cross(moved, normal), -normal], 1)[:, free]
    trust = (_INDEPENDENT * weight[used] / noise**2)[:, None]
    state = np.concatenate([fit.beta, fit.arkit, np.zeros(6)])
    precision = np.concatenate([np.ones(SHAPES), np.full(len(ARKIT_NAMES), _ARKIT_PRECISION), np.full(6, 1e-6)])
    hessian = (trust * jacobian).T @ jacobian + np.diag(precision[free])
    gradient = jacobian.T @ (trust[:, 0] * match.distance[used]) - (precision * state)[free]
    lower = np.concatenate([np.full(SHAPES, -np.inf), np.zeros(len(ARKIT_NAMES)), np.full(6, -np.inf)])
    upper = np.concatenate([np.full(SHAPES, np.inf), np.ones(len(ARKIT_NAMES)), np.full(6, np.inf)])
    step = np.zeros(len(state))
    step[free] = bounded_step(hessian, gradient, (lower - state)[free], (upper - state)[free])
    turn = rotation_matrix(step[-6:-3])
    return LinearFit(
        fit.beta + step[:SHAPES],
        fit.arkit + step[SHAPES:-6],
        turn @ fit.rotation,
        turn @ fit.translation + step[-3:],
        match.distance,
    )
