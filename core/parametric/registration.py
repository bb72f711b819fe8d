"""Registers a user's FLAME template onto ours and carries FLAME's expressions over. Needs scipy: it runs in the engine.

1. The joints give a similarity, closest points refine it to an affine map.
2. Non-rigid ICP: vertices go to their closest points while neighbours stay together, less and less so
   (Amberg et al., "Optimal Step Nonrigid ICP Algorithms for Surface Registration", 2007; here on Laplacian
   displacements, Sorkine et al., "Laplacian Surface Editing", 2004).
3. Each of our vertices finds its place on the registered FLAME surface and takes FLAME's displacements from there;
   they are written in our psi and jaw by regularised least squares, and the other way round.

Closest means closest in position, normal *and* jaw weight: lips touch, and only what the jaw moves tells upper from
lower.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from .flame_files import SHAPES, FlameModel
from .head import SHAPES as OUR_SHAPES
from .head import HeadModel
from .model_files import triangles
from .retarget import JAW, FlameTransfer

_NO_HEAD = "The FLAME model could not be registered to the head; is it a FLAME head model?"
_NORMAL_REACH = 0.01
"""Metres that a normal turned by one radian counts for in the search of closest points."""
_JAW_REACH = 0.03
"""Metres that a difference of 1 in jaw weight counts for."""
_STIFFNESS = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.5, 0.3)
"""Weight of the Laplacian term against one closest-point term a vertex, two iterations each."""
_REACH = 0.025
"""Metres: closest points further off than this, feature distance included, are no correspondences."""
_HORIZON = 0.06
"""Metres beyond which no closest point is looked for, which keeps the search fast."""
_JOINT_REACH = 0.02
"""Metres: jaw or eyes further off than this after the similarity are not those of a head."""
_PRIOR = 3e-5
"""Metres of vertex error that one standard deviation of psi is worth."""
_JAW_STEP = 0.15
"""Radians of jaw rotation whose displacement stands for its linear part."""


@dataclass(frozen=True)
class _Surface:
    """A triangle mesh with the jaw weight of its vertices."""

    vertices: np.ndarray
    """[V, 3]."""
    triangles: np.ndarray
    """[T, 3]."""
    jaw: np.ndarray
    """[V]."""

    def moved(self, vertices: np.ndarray) -> "_Surface":
        return _Surface(vertices, self.triangles, self.jaw)

    def features(self) -> np.ndarray:
        """`[V, 7]`: position, scaled normal, scaled jaw weight."""
        normal = _vertex_normals(self.vertices, self.triangles)
        return np.concatenate([self.vertices, _NORMAL_REACH * normal, _JAW_REACH * self.jaw[:, None]], 1)


def flame_transfer(flame: FlameModel, model: HeadModel) -> FlameTransfer:
    """Register `flame` onto `model` and return the maps of (psi, jaw) both ways; some seconds.

    Raises InputError when the two heads cannot be brought together.
    """
    ours, our_index, face = _our_surface(model)
    theirs, their_index = _flame_surface(flame)
    matrix, translation = _similarity_from_joints(flame, model)
    theirs = theirs.moved(theirs.vertices @ matrix.T + translation)
    refined, theirs = _affine_icp(theirs, ours)
    theirs = _non_rigid_icp(theirs, ours)

    place, distance = _closest(ours.features(), theirs)
    weight = face * (distance < _REACH)
    if (weight > 0).sum() < 0.5 * (face > 0).sum():
        raise InputError(_NO_HEAD)
    their_steps = np.stack([place @ step[their_index] for step in _flame_displacements(flame)])
    their_steps = their_steps @ (refined @ matrix).T
    our_steps = _our_displacements(model)[:, our_index]
    root = np.sqrt(weight / weight.sum())[:, None]
    a, b = ((root * steps).reshape(len(steps), -1) for steps in (our_steps, their_steps))
    return FlameTransfer(to_likeness=_written_in(b, a), to_flame=_written_in(a, b))


def _written_in(steps: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Coefficients `[N, K]` of displacements `[N, D]` in a basis `[K, D]` whose last three are the jaw's (no prior)."""
    prior = np.full(len(basis), _PRIOR**2)
    prior[-3:] = 0.01 * _PRIOR**2
    return np.linalg.solve(basis @ basis.T + np.diag(prior), basis @ steps.T).T.astype(np.float32)


def _flame_displacements(flame: FlameModel) -> np.ndarray:
    """Displacement of each expression component and of the jaw's axes, a unit of each: `[103, V, 3]`."""
    return np.concatenate([np.moveaxis(flame.shapedirs[:, :, SHAPES:], 2, 0), _jaw_steps(flame, 1, 1)])


def _our_displacements(model: HeadModel) -> np.ndarray:
    """The same of our head: `[53, V, 3]`."""
    expressions = np.moveaxis(model.shapedirs[:, :, OUR_SHAPES:], 2, 0)
    return np.concatenate([expressions, _jaw_steps(model, OUR_SHAPES, len(expressions))])


def _jaw_steps(model: FlameModel | HeadModel, shapes: int, expressions: int) -> np.ndarray:
    theta = np.zeros((3, 5, 3), np.float32)
    theta[:, JAW] = _JAW_STEP * np.eye(3)
    beta, psi = np.zeros((3, shapes), np.float32), np.zeros((3, expressions), np.float32)
    return (model.vertices(beta, psi, theta) - model.v_template) / _JAW_STEP


def _our_surface(model: HeadModel) -> tuple[_Surface, np.ndarray, np.ndarray]:
    """The outer skin (no sockets, which FLAME lacks), its vertices' indices and their membership of the face."""
    inner = sum(model.masks[name] for name in ("mouth_socket", "eye_sockets") if name in model.masks)
    outer = (model.vertex_part == model.parts.index("skin")) & (inner < 0.5)
    surface, index = _submesh(model.v_template, triangles(model.faces), model.lbs_weights[:, JAW], outer)
    return surface, index, model.masks["face"][index]


def _flame_surface(flame: FlameModel) -> tuple[_Surface, np.ndarray]:
    """FLAME's skin without its eyeballs, which are what the eye joints carry."""
    skin = flame.weights[:, 3:].sum(1) < 0.5
    return _submesh(flame.v_template, flame.f, flame.weights[:, JAW], skin)


def _submesh(vertices: np.ndarray, faces: np.ndarray, jaw: np.ndarray, keep: np.ndarray) -> tuple[_Surface, np.ndarray]:
    kept = faces[keep[faces].all(1)]
    index, compact = np.unique(kept, return_inverse=True)
    return _Surface(vertices[index].astype(np.float64), compact.reshape(-1, 3), jaw[index].astype(np.float64)), index


def _similarity_from_joints(flame: FlameModel, model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """From FLAME's neck, jaw and eye joints to ours. The neck's place is a matter of taste and counts little."""
    source = (flame.J_regressor @ flame.v_template)[1:]
    target = model.joints(np.zeros(OUR_SHAPES, np.float32))[1:]
    matrix, translation = _similarity(source, target, np.array([0.05, 0.5, 1, 1]))
    if np.linalg.norm(source @ matrix.T + translation - target, axis=1)[1:].max() > _JOINT_REACH:
        raise InputError(_NO_HEAD)
    return matrix, translation


def _similarity(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scaled rotation `[3, 3]` and translation that minimise the weighted squared distances (Umeyama, 1991)."""
    weight = (weight / weight.sum())[:, None]
    middle_s, middle_t = (weight * source).sum(0), (weight * target).sum(0)
    s, t = source - middle_s, target - middle_t
    u, singular, vt = np.linalg.svd((weight * t).T @ s)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    matrix = (singular * sign).sum() / max((weight * s * s).sum(), 1e-12) * (u * sign) @ vt
    return matrix, middle_t - matrix @ middle_s


def _affine(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Matrix `[3, 3]` and translation that minimise the weighted squared distances."""
    root = np.sqrt(weight)[:, None]
    solution, *_ = np.linalg.lstsq(root * np.column_stack([source, np.ones(len(source))]), root * target, rcond=None)
    return solution[:3].T, solution[3]


def _affine_icp(source: _Surface, target: _Surface) -> tuple[np.ndarray, _Surface]:
    """Refine by closest points, as a similarity first. Returns the matrix of the refinement and the moved surface."""
    matrix = np.eye(3)
    for solve in (_similarity,) * 4 + (_affine,) * 6:
        place, distance = _closest(source.features(), target)
        near = (distance < min(2 * np.median(distance), _HORIZON)).astype(float)
        if near.sum() < 0.1 * len(near):
            raise InputError(_NO_HEAD)
        step, translation = solve(source.vertices, place @ target.vertices, near)
        source = source.moved(source.vertices @ step.T + translation)
        matrix = step @ matrix
    return matrix, source


def _non_rigid_icp(source: _Surface, target: _Surface) -> _Surface:
    from scipy.sparse import diags
    from scipy.sparse.linalg import splu

    laplacian = _laplacian(source)
    smoothness = laplacian.T @ laplacian
    start = source.vertices
    for stiffness in np.repeat(_STIFFNESS, 2):
        place, distance = _closest(source.features(), target)
        weight = (distance < _REACH).astype(float)
        system = (diags(weight + 1e-6) + stiffness * smoothness).tocsc()
        solver = splu(system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        offset = solver.solve(weight[:, None] * (place @ target.vertices - start))
        source = source.moved(start + offset)
    return source


def _laplacian(surface: _Surface) -> Any:
    """The umbrella operator, `[V, V]` sparse: each vertex minus the mean of its neighbours."""
    from scipy.sparse import coo_matrix, diags, identity

    t, v = surface.triangles, len(surface.vertices)
    i, j = np.concatenate([t, t[:, [1, 2, 0]], t[:, [2, 0, 1]]]).T[:2]
    edges = coo_matrix((np.ones(2 * len(i)), (np.r_[i, j], np.r_[j, i])), (v, v)).tocsr()
    edges.data[:] = 1
    return identity(v) - diags(1 / np.maximum(edges.sum(1).A1, 1)) @ edges


def _closest(features: np.ndarray, surface: _Surface) -> tuple[Any, np.ndarray]:
    """For each query `[Q, 7]` the nearest point of the surface, as sparse weights `[Q, V]` of its vertices; distances.

    The surface is searched at points spread over each triangle, so that a place is found to a fraction of an edge.
    """
    from scipy.sparse import csr_matrix
    from scipy.spatial import cKDTree

    corners = surface.features()[surface.triangles]
    points = np.einsum("bk,tkf->tbf", _BARYCENTRIC, corners).reshape(-1, corners.shape[-1])
    distance, found = cKDTree(points).query(features, distance_upper_bound=_HORIZON)
    triangle, spot = np.divmod(np.where(np.isfinite(distance), found, 0), len(_BARYCENTRIC))
    rows = np.repeat(np.arange(len(features)), 3)
    columns = surface.triangles[triangle].ravel()
    weights = csr_matrix((_BARYCENTRIC[spot].ravel(), (rows, columns)), (len(features), len(surface.vertices)))
    return weights, distance


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals `[V, 3]`."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    cross = np.cross(b - a, c - a).repeat(3, 0)
    normal = np.stack([np.bincount(faces.ravel(), cross[:, k], len(vertices)) for k in range(3)], 1)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)


_BARYCENTRIC = np.array([(i, j, 3 - i - j) for i in range(4) for j in range(4 - i)]) / 3.0
"""10 points of a triangle, in thirds of its edges."""
