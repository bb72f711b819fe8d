"""gDNA's warp M(x, beta): from the space about a shaped body to the space about the mean body.

The forward warp carries the displacement of the body's skin into the space around it,

    x = y + sum_k w_k(y) (v_k(beta) - v_k(0)),

w_k a Gaussian of the distance to the nearest vertices, as wide as the skin is far; M is its inverse, by fixed-point
iteration. On the skin both are the body model's own to within a millimetre, and clothes keep their distance to it. gDNA
learns M as a network from these very correspondences (Chen et al., "gDNA", CVPR 2022, sec. 3.1).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

NEIGHBOURS = 24
WIDTH, WIDENING = 0.012, 0.4
"""Metres of the Gaussian on the skin, and by how much of the distance to the skin it grows."""
ITERATIONS = 8
"""Of the inverse; each takes at least a third of the error, for bodies a third smaller than the mean."""


@dataclass(frozen=True)
class ShapeWarp:
    """Between a body [V, 3] in the T-pose and the mean body, of corresponding vertices."""

    mean: np.ndarray
    """[V, 3] metres."""

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.mean)

    def to_shape(self, points: np.ndarray, shaped: np.ndarray) -> np.ndarray:
        """Points [N, 3] about the mean body, about the body `shaped` [V, 3]: [N, 3]."""
        return points + self._carried(points, shaped - self.mean)

    def to_mean(self, points: np.ndarray, shaped: np.ndarray) -> np.ndarray:
        """M: points [N, 3] about the body `shaped` [V, 3], about the mean body: [N, 3]."""
        offset = shaped - self.mean
        found = points - offset[cKDTree(shaped).query(points)[1]]
        for _ in range(ITERATIONS):
            found = points - self._carried(found, offset)
        return found

    def _carried(self, points: np.ndarray, offset: np.ndarray) -> np.ndarray:
        distance, nearest = self._tree.query(points, NEIGHBOURS)
        width = WIDTH + WIDENING * distance[:, :1]
        weights = np.exp(-(distance**2 - distance[:, :1] ** 2) / (2 * width**2))
        weights /= weights.sum(1, keepdims=True)
        return np.einsum("nk,nkc->nc", weights, offset[nearest])
