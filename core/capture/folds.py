"""The photo's expression leaves shade and creases on the skin that the neutral head's texture must not have."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas, pull_push

MOVED = (0.0008, 0.003)
"""Metres by which an expression moves skin that it begins to fold, and that it folds for certain."""
CREASE = 0.005
"""Metres across the widest crease that is filled."""
MOLE = 0.003
"""Metres across the largest spot that is left alone."""
CREASE_COLOR = np.array([0.72, 1.05, 1.15], np.float32)
"""Log colour of one unit of a crease's luminance: the light in it has gone through skin and is ruddy."""
LINED = (0.02, 0.05)
"""Mean log luminance of the creases on skin that does not move, of a face whose folds are its smile's, and of one that
has them without."""
LASTING = (0.1, 0.8)
"""Share of a fold that stays without the expression, in either."""
ENOUGH = 0.002
"""Square metres of unmoved skin that tell how lined a face is as well as a usual face tells beforehand."""
USUAL = 0.025
"""How lined a usual face is."""
RESOLUTION = 2000.0
"""Texels per metre at which creases are looked for."""


def folded(model: HeadModel, neutral: np.ndarray, posed: np.ndarray) -> np.ndarray:
    """[V] 0..1: how sure it is that skin which lies smooth in `neutral` [V, 3] is folded in `posed` [V, 3].

    An expression moves the skin towards the folds and bulges that it makes; where exactly they are, no landmark tells.
    Lines on a neck come and go with every turn of the head, or are a collar's.
    """
    low, high = MOVED
    moved = np.clip((np.linalg.norm(posed - neutral, axis=1) - low) / (high - low), 0, 1)
    return np.maximum(moved * model.masks["face"], model.masks["neck"] * (1 - model.masks["narrow_face"])).astype(
        np.float32
    )


@dataclass(frozen=True)
class Lines:
    """How lined a face is where its expression does not move the skin."""

    depth: float
    """Mean log luminance of creases, not negative."""
    area: float
    """Square metres of skin that tell it."""

    @classmethod
    def of(cls, atlas: Atlas, luminance: np.ndarray, still: np.ndarray) -> "Lines":
        """Those in the log `luminance` [N] on `still` skin [N], 0..1."""
        area = np.where(still > 0.5, still, 0) / np.maximum(atlas.density, 1.0) ** 2  # its borders are darker
        depth = -creases(atlas, luminance, still) @ area
        return cls(float(depth / max(area.sum(), 1e-9)), float(area.sum()))


def lasting(faces: Sequence[Lines]) -> float:
    """Share of what an expression folds that stays without it on the face of these photos.

    A smile's folds do not tell what is left of them at rest. But skin that creases at rest does so all over the face.
    """
    area = sum(lines.area for lines in faces)
    depth = (sum(lines.area * lines.depth for lines in faces) + ENOUGH * USUAL) / (area + ENOUGH)
    return float(np.interp(depth, LINED, LASTING))


def creases(atlas: Atlas, luminance: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """How much darker than skin around them lines are in the log `luminance` [N], `[N]`, not positive, where it is of
    `bare` [N] skin.

    A closing by a disk fills lines and spots alike, closings by line segments leave every line that has the direction
    of one of them: the difference is lines without spots, which may be moles.
    """
    inside = bare > 0
    if not inside.any():
        return np.zeros_like(luminance)
    row, column = np.divmod(atlas.texels[inside], atlas.size)
    box = np.s_[row.min() : row.max() + 1, column.min() : column.max() + 1]
    full = atlas.image(np.stack([luminance, np.ones_like(luminance)], 1))[box]
    scale = min(1.0, RESOLUTION / float(np.median(atlas.density[inside])))
    image, known = cv2.split(cv2.resize(full, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    known = (known > 0.99).astype(np.float32)
    image = pull_push(image[..., None], known)[..., 0]
    texels = scale * float(np.median(atlas.density[inside]))
    image = cv2.GaussianBlur(image, (0, 0), 0.0003 * texels)  # neither pores nor noise
    radius = max(1, round(CREASE / 2 * texels))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    smooth = cv2.GaussianBlur(cv2.morphologyEx(image, cv2.MORPH_CLOSE, disk), (0, 0), radius)
    lines = np.minimum.reduce(
        [cv2.morphologyEx(image, cv2.MORPH_CLOSE, segment) for segment in _segments(round(MOLE * texels))]
    )
    crease = np.minimum(cv2.GaussianBlur(lines - smooth, (0, 0), 0.0004 * texels), 0)
    result = np.zeros((atlas.size, atlas.size), np.float32)
    result[box] = cv2.resize(crease, full.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return result.reshape(-1)[atlas.texels]


def _segments(length: int, directions: int = 12) -> list[np.ndarray]:
    """Structuring elements: line segments of `length` pixels through the middle."""
    elements = []
    for turn in np.arange(directions) * np.pi / directions:
        reach = np.round(length / 2 * np.array([np.cos(turn), np.sin(turn)])).astype(int)
        element = np.zeros((2 * abs(reach[1]) + 1, 2 * abs(reach[0]) + 1), np.uint8)
        middle = np.abs(reach)
        cv2.line(element, (middle - reach).tolist(), (middle + reach).tolist(), 1)
        elements.append(element)
    return elements
