"""Cloth over a face and dark lenses before its eyes, told from its skin.

Skin of every tone is redder than it is blue, under most lights, and more so than cloth and glass, but for cloth that is
red or of the colour of skin, which is not told. Each part of a face is compared with others of the same photo.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..rendering.shading import srgb_to_linear
from .face_crop import (
    CHIN,
    EYES,
    FACE_CENTER,
    FACE_WIDTH,
    LOWER_CHEEKS,
    NOSE_ROOT,
    OVAL,
    UNDER_EYES,
    face_coordinates,
    grown,
    polygon,
    ramp,
)

LESS_WARM = 0.25
"""Log ratio of red to blue by which cheeks and chin must fall short of the skin round the eyes to be covered: of 347
portraits none reaches 0.12, masks and veils of other colours than skin exceed 0.5."""
DARK = 0.8
"""Log luminance by which the lower lids must fall short of the cheeks to lie behind dark lenses: of 347 portraits none
reaches 0.15."""
_HEM = 7
"""Pixels of the crop within which cloth and skin mix."""
_DARKEST = 0.004
"""Linear colour below which logarithms are cut off."""


@dataclass(frozen=True)
class Cover:
    """Which parts of a face are covered."""

    mouth: bool
    """Cheeks and chin as well."""
    eyes: bool
    open: np.ndarray
    """[H, W] 0..1: where nothing covers what a face shows of its skin."""

    @classmethod
    def of(cls, image: np.ndarray, points: np.ndarray) -> "Cover":
        """What is covered of the face in the crop `image` uint8 [H, W, 3] sRGB with landmarks `points` [478, 2]."""
        colors = np.log(np.maximum(srgb_to_linear(image.astype(np.float32) / 255), _DARKEST))
        under, cheeks = ([_middle(colors, points[ring]) for ring in rings] for rings in (UNDER_EYES, LOWER_CHEEKS))
        skin = min(_warmth(color) for color in [*under, _middle(colors, points[NOSE_ROOT])])
        below = max(_warmth(color) for color in [*cheeks, _middle(colors, points[CHIN])])
        darker = min(cheek.mean() - lid.mean() for lid, cheek in zip(under, cheeks, strict=True))
        mouth, eyes = skin - below > LESS_WARM, darker > DARK
        bare = np.ones(image.shape[:2], np.float32)
        if mouth:
            warm = (colors[..., 0] - colors[..., 2] > (skin + below) / 2).astype(np.float32)
            bare = cv2.erode(warm, np.ones((_HEM, _HEM), np.uint8))
        if eyes:
            bare *= 1 - lens_band(points)
        return cls(mouth, eyes, bare)


def cloth_mask(points: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """What is not of the skin's colour below the eyes, round the jaw and under the chin: [H, W] 0..1."""
    x, y = face_coordinates()
    lids = (max(points[ring, 1].max() for ring in EYES) - FACE_CENTER[1]) / FACE_WIDTH
    chin = (points[152, 1] - FACE_CENTER[1]) / FACE_WIDTH
    jaw = polygon(grown(points[OVAL], 1.1), 2.0) * ramp(y, lids, lids + 0.05)
    under = ramp(-np.abs(x), -0.5, -0.4) * ramp(y, chin - 0.1, chin) * ramp(-y, -chin - 0.25, -chin - 0.1)
    return (np.clip(jaw + under, 0, 1) * strange).astype(np.float32)


def lens_band(points: np.ndarray) -> np.ndarray:
    """Where glasses are if they hide the eyes: [H, W] 0..1."""
    eyes = np.array([points[ring].mean(0) for ring in EYES])
    across = eyes[1] - eyes[0]
    down = np.array([-across[1], across[0]])
    corners = [(-0.6, -0.45), (1.6, -0.45), (1.6, 0.6), (-0.6, 0.6)]
    return polygon(np.array([eyes[0] + u * across + v * down for u, v in corners]), 2.0)


def _middle(colors: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Median colour [3] inside a `ring` of points [N, 2]."""
    inside = polygon(cv2.convexHull(ring.astype(np.float32))[:, 0]) > 0.5
    return np.median(colors[inside], axis=0) if inside.any() else np.zeros(3)


def _warmth(color: np.ndarray) -> float:
    return float(color[0] - color[2])
