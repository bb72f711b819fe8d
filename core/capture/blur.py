"""Tells a face that has moved, or is out of focus, from one that is sharp."""

import cv2
import numpy as np

from .face_crop import FACE_CENTER, FACE_WIDTH

BLURRED = 4.8
"""Pixels of the crop over which the steepest edges of a face rise, from which it is blurred: of 347 portraits none
exceeds 3.9, faces of 400 pixels that moved by 25 reach 4.9 at least."""
SHARP = 2.0
"""Pixels of the photo over which edges rise in a sharp one."""
_AROUND = 19
"""Pixels of the crop within which an edge begins and ends."""


def blurred(crop: np.ndarray, enlarged: float) -> bool:
    """Whether the face in a `crop` uint8 [H, W, 3], of `enlarged` pixels for each of the photo, shows no edges in some
    direction: a small face is not.

    A face that moves keeps the edges along its way; those of the lids, the irises, the nostrils and the lips cross
    every direction.
    """
    x, y = map(int, FACE_CENTER)
    half = int(FACE_WIDTH / 2)
    face = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[y - half : y + half, x - half : x + half].astype(np.float32)
    return max(_rise(face, angle) for angle in (0, 45, 90, 135)) > max(BLURRED, SHARP * enlarged)


def _rise(image: np.ndarray, angle: float) -> float:
    """Pixels over which the steepest edges of `image` [N, N] rise along a direction, if they rise evenly."""
    middle = (len(image) - 1) / 2
    turn = cv2.getRotationMatrix2D((middle, middle), angle, 1)
    image = cv2.warpAffine(image, turn, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    around = np.ones((1, _AROUND), np.uint8)
    height = (cv2.dilate(image, around) - cv2.erode(image, around))[:, :-1]
    clear = height >= np.quantile(height, 0.8)
    slope = np.abs(np.diff(image)) / np.maximum(height, 4)
    return 1 / max(float(np.quantile(slope[clear], 0.98)), 1e-3)
