"""Where a mesh ends, and its borders as smooth lines."""

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

WAVE, SHARE = 0.2, 0.48
"""Metres, and share of a border's length: half of its waves as long as the lesser of the two are kept, a sixteenth of
those of half the length; and 95 % of the round of a sleeve."""
SPREAD = 0.02
"""Metres from the border over which the surface follows it by a factor of 1 / e."""


def boundary_edges(triangles: np.ndarray) -> np.ndarray:
    """[E, 2] the directed edges of triangles `[F, 3]` that no other runs back along."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(np.int64)
    count = int(triangles.max()) + 1
    return edges[~np.isin(edges @ [count, 1], edges @ [1, count])]


def without_holes(vertices: np.ndarray, triangles: np.ndarray, length: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V', 3] and triangles [T', 3] with borders that are shorter than `length` metres closed by a fan."""
    edges = boundary_edges(triangles)
    if not len(edges):
        return vertices, triangles
    border, ends = np.unique(edges, return_inverse=True)
    ends = ends.reshape(-1, 2)
    loop, around = _loops(vertices[border], ends)
    sizes = np.bincount(loop)
    middle = np.stack([np.bincount(loop, column) for column in vertices[border].T], 1) / sizes[:, None]
    small = around < length
    number = len(vertices) + np.cumsum(small) - 1
    own = loop[ends[:, 0]]
    closed = small[own]
    fans = np.c_[edges[closed, ::-1], number[own[closed]]]
    return np.concatenate([vertices, middle[small]]), np.concatenate([triangles, fans])


def fair_borders(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Vertices [V, 3] metres of a mesh whose borders are smooth. Every vertex must have a triangle.

    The border is x of min |x - x0|^2 + lambda |L x|^2, L its Laplacian by arc length (implicit fairing, Desbrun et al.,
    1999); the surface follows by a screened Laplace equation.
    """
    border, ends = np.unique(boundary_edges(triangles), return_inverse=True)
    if not len(border):
        return vertices
    moves = _faired(vertices[border], ends.reshape(-1, 2)) - vertices[border]
    return vertices + _followed(vertices, triangles, border, moves)


def _faired(points: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Points [N, 3] joined by edges [E, 2], as smooth lines."""
    length = np.maximum(np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1), 1e-4)
    stiffness = _laplacian(edges, 1 / length, len(points))
    mass = np.bincount(edges.ravel(), np.repeat(length / 2, 2), len(points))
    loop, around = _loops(points, edges)
    wave = np.minimum(WAVE, SHARE * around)[loop]
    bending = stiffness @ diags((wave / (2 * np.pi)) ** 4 / mass) @ stiffness
    return splu((diags(mass) + bending).tocsc()).solve(mass[:, None] * points)


def _loops(points: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[N] the number of each point's border, and the borders' lengths in metres; of points [N, 3], edges [E, 2]."""
    count, loop = connected_components(coo_matrix((np.ones(len(edges)), edges.T), (len(points), len(points))))
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    return loop, np.bincount(loop[edges[:, 0]], length, count)


def _followed(vertices: np.ndarray, triangles: np.ndarray, border: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Moves [V, 3] of all vertices, given those [N, 3] of the `border` [N]."""
    edges = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])), axis=0
    )
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    graph = _laplacian(edges, np.ones(len(edges)), len(vertices)) + diags(
        np.full(len(vertices), 3 * (length.mean() / SPREAD) ** 2)
    )
    found = np.zeros_like(vertices)
    found[border] = moves
    free = np.setdiff1d(np.arange(len(vertices)), border)
    rows = graph.tocsr()[free]
    found[free] = splu(rows[:, free].tocsc()).solve(-(rows[:, border] @ moves))
    return found


def _laplacian(edges: np.ndarray, weights: np.ndarray, count: int) -> csr_matrix:
    """[N, N] of edges [E, 2]."""
    both = np.concatenate([edges, edges[:, ::-1]])
    joined = coo_matrix((np.tile(weights, 2), both.T), (count, count)).tocsr()
    return diags(np.asarray(joined.sum(1)).ravel()) - joined
