"""What surrounds a synthetic face: backgrounds, clothes on the shoulders, glasses, and things held before it."""

from collections.abc import Callable

import cv2
import numpy as np
import skimage.data

from ...rendering.shading import srgb_to_linear

_PLACES = (
    "chelsea",
    "coffee",
    "rocket",
    "retina",
    "immunohistochemistry",
    "hubble_deep_field",
    "brick",
    "grass",
    "gravel",
)
"""Pictures that scikit-image brings; what they show does not matter."""
RIM = 0.0028
"""Metres, half the width of glasses at most."""


class Backdrops:
    """Makes backgrounds."""

    def __init__(self) -> None:
        images = [np.atleast_3d(getattr(skimage.data, name)()) for name in _PLACES]
        self._images = [np.broadcast_to(image[..., :3], (*image.shape[:2], 3)).astype(np.uint8) for image in images]

    def random(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Linear colours `[size, size, 3]`."""
        kind = rng.random()
        if kind < 0.35:
            return _gradient(rng, size)
        if kind < 0.6:
            return _gradient(rng, size) * np.exp(blobs(rng, size, rng.uniform(5, 60))[..., None] * rng.uniform(0.1, 1))
        image = self._images[rng.integers(len(self._images))]
        side = int(rng.uniform(0.2, 1.0) * min(image.shape[:2]))
        top, left = (int(rng.integers(length - side + 1)) for length in image.shape[:2])
        image = cv2.resize(image[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
        image = srgb_to_linear(image.astype(np.float32) / 255)[..., rng.permutation(3)]
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 12)) * rng.uniform(0.2, 1.5)


def blobs(rng: np.random.Generator, size: int, width: float) -> np.ndarray:
    """Smooth noise `[size, size]` of deviation 1."""
    cells = max(2, int(size / width))
    return cv2.resize(
        rng.standard_normal((cells, cells)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )


def color(rng: np.random.Generator) -> np.ndarray:
    """Linear reflectance `[3]`: often grey, black or white, sometimes strong."""
    grey = rng.choice([0.02, 0.05, 0.2, 0.5, 0.8])
    return np.clip(grey * np.exp(rng.normal(0, rng.choice([0.05, 0.6]), 3)), 0.01, 0.9)


def _gradient(rng: np.random.Generator, size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    angle = rng.uniform(0, 2 * np.pi)
    share = np.clip(0.5 + rng.uniform(0.2, 1) * ((x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)), 0, 1)
    return (share[..., None] * color(rng) + (1 - share[..., None]) * color(rng)).astype(np.float32)


def clothing(rng: np.random.Generator) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """A garment: from points `[N, 3]` of the unposed mean head to whether cloth covers them `[N]` and its linear
    colour `[N, 3]`."""
    collar, depth, width = rng.uniform(-0.175, -0.105), rng.uniform(0, 0.08), rng.uniform(0.02, 0.12)
    coat, shirt, tie = color(rng), color(rng), color(rng)
    lapel, has_tie, stripe = rng.uniform(0.15, 0.9), rng.random() < 0.3, rng.uniform(0, 0.5) * (rng.random() < 0.3)

    def garment(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y, z = points.T
        notch = depth * np.clip(1 - np.abs(x) / width, 0, 1) * (z > 0)
        inner = np.abs(x) < lapel * np.clip(-0.1 - y, 0, 1) * (z > 0)
        result = np.where(inner[:, None], shirt, coat * (1 + stripe * np.sin(x * 900))[:, None])
        if has_tie:
            result = np.where(((np.abs(x) < 0.022) & (z > 0))[:, None], tie, result)
        return y < collar - notch, result

    return garment


def wear_glasses(
    rng: np.random.Generator, linear: np.ndarray, project: Callable[[np.ndarray], np.ndarray], eyes: np.ndarray
) -> np.ndarray:
    """Draw glasses onto `linear` [H, W, 3], in place; returns the mask `[H, W]` bool of lenses that hide the eyes.

    `eyes` [2, 3] metres: the eyeballs' middles, right (x < 0) and left; `project` [N, 3] to [N, 2] pixels.
    """
    half = np.array([rng.uniform(0.022, 0.03), rng.uniform(0.014, 0.026)])
    power, drop, ahead = rng.uniform(2, 5), rng.uniform(-0.002, 0.01), rng.uniform(0.024, 0.032)
    angle = np.linspace(0, 2 * np.pi, 40)
    ring = np.sign(np.c_[np.cos(angle), np.sin(angle)]) * np.abs(np.c_[np.cos(angle), np.sin(angle)]) ** (2 / power)
    rims = []
    for eye in eyes:
        x = ring[:, 0] * half[0] + eye[0] * rng.uniform(1.0, 1.02)
        rims.append(np.c_[x, eye[1] - drop + ring[:, 1] * half[1], eye[2] + ahead - 3 * x * x])
    frame, width = color(rng), max(1.0, _scale(project, eyes) * rng.uniform(0.0008, RIM) * 2)
    dark = rng.random() < 0.25
    opacity = rng.uniform(0.7, 0.97) if dark else rng.uniform(0, 0.12)
    hidden = np.zeros(linear.shape[:2], np.uint8)
    for rim in rims:
        cv2.fillPoly(hidden, [_fixed(project(rim))], 1, cv2.LINE_8, 4)
    lens = color(rng) * (0.1 if dark else 1.0)
    if rng.random() < 0.3:
        lens = lens + np.clip(blobs(rng, len(linear), len(linear) / 6), 0, 1)[..., None] * rng.uniform(0.2, 1.0)
    lens = np.broadcast_to(lens, linear.shape)
    linear[hidden > 0] += opacity * (lens - linear)[hidden > 0]
    bridge = np.linspace(rims[0][0], rims[1][20], 8) + np.c_[[0] * 8, 0.004 * np.sin(np.linspace(0, np.pi, 8)), [0] * 8]
    right, left = project(rims[0])[20], project(rims[1])[0]
    middle = project(eyes).mean(0)
    outer = [
        k
        for k, end in enumerate((right, left))
        if np.linalg.norm(end - middle) > 0.6 * np.linalg.norm(right - left) / 2
    ]
    temples = [np.array([rims[k][20 if k == 0 else 0], eyes[k] * [2.35, 1, 1] - [0, 0, 0.09]]) for k in outer]
    shades = np.zeros(linear.shape[:2], np.uint8)
    for line in (*rims, bridge, *temples):
        cv2.polylines(shades, [_fixed(project(line))], False, 255, round(width), cv2.LINE_AA, 4)
    linear += (shades / np.float32(255))[..., None] * (frame - linear)
    return (hidden > 0) & dark


def hold_before(rng: np.random.Generator, linear: np.ndarray, tone: np.ndarray) -> np.ndarray:
    """Draw fingers of the linear colour `tone` [3], or some object, over `linear` [H, W, 3], in place; returns its
    mask [H, W] bool."""
    size = len(linear)
    mask = np.zeros((size, size), np.uint8)
    center = rng.uniform(0.15, 0.85, 2) * size
    hand = rng.random() < 0.5
    if hand:
        angle, width = rng.uniform(0, 2 * np.pi), size * rng.uniform(0.03, 0.06)
        along = np.array([np.cos(angle), np.sin(angle)])
        across = np.array([-along[1], along[0]])
        for k in range(int(rng.integers(1, 5))):
            start = center + k * 1.1 * width * across
            finger = np.stack([start, start + along * size * rng.uniform(0.2, 0.6)])
            cv2.polylines(mask, [_fixed(finger)], False, 255, int(width), cv2.LINE_AA, 4)
    else:
        angles = np.sort(rng.uniform(0, 2 * np.pi, 7))
        reach = size * rng.uniform(0.08, 0.3) * rng.uniform(0.5, 1, (7, 1))
        cv2.fillPoly(mask, [_fixed(center + reach * np.c_[np.cos(angles), np.sin(angles)])], 255, cv2.LINE_AA, 4)
    base = tone if hand else color(rng) * linear.mean() * 3
    shading = np.exp(0.2 * blobs(rng, size, size / 8))[..., None]
    rounded = 0.5 + 0.5 * cv2.GaussianBlur(mask, (0, 0), size / 60) / np.float32(255)
    share = (mask / np.float32(255))[..., None]
    linear += share * (base * shading * rounded[..., None] - linear)
    return mask > 127


def _scale(project: Callable[[np.ndarray], np.ndarray], eyes: np.ndarray) -> float:
    """Pixels per metre at the eyes."""
    shifted = project(eyes.mean(0) + np.array([[0, 0, 0], [0, 0.01, 0]]))
    return float(np.linalg.norm(shifted[0] - shifted[1])) * 100


def _fixed(points: np.ndarray) -> np.ndarray:
    """Pixels `[N, 2]` as OpenCV's integers with four fractional bits."""
    return np.round(points * 16 - 8).astype(np.int32)
