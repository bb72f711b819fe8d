"""Where a mesh ends."""

import numpy as np


def boundary_edges(triangles: np.ndarray) -> np.ndarray:
    """[E, 2] the directed edges of triangles `[F, 3]` that no other runs back along."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(np.int64)
    count = int(triangles.max()) + 1
    return edges[~np.isin(edges @ [count, 1], edges @ [1, count])]
