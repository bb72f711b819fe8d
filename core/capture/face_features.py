"""Brows, beard and glasses of a face, told from its skin."""

import cv2
import numpy as np

from .face_crop import (
    BROWS,
    CHIN,
    EYES,
    FACE_CENTER,
    FACE_WIDTH,
    NOSE,
    OVAL,
    SIZE,
    face_coordinates,
    grown,
    polygon,
    ramp,
)

BEARDED = (0.28, 0.45)
"""Mean strangeness of the chin from which a beard is believed, and is certain."""


def brow_mask(points: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """Brow pixels: inside the landmarks' brow band, and not of the skin's colour where the brow is distinct."""
    band = np.sum([polygon(grown(points[ring], 1.25), 1.5) for ring in BROWS], axis=0)
    return np.clip(band, 0, 1) * np.clip(0.35 + strange, 0, 1)


def beard_mask(points: np.ndarray, strange: np.ndarray) -> np.ndarray:
    """Pixels of the lower face and under the chin that are not of the skin's colour; none where the chin is bare."""
    x, y = face_coordinates()
    chin = (points[152, 1] - FACE_CENTER[1]) / FACE_WIDTH
    front = np.average(strange, weights=polygon(points[CHIN]) + 1e-9)
    below_nose = ramp(y, *((points[[2, 0], 1] - FACE_CENTER[1]) / FACE_WIDTH))
    jaw = polygon(grown(points[OVAL], 1.06), 2.0) * below_nose
    under = ramp(-np.abs(x), -0.4, -0.3) * ramp(y, chin - 0.1, chin) * ramp(-y, -chin - 0.25, -chin - 0.1)
    return np.clip(jaw + under, 0, 1) * strange * ramp(front, *BEARDED)


def glasses_mask(lightness: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Rims [H, W]: strong edges around the eyes, if a bridge crosses the nose and rims pass under both eyes."""
    gray = cv2.GaussianBlur(lightness.astype(np.float32), (0, 0), 1.0)
    gray /= np.average(gray, weights=polygon(points[NOSE]) + 1e-9)
    down, across = cv2.Sobel(gray, cv2.CV_32F, 0, 1, scale=1 / 8), cv2.Sobel(gray, cv2.CV_32F, 1, 0, scale=1 / 8)
    eyes = np.array([points[ring].mean(0) for ring in EYES])
    distance = np.linalg.norm(eyes[1] - eyes[0])

    def window(center: np.ndarray, half_width: float, top: float, bottom: float) -> np.ndarray:
        (x0, y0), (x1, y1) = center + np.array([[-half_width, top], [half_width, bottom]]) * distance
        return np.abs(down[int(y0) : int(y1), int(x0) : int(x1) + 1])

    bridge = window(eyes.mean(0), 0.06, -0.25, 0.25).mean(1).max(initial=0)
    rims = np.mean([window(eye, 0.2, 0.22, 0.62).max(0, initial=0).mean() for eye in eyes])
    if np.sqrt(bridge * rims) < 0.078:  # 21 of 22 wearers and 1 of 94 others lie above, in portraits of 150 pixel faces
        return np.zeros_like(gray)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    lenses = (np.hypot(x - eye[0], (y - eye[1]) * 1.1 - 0.1 * distance) for eye in eyes)
    around = sum(ramp(-lens / distance, -0.58, -0.48) for lens in lenses) * (1 - brow_mask(points, np.ones_like(gray)))
    inside = sum(polygon(grown(points[ring], 1.15)) for ring in EYES)
    edges = ramp(np.hypot(down, across), 0.04, 0.08)
    rim = (
        cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones((5, 5))) * np.clip(around, 0, 1) * (1 - np.clip(inside, 0, 1))
    )
    return cv2.GaussianBlur(rim, (0, 0), 1.0)
