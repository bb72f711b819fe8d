"""Loop's subdivision."""

import numpy as np
from scipy.sparse import csr_matrix


def loop_matrix(triangles: np.ndarray, count: int) -> tuple[csr_matrix, np.ndarray]:
    """What makes the vertices [V + E] of a mesh with four triangles for one from its own, `count` = V, and those
    triangles [4 T, 3]; the vertices of edges come last. Rows sum to 1.

    Any mesh will do (libigl's writes past its memory where neighbours are wound unlike): an edge that is not between
    two triangles is a border, and borders take nothing from within. Source: Loop, "Smooth Subdivision Surfaces Based
    on Triangles", 1987, with Warren's weights.
    """
    half = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    (first, second), edge_of = _edges(half)
    sides = np.bincount(edge_of, minlength=len(first))
    within = sides == 2
    middle = count + np.arange(len(first))
    ends = np.where(within, 3 / 8, 1 / 2)
    entries = [(middle, first, ends), (middle, second, ends)]
    opposite, paired = triangles[:, [2, 0, 1]].ravel(), within[edge_of]
    entries.append((middle[edge_of[paired]], opposite[paired], np.full(paired.sum(), 1 / 8)))

    border = np.zeros(count, bool)
    border[first[~within]] = border[second[~within]] = True
    a, b = np.concatenate([first, second]), np.concatenate([second, first])
    taken = ~border[a] | np.tile(~within, 2)
    a, b = a[taken], b[taken]
    valence = np.maximum(np.bincount(a, minlength=count), 1)
    # Where borders meet, the vertex stays.
    share = np.where(border, np.where(valence == 2, 1 / 8, 0), np.where(valence == 3, 3 / 16, 3 / (8 * valence)))
    kept = 1 - share * np.bincount(a, minlength=count)
    entries += [(np.arange(count), np.arange(count), kept), (a, b, share[a])]
    rows, columns, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
    matrix = csr_matrix((values, (rows, columns)), (count + len(first), count))

    (i, j, k), (ij, jk, ki) = triangles.T, middle[edge_of].reshape(-1, 3).T
    finer = [np.stack(corners, 1) for corners in ((i, ij, ki), (ij, j, jk), (ki, jk, k), (ij, jk, ki))]
    return matrix, np.concatenate(finer)


def _edges(half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends [2, E] of undirected edges, and which of them each of `half` [N, 2] is."""
    edges, edge_of = np.unique(np.sort(half, 1), axis=0, return_inverse=True)
    return edges.T, edge_of.reshape(-1)
