"""A mesh cut along a level of a function on its vertices."""

import numpy as np


def cut(vertices: np.ndarray, triangles: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mesh, vertices [V, C] and triangles [F, 3], where `above` [V] is positive; its border is moved to where
    `above` is 0, along the edges across. All vertices stay, used or not.
    """
    kept = triangles[(above > 0)[triangles].any(1)]
    edges = np.concatenate([kept[:, [0, 1]], kept[:, [1, 2]], kept[:, [2, 0]]])
    inner, outer = np.concatenate([edges, edges[:, ::-1]]).T
    across = (above[inner] > 0) & (above[outer] <= 0)
    inner, outer = inner[across], outer[across]
    share = (above[inner] / (above[inner] - above[outer]))[:, None]
    crossing = vertices[inner] + share * (vertices[outer] - vertices[inner])
    count = np.bincount(outer, minlength=len(vertices))
    sums = np.stack([np.bincount(outer, column, len(vertices)) for column in crossing.T], 1)
    border = count > 0
    vertices = vertices.copy()
    vertices[border] = sums[border] / count[border, None]
    return vertices, kept
