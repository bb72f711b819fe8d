"""Where a mesh passes through itself."""

import numpy as np
from scipy.spatial import cKDTree

TOLERANCE = 1e-9
"""Of barycentric coordinates: what only touches does not count."""


def intersecting_triangles(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """[P, 2] pairs of `triangles` [F, 3] of which an edge of one goes through the other, and that share no vertex."""
    corners = vertices[triangles].astype(np.float64)
    middle = corners.mean(1)
    radius = np.linalg.norm(corners - middle[:, None], axis=2).max(1)
    pairs = cKDTree(middle).query_pairs(2 * radius.max(), output_type="ndarray")
    first, second = pairs.T
    near = np.linalg.norm(middle[first] - middle[second], axis=1) < radius[first] + radius[second]
    apart = ~(triangles[first][:, :, None] == triangles[second][:, None]).any((1, 2))
    pairs = pairs[near & apart]
    first, second = corners[pairs[:, 0]], corners[pairs[:, 1]]
    crossed = np.zeros(len(pairs), bool)
    for one, other in ((first, second), (second, first)):
        for k in range(3):
            crossed |= _goes_through(one[:, k], one[:, (k + 1) % 3], other)
    return pairs[crossed]


def _goes_through(start: np.ndarray, end: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """[P] bool: the segments from `start` to `end` [P, 3] go through the triangles `corners` [P, 3, 3].

    Moeller and Trumbore, "Fast, minimum storage ray-triangle intersection", 1997.
    """
    along = end - start
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = np.cross(along, b)
    determinant = (a * p).sum(1)
    parallel = np.abs(determinant) < 1e-18
    inverse = 1 / np.where(parallel, 1, determinant)
    offset = start - corners[:, 0]
    q = np.cross(offset, a)
    u, v, t = (inverse * (x * y).sum(1) for x, y in ((offset, p), (along, q), (b, q)))
    inside = (u > TOLERANCE) & (v > TOLERANCE) & (u + v < 1 - TOLERANCE)
    return ~parallel & inside & (t > TOLERANCE) & (t < 1 - TOLERANCE)
