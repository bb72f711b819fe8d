"""Real portraits as the encoder learns from them: framed, turned and mirrored at random, with landmarks and skin."""

from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from ...capture.coarse_net import SIDE
from ...capture.dense_landmarks import first_view, seen_through
from ...capture.face_crop import corner_aligned
from ...capture.landmarks import detect_landmarks, mirror
from ...capture.photo import load_photo
from ...capture.segmentation import Masks, segment
from ...errors import InputError
from ..portraits import HELD_OUT, portrait_paths
from .portrait_rows import portrait_rows

VIEWS = 6
"""Of a portrait; every other one is its mirror image."""
ZOOM, TURN, SHIFT = 0.06, 0.12, 0.02
"""Deviations: of the logarithm, in radians, and as a share of the side. A photo's first look is no further off."""


@dataclass(frozen=True)
class PortraitViews:
    """S portraits in K views each."""

    pixels: np.ndarray
    """[S, K, SIDE, SIDE, 3] uint8."""
    skin: np.ndarray
    """[S, K, SIDE, SIDE] uint8 0..255, the share of bare skin and lips."""
    landmarks: np.ndarray
    """[S, K, 478, 2] pixels of the view; numbered as on the person that the view shows."""

    @classmethod
    def load(cls, data: Path, cache: Path) -> "PortraitViews":
        """Of the training portraits in `data`, from the cache after making what it lacks (a second a portrait).

        Raises InputError when `data` has no portraits.
        """
        chosen = [path for i, path in enumerate(portrait_paths(data)) if i % HELD_OUT]
        return cls(**portrait_rows(cache / "views", chosen, "Views of portraits", lambda: _views))

    def __len__(self) -> int:
        return len(self.pixels)


def _views(path: Path) -> dict[str, np.ndarray]:
    """The views of a photo, at random as its name has it; nothing where no face is found."""
    photo, rng = load_photo(path), np.random.default_rng(list(path.stem.encode()))
    try:
        landmarks = detect_landmarks(photo)
    except InputError:
        return {}
    masks = segment(photo.pixels, landmarks)
    views = []
    for k in range(VIEWS):
        view = jitter(rng) @ np.r_[first_view(landmarks), [[0, 0, 1]]]
        pixels, skin = seen_through(view, photo.pixels), bare_skin(view, masks)
        seen = landmarks @ view[:, :2].T + view[:, 2]
        views.append(mirrored_view(pixels, skin, seen) if k % 2 else (pixels, skin, seen))
    columns = (np.stack(column) for column in zip(*views, strict=True))
    return dict(zip((f.name for f in fields(PortraitViews)), columns, strict=True))


def bare_skin(view: np.ndarray, masks: Masks) -> np.ndarray:
    """The share of bare skin and lips in a `view` [2, 3] of the photo: uint8 [SIDE, SIDE]."""
    back = np.linalg.inv(np.r_[masks.transform, [[0, 0, 1]]])
    share = np.clip(masks.skin + masks.lips, 0, 1) * (1 - masks.glasses)
    seen = cv2.warpAffine(share, corner_aligned(view @ back), (SIDE, SIDE), flags=cv2.INTER_AREA)
    return (255 * np.clip(seen, 0, 1)).astype(np.uint8)


def mirrored_view(
    pixels: np.ndarray, skin: np.ndarray, landmarks: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A view's mirror image: `pixels` [SIDE, SIDE, 3], `skin` [SIDE, SIDE], `landmarks` [478, 2]."""
    return pixels[:, ::-1], skin[:, ::-1], (landmarks * (-1, 1) + (SIDE, 0))[mirror()]


def jitter(rng: np.random.Generator) -> np.ndarray:
    """[2, 3] a small random motion of a view about its middle."""
    zoom, turn = np.exp(rng.normal(0, ZOOM)), rng.normal(0, TURN)
    rotation = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.full(2, SIDE / 2)
    return np.c_[rotation, middle + rng.normal(0, SHIFT, 2) * SIDE - rotation @ middle]
