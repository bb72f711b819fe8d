"""Haircuts as solids: strips of hair are varied, thickened, joined with what they enclose, and kept out of the face."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from ...geometry.smoothstep import smoothstep
from .hair_fit import Strips
from .heads import HeadSampler
from .template import signed_distance

LOW, HIGH, VOXEL = np.array([-0.156, -0.196, -0.2]), np.array([0.156, 0.2, 0.14]), 4e-3
CLOSING, ENCLOSED = 0.012, 0.022
"""Metres: gaps up to twice the first are closed, as far as the second from a strip."""
ROOT, ROOT_DEPTH = 0.016, 2e-3
"""Metres that a hull reaches under the skin around the hair, and how deep below it."""
SMOOTHING = 0.8
"""Voxels."""


@dataclass(frozen=True)
class Cut:
    """How a haircut differs from its style's."""

    puff: float
    """Metres that the hair stands further out."""
    length: float
    """Factor on what hangs below the ears."""
    thickness: float
    """Metres of hair on either side of a strip."""
    wave: float
    """Metres of amplitude."""
    wavelength: float
    tilt: float
    """Radians that the hair is turned back about the ears: the hairline recedes."""
    fringe: float
    """Metres above the brows down to which hair may hang into the face."""
    end: float
    """Height in metres at which all hair ends."""
    mirrored: bool
    seed: int

    @classmethod
    def random(cls, seed: int) -> "Cut":
        rng = np.random.default_rng([seed, 3])
        return cls(
            puff=rng.uniform(-0.002, 0.014),
            length=rng.uniform(0.35, 1.1),
            thickness=rng.uniform(3e-3, 6e-3),
            wave=max(0.0, rng.uniform(-0.003, 0.005)),
            wavelength=rng.uniform(0.025, 0.06),
            tilt=rng.uniform(-0.10, 0.08),
            fringe=rng.uniform(0.0, 0.035),
            end=rng.uniform(-0.185, -0.13),
            mirrored=bool(rng.integers(2)),
            seed=seed,
        )


class HullMaker:
    """Makes hulls on the mean head."""

    def __init__(self, sampler: HeadSampler) -> None:
        self._sampler = sampler
        axes = [np.arange(low, high, VOXEL) for low, high in zip(LOW, HIGH, strict=True)]
        self._grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)

    @cached_property
    def head(self) -> np.ndarray:
        """[X, Y, Z] metres: the mean head's field at the voxels."""
        flat = signed_distance(self._grid.reshape(-1, 3), self._sampler.mean, self._sampler.triangles)
        return flat.reshape(self._grid.shape[:3])

    @cached_property
    def _hollows(self) -> np.ndarray:
        """[X, Y, Z] bool, what closing would fill of the head itself, the ears above all."""
        return _closed(self.head < 0, CLOSING / VOXEL) & (self.head > 0)

    def mesh(self, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [V, 3] in metres and triangles [T, 3] of the zero level of a field at the voxels, closed."""
        padded = np.pad(field.astype(np.float32), 1, constant_values=VOXEL)
        vertices, triangles, *_ = marching_cubes(padded, 0, spacing=(VOXEL,) * 3)
        return vertices + LOW - VOXEL, triangles.astype(np.int64)

    def field(self, style: Strips, cut: Cut) -> np.ndarray:
        """[X, Y, Z] metres, negative inside the hair of a style cut so."""
        distance = self._to_strips(Strips(vary(style.vertices, cut), style.triangles))
        body = (distance < cut.thickness) | (self.head < 0)
        closed = _closed(body, CLOSING / VOXEL) & (distance < ENCLOSED) & ~self._hollows
        filled = ndimage.binary_fill_holes(closed | body) & (self.head > 0)
        # What is only enclosed stays a voxel below the strips, whose distance is smooth.
        hair = np.minimum(distance - cut.thickness, _signed(filled) + VOXEL)
        hair = np.maximum(hair, np.maximum(-self._bare_face(cut), cut.end - self._grid[..., 1]))
        outside = (hair < 0) & (self.head > 0)
        around = VOXEL * ndimage.distance_transform_edt(~outside)
        root = np.maximum(self.head + ROOT_DEPTH, around - ROOT)
        field = ndimage.gaussian_filter(np.minimum(hair, root), SMOOTHING)
        labels, count = ndimage.label(field < 0)
        largest = 1 + np.argmax(ndimage.sum_labels(np.ones_like(labels), labels, range(1, count + 1)))
        return np.where((labels > 0) & (labels != largest), VOXEL, field)

    def _to_strips(self, strips: Strips) -> np.ndarray:
        """[X, Y, Z] metres to the strips; exact near them."""
        points = _dense(strips)
        voxel = np.round((points - LOW) / VOXEL).astype(int)
        shape = self._grid.shape[:3]
        inside = ((voxel >= 0) & (voxel < shape)).all(1)
        index = np.ravel_multi_index(tuple(voxel[inside].T), shape)
        used, index = np.unique(index, return_inverse=True)
        count = np.bincount(index)
        middles = np.stack([np.bincount(index, points[inside, k]) / count for k in range(3)], 1)
        empty = np.ones(shape, bool)
        empty.reshape(-1)[used] = False
        distance = VOXEL * ndimage.distance_transform_edt(empty)
        near = distance < 4 * VOXEL
        distance[near] = cKDTree(middles).query(self._grid[near])[0]
        return distance

    def _bare_face(self, cut: Cut) -> np.ndarray:
        """[X, Y, Z] metres, negative where no hair may be: an oval column before the face, and below it the throat."""
        x, y, z = np.moveaxis(self._grid, -1, 0)
        top = 0.058 + cut.fringe
        half_width = np.interp(y, [-0.2, -0.09, -0.02, 0.04, 0.1], [0.05, 0.05, 0.062, 0.068, 0.068])
        side = np.abs(x) - half_width
        return np.maximum(np.maximum(side, y - top + 6 * x**2), 0.035 - z)


def vary(points: np.ndarray, cut: Cut) -> np.ndarray:
    """The strips' vertices [V, 3] of a style as the cut has them."""
    points = points * [-1 if cut.mirrored else 1, 1, 1]
    pivot = np.array([0, 0.02, 0.0])
    cos, sin = np.cos(cut.tilt), np.sin(cut.tilt)
    upper = smoothstep(points[:, 1], 0.0, 0.05)[:, None]
    turned = (points - pivot) @ np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]]).T + pivot
    points = points + upper * (turned - points)
    hang = np.minimum(points[:, 1], 0.0)
    points[:, 1] += (cut.length - 1) * hang
    axis = np.stack([0 * hang, np.clip(points[:, 1], -0.2, 0.05), 0 * hang - 0.005], 1)
    out = points - axis
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    rng = np.random.default_rng([cut.seed, 4])
    directions = rng.standard_normal((4, 3))
    directions *= 2 * np.pi / cut.wavelength / np.linalg.norm(directions, axis=1, keepdims=True)
    waves = np.sin(points @ directions.T + rng.uniform(0, 2 * np.pi, 4)).mean(1)
    return points + (cut.puff * smoothstep(points[:, 1], -0.12, 0.0) + 2 * cut.wave * waves)[:, None] * out


def _dense(strips: Strips) -> np.ndarray:
    """Points on the triangles, half a voxel apart at most, on the corners' barycentric lattice of each."""
    corners = strips.vertices[strips.triangles]
    longest = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    steps = np.ceil(longest / (0.5 * VOXEL)).astype(int)
    points = []
    for n in np.unique(steps):
        i, j = np.mgrid[0 : n + 1, 0 : n + 1]
        lattice = np.stack([i, j, n - i - j], -1)[i + j <= n] / n
        points.append((lattice @ corners[steps == n]).reshape(-1, 3))
    return np.concatenate(points)


def _closed(mask: np.ndarray, radius: float) -> np.ndarray:
    """Morphological closing with a ball of `radius` voxels."""
    return ndimage.distance_transform_edt(ndimage.distance_transform_edt(~mask) <= radius) > radius


def _signed(mask: np.ndarray) -> np.ndarray:
    """Metres to the border of a set of voxels, negative inside."""
    return VOXEL * (ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask))
