"""As-rigid-as-possible deformation towards targets.

Sorkine and Alexa, "As-rigid-as-possible surface modeling", SGP 2007, with the targets as a soft term: what is measured
is never exact, and parts of a surface are not measured at all. They move as the rest takes them along.
"""

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, diags
from scipy.sparse.linalg import splu

LEAST_COTANGENT = 0.02
"""Weights below it would let obtuse triangles turn over."""


class AsRigidAsPossible:
    """A surface at rest that is drawn to targets: factorised once, solved as often as targets change."""

    def __init__(self, rest: np.ndarray, triangles: np.ndarray, trust: np.ndarray, stiffness: float) -> None:
        """`rest` [V, 3] metres, `triangles` [T, 3], `trust` [V] 0..1 in each vertex's target; every connected piece
        needs some. `stiffness` is the weight of rigidity against targets trusted by 1.
        """
        self._rest, self._trust = rest.astype(np.float64), trust.astype(np.float64)[:, None]
        self._edges = stiffness * cotangent_weights(self._rest, triangles)
        laplacian = diags(np.asarray(self._edges.sum(1)).ravel()) - self._edges
        system = (laplacian + diags(self._trust[:, 0] + 1e-9)).tocsc()
        self._solver = splu(system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})

    def towards(self, targets: np.ndarray, start: np.ndarray | None = None, rounds: int = 4) -> np.ndarray:
        """Vertices `[V, 3]` drawn to `targets` [V, 3] from `start` (at rest where None): local and global in turn."""
        vertices = self._rest if start is None else start.astype(np.float64)
        for _ in range(rounds):
            turned = self._turned_edges(self._rotations(vertices))
            vertices = self._solver.solve(turned + self._trust * targets)
        return vertices

    def _rotations(self, vertices: np.ndarray) -> np.ndarray:
        """[V, 3, 3] that best turn the edges about each vertex at rest into those of `vertices`."""
        edges = self._edges.tocoo()
        before = self._rest[edges.col] - self._rest[edges.row]
        after = vertices[edges.col] - vertices[edges.row]
        products = (edges.data[:, None, None] * after[:, :, None] * before[:, None, :]).reshape(-1, 9)
        gather = csr_matrix((np.ones(len(products)), (edges.row, np.arange(len(products)))))
        left, _, right = np.linalg.svd((gather @ products).reshape(-1, 3, 3))
        left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
        return left @ right

    def _turned_edges(self, rotations: np.ndarray) -> np.ndarray:
        """The right-hand side [V, 3]: edges at rest, turned by the mean of both ends' rotations."""
        edges = self._edges.tocoo()
        rest = self._rest[edges.row] - self._rest[edges.col]
        mean = (rotations[edges.row] + rotations[edges.col]) / 2
        turned = edges.data[:, None] * np.einsum("eij,ej->ei", mean, rest)
        gather = csr_matrix((np.ones(len(turned)), (edges.row, np.arange(len(turned)))))
        return gather @ turned


def cotangent_weights(vertices: np.ndarray, triangles: np.ndarray) -> csr_matrix:
    """Half the sum of the cotangents opposite each edge, at least `LEAST_COTANGENT`: `[V, V]`, symmetric."""
    rows, columns, values = [], [], []
    for k in range(3):
        a, b, c = (triangles[:, (k + i) % 3] for i in range(3))
        first, second = vertices[b] - vertices[a], vertices[c] - vertices[a]
        area = np.linalg.norm(np.cross(first, second), axis=1)
        cotangent = (first * second).sum(1) / np.maximum(area, 1e-14)
        rows += [b, c]
        columns += [c, b]
        values += [cotangent / 2] * 2
    shape = (len(vertices), len(vertices))
    weights = coo_matrix((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape).tocsr()
    weights.data = np.maximum(weights.data, LEAST_COTANGENT)
    return weights
