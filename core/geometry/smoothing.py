"""Fairing of meshes."""

import numpy as np
from scipy.sparse import coo_matrix


def smoothed(vertices: np.ndarray, triangles: np.ndarray, rounds: int) -> np.ndarray:
    """Vertices `[V, 3]` smoothed without shrinking (Taubin, "A signal processing approach to fair surface design",
    1995). Every vertex must have a triangle.
    """
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), (len(vertices), len(vertices))).tocsr()
    degree = np.asarray(graph.sum(1))
    for step in (0.5, -0.53) * rounds:
        vertices = vertices + step * (graph @ vertices / degree - vertices)
    return vertices
