"""Black-and-white photos, sepia and other toned ones included: a print's tone is no skin's."""

from dataclasses import replace

import cv2
import numpy as np

from .photo import Photo

COLORLESS = 1.3
"""Deviation of Lab's a and b on a face from what its lightness tells, below which a photo is of one colour: toned
prints have 0.7 at most, a nearly black photo 1.6, and of 347 portraits none less than 2.7."""
_STEPS = 16
"""Of lightness."""


def uncolored(photo: Photo, landmarks: np.ndarray) -> Photo | None:
    """The photo in shades of grey if the face with `landmarks` [478, 2] (pixels) is of one colour, or else None."""
    low = np.maximum(landmarks.min(0).astype(int), 0)
    right, bottom = landmarks.max(0).astype(int) + 1
    face = photo.pixels[low[1] : bottom, low[0] : right].astype(np.float32) / 255
    lab = cv2.cvtColor(cv2.GaussianBlur(face, (0, 0), 1.5), cv2.COLOR_RGB2LAB).reshape(-1, 3)
    step = (lab[:, 0] * (_STEPS / 100.01)).astype(int)
    count = np.maximum(np.bincount(step), 1)
    off = [value - (np.bincount(step, value) / count)[step] for value in lab[:, 1:].T]
    if np.sqrt(np.square(off).sum(0).mean()) > COLORLESS:
        return None
    grey = cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY)
    return replace(photo, pixels=np.repeat(grey[..., None], 3, axis=2))
