"""Texels of a mesh's chart: where on the surface they lie, and normals there in the surface's tangent space."""

from dataclasses import dataclass

import numpy as np

from .atlas import pull_push, texel_coordinates
from .rasterise import interpolate, rasterise, triangulate
from .shading import vertex_normals

STEEPEST = 0.6
"""Least ratio of a normal's part along the surface's own normal to that across it: 59 degrees."""


@dataclass(frozen=True)
class Bake:
    """N texels of an image [size, size], row 0 at v = 1."""

    covered: np.ndarray
    """[size, size] bool."""
    points: np.ndarray
    """[N, 3] of the surface."""
    frames: np.ndarray
    """[N, 3, 3] rows: tangent along u, bitangent along v, normal; orthonormal."""

    @classmethod
    def of(cls, vertices: np.ndarray, faces: np.ndarray, uv: np.ndarray, faces_uv: np.ndarray, size: int) -> "Bake":
        """Of a mesh [V, 3] with quads [F, 4], charts [T, 2] and [F, 4]."""
        triangles, triangles_uv = triangulate(faces)[0], triangulate(faces_uv)[0]
        raster = rasterise(texel_coordinates(uv, size), triangles_uv, (size, size))
        drawn, shares = raster.triangle[raster.covered], raster.barycentric[raster.covered]
        normals = interpolate(vertex_normals(vertices, triangles), triangles[drawn], shares)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        along = _tangents(vertices[triangles], uv[triangles_uv])[drawn]
        along -= (along * normals).sum(1, keepdims=True) * normals
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-12)
        frames = np.stack([along, np.cross(normals, along), normals], 1)
        return cls(raster.covered, interpolate(vertices, triangles[drawn], shares), frames)

    def normal_image(self, normals: np.ndarray) -> np.ndarray:
        """[size, size, 3] in 0..1 of unit normals [N, 3]: tangent space, +Y up as OpenGL has it.

        None leans by more than `STEEPEST`: light from before the surface would leave it black.
        """
        local = (self.frames @ normals[..., None])[..., 0]
        local[:, 2] = np.maximum(local[:, 2], STEEPEST * np.linalg.norm(local[:, :2], axis=1))
        local /= np.maximum(np.linalg.norm(local, axis=1, keepdims=True), 1e-12)
        return self.image(local / 2 + 0.5)

    def image(self, values: np.ndarray) -> np.ndarray:
        """[size, size, C] of values [N, C], spread beyond the charts."""
        image = np.zeros((*self.covered.shape, values.shape[1]), np.float32)
        image[self.covered] = values
        return pull_push(image, self.covered.astype(np.float32))


def _tangents(corners: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """[F, 3] the direction in which u grows on triangles [F, 3, 3] with charts [F, 3, 2]."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    (u1, v1), (u2, v2) = (uv[:, 1] - uv[:, 0]).T, (uv[:, 2] - uv[:, 0]).T
    sign = np.where(u1 * v2 - u2 * v1 < 0, -1.0, 1.0)
    return sign[:, None] * (first * v2[:, None] - second * v1[:, None])
