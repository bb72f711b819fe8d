"""Eyeballs: the iris in the photo's colour, drawn fibre by fibre, in a sclera with faint veins.

The chart of an eyeball is polar: the pupil at uv (0.5, 0.5), the back of the ball on the circle of radius 0.5.
"""

import cv2
import numpy as np

from ..parametric.head import HeadModel
from ..rendering.shading import linear_to_srgb, srgb_to_linear

SIZE = 1024
IRIS_POINTS = {"right_eye": (468, (469, 470, 471, 472)), "left_eye": (473, (474, 475, 476, 477))}
"""Centre and border of each iris among the 478 landmarks."""
LIDS = {
    "right_eye": [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246],
    "left_eye": [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466],
}
DEFAULT_IRIS = np.array([0.085, 0.045, 0.025], np.float32)
"""Linear reflectance of a brown iris: what most people have, and what a photo too coarse to tell gets."""
LID_SHADE = 0.85
"""Share of the light on the cheeks that reaches the iris under its lid."""
SCLERA = np.array([0.64, 0.60, 0.56], np.float32)
SCLERA_EDGE = np.array([0.50, 0.36, 0.32], np.float32)
VEIN = np.array([0.45, 0.10, 0.08], np.float32)
PUPIL = 0.36
"""Radius of the pupil, of that of the iris."""
FALLBACK_IRIS_RADIUS = 0.082
"""In UV: 5.9 mm on a ball of 12 mm."""


def iris_color(pixels: np.ndarray, landmarks: np.ndarray, exposure: np.ndarray) -> np.ndarray:
    """Linear reflectance [3] of the irises in the photo `pixels` uint8 [H, W, 3], one for both eyes.

    `landmarks` [478, 2] in pixels; `exposure` [3] is the linear colour that a white card on the face would have.
    """
    samples = []
    for part, (center, border) in IRIS_POINTS.items():
        radius = float(np.linalg.norm(landmarks[list(border)] - landmarks[center], axis=1).mean())
        open_eye = np.zeros(pixels.shape[:2], np.uint8)
        cv2.fillPoly(open_eye, [np.round(landmarks[LIDS[part]] * 16 - 8).astype(np.int32)], 1, cv2.LINE_8, 4)
        row, column = np.nonzero(open_eye)
        distance = np.hypot(column + 0.5 - landmarks[center, 0], row + 0.5 - landmarks[center, 1]) / radius
        ring = (distance > 0.45) & (distance < 0.85)
        samples.append(pixels[row[ring], column[ring]])
    colors = np.concatenate(samples)
    if len(colors) < 8:
        return DEFAULT_IRIS
    colors = srgb_to_linear(colors.astype(np.float32) / 255)
    luminance = colors.sum(1)
    low, high = np.quantile(luminance, [0.25, 0.75])  # the pupil and the lashes; the reflection of a window
    middle = np.median(colors[(luminance >= low) & (luminance <= high)], axis=0) / (exposure * LID_SHADE)
    certainty = min(1.0, len(colors) / 60) * min(1.0, float(middle.max()) / 0.06)  # few pixels, or lost in the dark
    return np.clip(certainty * middle + (1 - certainty) * DEFAULT_IRIS, 0.01, 0.5).astype(np.float32)


def iris_radius(model: HeadModel, part: str) -> float:
    """Radius of the iris in the eyeball's UV."""
    if "iris" not in model.masks:
        return FALLBACK_IRIS_RADIUS
    chosen = model.face_part == model.parts.index(part)
    member = model.masks["iris"][model.faces[chosen]] > 0.5
    uv = model.uv[model.faces_uv[chosen][member]]
    return float(np.linalg.norm(uv - 0.5, axis=1).max())


def eye_texture(color: np.ndarray, radius: float, seed: int = 0) -> np.ndarray:
    """The eyeball's colour `[SIZE, SIZE, 3]` sRGB 0..1 for an iris of linear `color` [3] and UV `radius`."""
    y, x = (np.mgrid[:SIZE, :SIZE].astype(np.float32) + 0.5) / SIZE - 0.5
    distance = np.hypot(x, y) / radius
    angle = np.arctan2(y, x)
    iris = _iris(color, distance, angle, seed)
    sclera = _sclera(distance, angle, radius, seed)
    inside = _ramp(distance, 1.04, 0.94)[..., None]
    return linear_to_srgb(inside * iris + (1 - inside) * sclera)


def _iris(color: np.ndarray, distance: np.ndarray, angle: np.ndarray, seed: int) -> np.ndarray:
    fibres = _polar_noise(distance, angle, (2.0, 14.0), seed) + 0.6 * _polar_noise(
        distance, angle, (1.0, 5.0), seed + 1
    )
    warm = color * [1.15, 1.0, 0.82]
    collarette = np.exp(-(((distance - 0.52 - 0.02 * fibres) / 0.1) ** 2))[..., None]
    base = color * (1 - 0.5 * collarette) + 0.5 * collarette * warm * 1.15
    brightness = np.exp(0.26 * fibres) * (1 - 0.72 * _ramp(distance, 0.78, 1.0) ** 2)
    pupil = _ramp(distance, PUPIL - 0.02, PUPIL + 0.04)
    return np.clip(base * (brightness * pupil)[..., None], 0.003, 1)


def _sclera(distance: np.ndarray, angle: np.ndarray, radius: float, seed: int) -> np.ndarray:
    outward = _ramp(distance, 1.0, 2.6)
    lines = _polar_noise(distance * radius / 0.5, angle, (9.0, 6.0), seed + 2)
    veins = np.exp(-((lines / 0.05) ** 2)) * _ramp(distance, 1.25, 3.0) * 0.35
    veins *= np.clip(_polar_noise(distance * radius / 0.5, angle, (12.0, 40.0), seed + 3), 0, 1)
    color = SCLERA + outward[..., None] ** 1.5 * (SCLERA_EDGE - SCLERA)
    color = color * (1 - 0.25 * _ramp(distance, 1.2, 1.0))[..., None]  # the limbus is no hard line
    return color + veins[..., None] * (VEIN - color)


def _polar_noise(radial: np.ndarray, angle: np.ndarray, blur: tuple[float, float], seed: int) -> np.ndarray:
    """Noise of deviation 1 on (radius 0..1, angle), blurred by `blur` (along the angle, along the radius) cells."""
    rows, columns = 96, 720
    noise = np.random.default_rng([7, seed]).standard_normal((rows, columns)).astype(np.float32)
    noise = cv2.GaussianBlur(np.tile(noise, (1, 3)), (0, 0), sigmaX=blur[0], sigmaY=blur[1])[:, columns : 2 * columns]
    noise = np.concatenate([noise, noise[:, :1]], 1) / noise.std()
    column = (angle / (2 * np.pi) + 0.5) * columns
    row = np.clip(radial, 0, 1) * (rows - 1)
    return cv2.remap(noise, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR)


def _ramp(value: np.ndarray, start: float, stop: float) -> np.ndarray:
    """Smooth step from 0 at `start` to 1 at `stop`, which may be the smaller."""
    t = np.clip((value - start) / (stop - start), 0, 1)
    return t * t * (3 - 2 * t)
