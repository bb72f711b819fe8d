"""A z-buffer rasteriser in numpy: triangles to the triangle, barycentric coordinates and depth of each pixel.

Triangles are cut into the runs of pixels that they cover on each row (scan conversion), all of them at once, so that
the work is proportional to the pixels covered and nothing loops over triangles. The same code draws a head into a
photo's pixels and a texture's chart into its texels.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Raster:
    """What a pixel shows; pixel (row, column) is sampled at its centre."""

    triangle: np.ndarray
    """[H, W] int32, -1 where nothing was drawn."""
    barycentric: np.ndarray
    """[H, W, 3] float32 weights of the triangle's corners, 0 where nothing was drawn."""
    depth: np.ndarray
    """[H, W] float32, infinite where nothing was drawn."""

    @property
    def covered(self) -> np.ndarray:
        """[H, W] bool."""
        return self.triangle >= 0

    def interpolate(self, triangles: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Values of corners `[V, ...]` at the covered pixels, in row order: `[covered, ...]`. `triangles` [F, 3]."""
        covered = self.covered
        return interpolate(values, triangles[self.triangle[covered]], self.barycentric[covered])


def triangulate(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quads `[F, 4]` (triangles repeat their last index) to triangles `[T, 3]` and the face `[T]` each came from."""
    is_quad = faces[:, 3] != faces[:, 2]
    triangles = np.concatenate([faces[:, :3], faces[is_quad][:, [0, 2, 3]]])
    return triangles, np.concatenate([np.arange(len(faces)), np.flatnonzero(is_quad)])


def interpolate(values: np.ndarray, corners: np.ndarray, barycentric: np.ndarray) -> np.ndarray:
    """Weighted sum of `values[corners]`: values `[V, ...]`, corners `[N, 3]`, barycentric `[N, 3]` to `[N, ...]`."""
    weights = barycentric.reshape(*barycentric.shape, *[1] * (values.ndim - 1))
    result = np.take(values, corners[:, 0], axis=0) * weights[:, 0]
    for k in (1, 2):
        result += np.take(values, corners[:, k], axis=0) * weights[:, k]
    return result


def rasterise(points: np.ndarray, triangles: np.ndarray, size: tuple[int, int]) -> Raster:
    """Draw triangles into an image of `size` (width, height); the nearest wins.

    `points` [V, 2] are x, y in pixels (centres at +0.5), or [V, 3] with a positive depth as third column: the
    barycentric coordinates are then perspective-correct. Triangles [F, 3] that reach behind the camera are left out.
    Both windings are drawn. An edge shared by two triangles leaves neither gap nor overlap.
    """
    width, height = size
    corners = points[triangles].astype(np.float64)
    if points.shape[1] == 3:
        visible = np.flatnonzero((corners[..., 2] > 0).all(1))
        corners = corners[visible]
        inverse_depth = (1 / corners[..., 2]).astype(np.float32)
    else:
        visible = np.arange(len(triangles))
        inverse_depth = np.ones(corners.shape[:2], np.float32)
    triangle = np.full(height * width, -1, np.int32)
    weights = np.zeros((height * width, 3), np.float32)
    nearest = np.full(height * width, np.inf, np.float32)

    for chunk in _chunks(corners[..., :2]):
        drawn, row, column = _fragments(corners[chunk, :, :2], width, height)
        barycentric = _affine_barycentric(corners[chunk, :, :2], drawn, column, row)
        barycentric *= inverse_depth[chunk].T[:, drawn]
        depth = 1 / (barycentric[0] + barycentric[1] + barycentric[2])
        pixel = row * width + column
        np.minimum.at(nearest, pixel, depth)
        front = depth == nearest[pixel]
        pixel = pixel[front]
        triangle[pixel] = visible[drawn[front] + chunk.start]
        weights[pixel] = (barycentric * depth)[:, front].T
    return Raster(triangle.reshape(height, width), weights.reshape(height, width, 3), nearest.reshape(height, width))


def _chunks(corners: np.ndarray, pixels: int = 1 << 18) -> list[slice]:
    """Slices of consecutive triangles whose bounding boxes hold about `pixels` each, to stay in cache."""
    extent = np.ceil(np.clip(np.ptp(corners, axis=1), 1, None))
    chunk = np.cumsum(extent.prod(1)) // pixels
    bounds = [0, *(np.flatnonzero(np.diff(chunk)) + 1).tolist(), len(corners)]
    return [slice(a, b) for a, b in pairwise(bounds) if b > a]


def _fragments(corners: np.ndarray, width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triangle, row and column of every pixel whose centre lies in a triangle of `corners` [F, 3, 2]."""
    first = np.clip(np.ceil(corners[..., 1].min(1) - 0.5), 0, height).astype(np.int32)
    last = np.clip(np.ceil(corners[..., 1].max(1) - 0.5), 0, height).astype(np.int32)
    triangle, row = _runs(first, last)

    # Two of the three edges cross the row. Each is cut from its lower end, whichever triangle asks, so that
    # neighbours agree to the last bit.
    y = (row + 0.5)[:, None]
    a, b = corners, np.roll(corners, -1, axis=1)
    a, b = np.where(a[..., 1:] <= b[..., 1:], a, b), np.where(a[..., 1:] <= b[..., 1:], b, a)
    slope = (b[..., 0] - a[..., 0]) / np.where(b[..., 1] > a[..., 1], b[..., 1] - a[..., 1], 1)
    crosses = (a[triangle, :, 1] <= y) & (y < b[triangle, :, 1])
    x = a[triangle, :, 0] + (y - a[triangle, :, 1]) * slope[triangle]
    start = np.where(crosses, x, np.inf).min(1)
    stop = np.where(crosses, x, -np.inf).max(1)
    start = np.clip(np.ceil(start - 0.5), 0, width).astype(np.int32)
    stop = np.clip(np.ceil(stop - 0.5), 0, width).astype(np.int32)
    span, column = _runs(start, stop)
    return triangle[span], row[span], column


def _runs(start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The integers of every half-open interval, one after the other, and the interval that each belongs to."""
    count = np.maximum(stop - start, 0)
    owner = np.repeat(np.arange(len(count), dtype=np.int32), count)
    offset = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    return owner, (start[owner] + offset).astype(np.int32)


def _affine_barycentric(corners: np.ndarray, triangle: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Weights `[3, N]` of a triangle's corners at the centres of pixels, kept inside the triangle."""
    p, q, r = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (q[:, 0] - p[:, 0]) * (r[:, 1] - p[:, 1]) - (r[:, 0] - p[:, 0]) * (q[:, 1] - p[:, 1])
    area = np.where(area == 0, 1, area)[:, None]
    x = (column + 0.5 - r[triangle, 0]).astype(np.float32)
    y = (row + 0.5 - r[triangle, 1]).astype(np.float32)
    weights = np.empty((3, len(triangle)), np.float32)
    for weight, edge in zip(weights, [(q - r) / area, (r - p) / area], strict=False):
        slope = edge.astype(np.float32)[triangle]
        np.clip(slope[:, 1] * x - slope[:, 0] * y, 0, 1, out=weight)
    weights[2] = np.clip(1 - weights[0] - weights[1], 0, 1)
    return weights
