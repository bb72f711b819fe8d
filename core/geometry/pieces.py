"""The connected pieces of a mesh."""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def pieces(triangles: np.ndarray) -> np.ndarray:
    """[F] the number, from 0, of the piece that each of `triangles` [F, 3] is of."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])
    used, edges = np.unique(edges, return_inverse=True)
    graph = coo_matrix((np.ones(edges.size // 2), edges.reshape(-1, 2).T), (len(used), len(used)))
    return connected_components(graph, directed=False)[1][edges.reshape(-1, 2)[: len(triangles), 0]]


def without_specks(vertices: np.ndarray, triangles: np.ndarray, least: float) -> np.ndarray:
    """The `triangles` [F, 3] of connected pieces that have at least the share `least` of the surface."""
    piece = pieces(triangles)
    corner = vertices[triangles]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    total = np.bincount(piece, area)
    return triangles[total[piece] > least * total.sum()]


def compact(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, C] and faces [F, N] without the vertices that no face has."""
    used, renumbered = np.unique(faces, return_inverse=True)
    return vertices[used], renumbered.reshape(faces.shape)
