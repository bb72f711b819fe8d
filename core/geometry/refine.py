"""Finer triangles in a part of a mesh."""

import numpy as np


def refined(vertices: np.ndarray, triangles: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mesh with every edge halved whose ends are both `chosen` [V] bool; new vertices come last. No hanging nodes.

    Triangles with three chosen corners become four, those with two become two.
    """
    pairs = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), 1)
    edges, edge_of = np.unique(pairs, axis=0, return_inverse=True)
    halved = chosen[edges].all(1)
    middle = np.where(halved, len(vertices) + np.cumsum(halved) - 1, -1)[edge_of.reshape(-1, 3)]
    count = (middle >= 0).sum(1)
    (a, b, c), (ab, bc, ca) = triangles[count == 3].T, middle[count == 3].T
    four = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    one, at = triangles[count == 1], middle[count == 1]
    turn = (at.argmax(1)[:, None] + np.arange(3)) % 3  # its halved edge first
    (a, b, c), ab = np.take_along_axis(one, turn, 1).T, at.max(1)
    pieces = [np.stack(piece, 1) for piece in [*four, (a, ab, c), (ab, b, c)]]
    return np.concatenate([vertices, vertices[edges[halved]].mean(1)]), np.concatenate([triangles[count == 0], *pieces])
