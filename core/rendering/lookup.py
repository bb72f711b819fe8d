"""Look-ups in an image at any number of points."""

import cv2
import numpy as np

_WIDTH = 1024  # OpenCV limits the sides of a map


def lookup(image: np.ndarray, points: np.ndarray, interpolation: int = cv2.INTER_LINEAR) -> np.ndarray:
    """Values `[N, ...]` of `image` [H, W, ...] at `points` `[N, 2]` (x, y; centres at +0.5); the border repeats."""
    padded = np.zeros(((len(points) // _WIDTH + 1) * _WIDTH, 2), np.float32)
    padded[: len(points)] = points - 0.5
    found = cv2.remap(image, padded.reshape(-1, _WIDTH, 2), None, interpolation, borderMode=cv2.BORDER_REPLICATE)
    return found.reshape(-1, *image.shape[2:])[: len(points)]
