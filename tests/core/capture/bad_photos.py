"""The ways in which photos of faces are bad, drawn into a good one whose landmarks are known."""

from collections.abc import Callable

import cv2
import numpy as np

from likeness.core.capture.face_crop import EYES, LIPS, MOUTH, OVAL
from likeness.core.rendering.shading import linear_to_srgb, srgb_to_linear

JAW = [93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323]
ABOVE_NOSE = [345, 347, 329, 6, 100, 118, 116]
SLIT = [127, 105, 9, 334, 356, 280, 5, 50]
"""Of a veil, round the eyes."""
SURGICAL, BLACK, SEPIA = (150, 190, 215), (30, 30, 34), (1.0, 0.82, 0.55)

Degradation = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From pixels `[H, W, 3]` uint8 and landmarks `[478, 2]` to pixels."""


def width(landmarks: np.ndarray) -> float:
    return float(np.ptp(landmarks[:468, 0]))


def lit(pixels: np.ndarray, light: np.ndarray | float) -> np.ndarray:
    """Under another light: linear colours times `light`."""
    linear = srgb_to_linear(pixels.astype(np.float32) / 255) * light
    return (linear_to_srgb(np.clip(linear, 0, 1)) * 255 + 0.5).astype(np.uint8)


def painted(pixels: np.ndarray, mask: np.ndarray, color: tuple[int, int, int], opacity: float = 1.0) -> np.ndarray:
    share = opacity * mask[..., None]
    return (pixels * (1 - share) + np.array(color) * share + 0.5).astype(np.uint8)


def inside(pixels: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """[H, W] 0..1 inside a ring of points [N, 2]."""
    mask = np.zeros(pixels.shape[:2], np.float32)
    cv2.fillPoly(mask, [np.round(ring * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), 0.7)


def side_light(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    x = (np.arange(pixels.shape[1]) - landmarks[1, 0]) / width(landmarks)
    return lit(pixels, (0.03 + 1.3 / (1 + np.exp(-x / 0.07)))[None, :, None])


def blown_highlights(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return lit(pixels, 5.0)


def darkness(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return lit(pixels, 0.01)


def sunglasses(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    unit = width(landmarks)
    for ring in EYES:
        lens = np.zeros(pixels.shape[:2], np.float32)
        x, y = landmarks[ring].mean(0) + np.array([0, 0.03 * unit])
        cv2.ellipse(lens, ((x, y), (0.42 * unit, 0.34 * unit), 0), 1.0, -1, cv2.LINE_AA)
        pixels = painted(pixels, lens, (14, 13, 15))
    return pixels


def surgical_mask(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return painted(pixels, inside(pixels, landmarks[JAW + ABOVE_NOSE]), SURGICAL)


def black_mask(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return painted(pixels, inside(pixels, landmarks[JAW + ABOVE_NOSE]), BLACK)


def veil(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Over all but the eyes."""
    middle, unit = landmarks[:468].mean(0), width(landmarks)
    angle = np.linspace(0, 2 * np.pi, 60)
    around = middle + unit * np.stack([0.85 * np.cos(angle), 1.05 * np.sin(angle)], 1)
    hem = [[middle[0] - 1.5 * unit, len(pixels)], [middle[0] + 1.5 * unit, len(pixels)]]
    cloth = inside(pixels, cv2.convexHull(np.concatenate([around, hem]).astype(np.float32))[:, 0])
    return painted(pixels, cloth * (1 - inside(pixels, landmarks[SLIT])), BLACK)


def motion_blur(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """A face 400 pixels wide that has moved by 25."""
    scale = 400 / width(landmarks)
    pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return cv2.blur(pixels, (25, 1))


def small_face(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    scale = 45 / width(landmarks)
    return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def tiny_face(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    scale = 15 / width(landmarks)
    return cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def make_up(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """White skin, blue lids, red lips."""
    openings = [inside(pixels, landmarks[ring]) for ring in (*EYES, MOUTH)]
    bare = 1 - np.clip(sum(openings), 0, 1)
    pixels = painted(pixels, inside(pixels, landmarks[OVAL]) * bare, (238, 236, 238), 0.85)
    for ring in EYES:
        lid = landmarks[ring].mean(0) + (landmarks[ring] - landmarks[ring].mean(0)) * (1.2, 3.0)
        pixels = painted(pixels, inside(pixels, lid) * bare, (30, 60, 170), 0.6)
    return painted(pixels, inside(pixels, landmarks[LIPS]) * bare, (150, 8, 40), 0.8)


def black_and_white(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def sepia(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return (black_and_white(pixels, landmarks) * np.array(SEPIA)).astype(np.uint8)


def painting(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return cv2.stylization(pixels, sigma_s=60, sigma_r=0.45)
