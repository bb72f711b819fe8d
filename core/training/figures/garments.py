"""Clothes on one body: bound at rest, loosened, cut to a length, and kept off the skin."""

from dataclasses import dataclass, replace

import igl
import numpy as np
from scipy.sparse import csr_matrix, diags

from ...rendering.rasterise import interpolate, triangulate
from ...rendering.shading import vertex_normals
from ..makehuman import Clothing

GAP = 3e-3
"""Metres between the skin and what is worn on it."""
DEEPEST = 0.04
"""Metres under the skin from which on a vertex is not pushed out: it belongs to another limb."""
LINING = -0.3
"""Cosine between a triangle's normal and the skin's below which it is lining."""
SPREADING = 4
"""How many times a push is averaged over neighbours."""


@dataclass(frozen=True)
class Garment:
    """V vertices of a garment on a body at rest."""

    points: np.ndarray
    """[V, 3] metres."""
    weights: csr_matrix
    """[V, B] of the body's bones; rows sum to 1."""
    triangles: np.ndarray
    """[T, 3]."""

    @classmethod
    def bound(cls, clothing: Clothing, body: np.ndarray, weights: csr_matrix, size: float = 1.0) -> "Garment":
        """On a body [19158, 3] at rest with skinning weights [19158, B]."""
        return cls(clothing.bind(body, size), clothing.blend() @ weights, triangulate(clothing.quads)[0])

    def unlined(self, skin: np.ndarray, triangles: np.ndarray) -> "Garment":
        """Without the triangles that face the skin: a lining, which nobody sees, takes from the winding number what the
        cloth over it gives.
        """
        a, b, c = (self.points[self.triangles[:, k]] for k in range(3))
        normals = np.cross(b - a, c - a)
        outward = nearest_on((a + b + c) / 3, skin, triangles)[1]
        cosine = (normals * outward).sum(1) / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
        return replace(self, triangles=self.triangles[cosine > LINING])

    def loosened(self, skin: np.ndarray, triangles: np.ndarray, distance: float) -> "Garment":
        """Every vertex `distance` metres further off the skin."""
        outward = nearest_on(self.points, skin, triangles)[1]
        return replace(self, points=self.points + distance * self.averaged(outward))

    def averaged(self, values: np.ndarray) -> np.ndarray:
        """Values [V, 3] averaged over neighbours, `SPREADING` times."""
        for _ in range(SPREADING):
            values = self._neighbours() @ values
        return values

    def _neighbours(self) -> csr_matrix:
        first, second = self.triangles.ravel(), np.roll(self.triangles, -1, axis=1).ravel()
        count = len(self.points)
        rows, columns = (
            np.concatenate([first, second, np.arange(count)]),
            np.concatenate([second, first, np.arange(count)]),
        )
        joined = csr_matrix((np.ones(len(rows)), (rows, columns)), (count, count))
        return diags(1 / np.asarray(joined.sum(1)).ravel()) @ joined

    def cut(self, beyond: np.ndarray) -> "Garment":
        """Without what has a positive value of `beyond` [V]; the border is where the value, linear on edges, is 0."""
        inside = beyond[self.triangles] <= 0
        kept = self.triangles[inside.any(1)]
        edges = np.concatenate([kept[:, [0, 1]], kept[:, [1, 2]], kept[:, [2, 0]]])
        edges = np.concatenate([edges, edges[:, ::-1]])
        edges = edges[(beyond[edges[:, 0]] <= 0) & (beyond[edges[:, 1]] > 0)]
        outer, chosen = np.unique(edges[:, 1], return_index=True)
        inner = edges[chosen, 0]
        share = beyond[inner] / (beyond[inner] - beyond[outer])
        # Each vertex that is cut off moves along one edge to the border, and its weights with it.
        own = np.ones(len(self.points))
        own[outer] = share
        moved = diags(own).tocsr() + csr_matrix((1 - share, (outer, inner)), (len(own), len(own)))
        used, triangles = np.unique(kept, return_inverse=True)
        return Garment((moved @ self.points)[used], (moved @ self.weights)[used], triangles.reshape(-1, 3))

    def pushed_out(self, posed: np.ndarray, skin: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """The posed vertices [V, 3], those under the skin or closer to it than `GAP` brought out, others along."""
        nearest, outward = nearest_on(posed, skin, triangles)
        height = ((posed - nearest) * outward).sum(1)
        missing = np.where(height > -DEEPEST, np.maximum(GAP - height, 0), 0)
        push = missing[:, None] * outward
        spread = self.averaged(push)
        along = np.maximum((spread * outward).sum(1), 0)
        return posed + np.maximum(along, missing)[:, None] * outward


def nearest_on(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of a mesh [N, 3] and its unit normals [N, 3] there, vertex normals interpolated."""
    _, face, nearest = igl.point_mesh_squared_distance(points, vertices, triangles)
    corners = triangles[face]
    weights = igl.barycentric_coordinates(nearest, *(np.ascontiguousarray(vertices[corners[:, k]]) for k in range(3)))
    weights = np.nan_to_num(weights)  # of triangles without area
    normals = interpolate(vertex_normals(vertices, triangles), corners, weights)
    return nearest, normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
