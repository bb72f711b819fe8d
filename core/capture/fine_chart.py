"""The coarse head in the skin's chart as FineNet sees it: slopes, and what they do to the shade under its light."""

from dataclasses import dataclass

import numpy as np

from ..rendering.atlas import Atlas
from ..rendering.shading import sh_basis
from .fine_energy import DARKEST

SIZE = 512
"""Texels across the chart, about 1 mm each."""
WINDOW = slice(80, 336), slice(128, 384)
"""Rows and columns in which the face and the throat lie."""
_STEP = 0.1
"""Millimetres by which a height is varied to see what its slope does to the shade."""


@dataclass(frozen=True)
class ChartFrame:
    """The coarse head in the window of the chart, H x W texels, and its light."""

    normals: np.ndarray
    """[H, W, 3] unit."""
    slopes: np.ndarray
    """[2, H, W, 3] gradient of the height per millimetre of difference to the right and to the lower neighbour."""
    light: np.ndarray
    """[9] second-order SH, of luminance, over its mean irradiance."""
    solid: np.ndarray
    """[H, W] bool: on the skin, like both neighbours."""

    @classmethod
    def of(cls, atlas: Atlas, points: np.ndarray, normals: np.ndarray, light: np.ndarray) -> "ChartFrame":
        """Of a posed head's vertices `points` [V, 3] metres and `normals` [V, 3]; the atlas is of `SIZE`."""
        place = atlas.image(atlas.gather(np.concatenate([1000 * points, normals], 1, dtype=np.float32)))
        there = atlas.image(np.ones(len(atlas.texels), np.float32)) > 0
        right, below = (np.roll(place, -1, axis)[..., :3] - place[..., :3] for axis in (1, 0))
        solid = there & np.roll(there, -1, 1) & np.roll(there, -1, 0)
        right, below, normal, solid = right[WINDOW], below[WINDOW], place[WINDOW][..., 3:], solid[WINDOW]
        uu, uv, vv = ((a * b).sum(-1, keepdims=True) for a, b in ((right, right), (right, below), (below, below)))
        det = np.where(solid[..., None], np.maximum(uu * vv - uv**2, 1e-6), 1)
        slopes = np.stack([vv * right - uv * below, uu * below - uv * right]) / det * solid[..., None]
        normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
        mean = np.abs(sh_basis(normal[solid]) @ light).mean()
        return cls(normal, slopes.astype(np.float32), light / max(float(mean), 1e-6), solid)

    def gradient(self, height: np.ndarray) -> np.ndarray:
        """`[H, W, 3]`, of a `height` [H, W] in millimetres."""
        right, below = (np.roll(height, -1, axis) - height for axis in (1, 0))
        return self.slopes[0] * right[..., None] + self.slopes[1] * below[..., None]

    def shade(self, gradient: np.ndarray) -> np.ndarray:
        """Log shade `[H, W]` that a height of this `gradient` [H, W, 3] adds to the coarse one."""
        normals = self.normals - gradient
        normals = normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-6)
        return np.where(self.solid, self._log_irradiance(normals) - self._log_irradiance(self.normals), 0)

    def response(self) -> np.ndarray:
        """Log shade `[2, H, W]` per millimetre of difference to the right and to the lower neighbour."""
        return np.stack([self.shade(_STEP * slope) / _STEP for slope in self.slopes])

    def _log_irradiance(self, normals: np.ndarray) -> np.ndarray:
        return np.log(DARKEST * np.logaddexp(0, sh_basis(normals) @ self.light / DARKEST))


def onto_mesh(atlas: Atlas, values: np.ndarray) -> np.ndarray:
    """Means `[V, C]` of what the texels around a vertex have, `[N, C]`; 0 where there are none."""
    spread = atlas.interpolation.T
    return (spread @ values) / np.maximum(spread @ np.ones(len(values), np.float32), 1e-6)[:, None]
