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
SCLERA = np.array([0.58, 0.53, 0.48], np.float32)
SCLERA_EDGE = np.array([0.48, 0.29, 0.25], np.float32)
VEIN = np.array([0.42, 0.10, 0.08], np.float32)
LIMBUS = np.array([0.35, 0.38, 0.42], np.float32)
"""The iris' border, relative to the iris: dark and less coloured, since the sclera lies over it."""
EDGE = (1.05, 0.93)
"""Radii between which the sclera gives way to the iris, over that of the iris."""
PUPIL = 0.36
"""Radius of the pupil, of that of the iris."""


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


def eye_profile(model: HeadModel, part: str) -> np.ndarray:
    """How the chart of an eyeball goes outwards, `[K, 2]`: UV radius, and way along the ball in radii of the iris."""
    chosen = model.face_part == model.parts.index(part)
    vertices, first = np.unique(model.faces[chosen], return_index=True)
    around = np.linalg.norm(model.uv[model.faces_uv[chosen].ravel()[first]] - 0.5, axis=1)
    rings, ring = np.unique(around.round(3), return_inverse=True)
    points = model.v_template[vertices] - model.v_template[vertices[around.argmin()]]
    share = 1 / np.bincount(ring)
    width = np.bincount(ring, np.hypot(points[:, 0], points[:, 1])) * share
    depth = np.bincount(ring, points[:, 2]) * share
    way = np.cumsum(np.hypot(np.diff(width, prepend=0), np.diff(depth, prepend=0)))
    return np.stack([rings, way / way[ring[model.masks["iris"][vertices] > 0.5].max()]], 1)


def eye_texture(color: np.ndarray, profile: np.ndarray) -> np.ndarray:
    """The eyeball's colour `[SIZE, SIZE, 3]` sRGB 0..1 for an iris of linear `color` [3]; see `eye_profile`."""
    y, x = (np.mgrid[:SIZE, :SIZE].astype(np.float32) + 0.5) / SIZE - 0.5
    distance = np.interp(np.hypot(x, y), *profile.T).astype(np.float32)
    angle = np.arctan2(y, x)
    ball = _sclera(distance, angle)
    first, *_, last = np.flatnonzero((distance < EDGE[0]).any(0))
    box = np.s_[first : last + 1, first : last + 1]  # an eighth of the chart
    inside = _ramp(distance[box], *EDGE)[..., None]
    ball[box] += inside * (_iris(color, distance[box], angle[box]) - ball[box])
    shade = _lid_shade(distance * np.cos(angle), distance * np.sin(angle))[..., None]
    return linear_to_srgb(shade * ball)


def _iris(color: np.ndarray, distance: np.ndarray, angle: np.ndarray) -> np.ndarray:
    fibres = _polar_noise(distance, angle, (1.8, 16.0), 0)
    fibres += 0.6 * _polar_noise(distance, angle, (0.9, 6.0), 1)
    warm = color * [1.2, 1.0, 0.78]
    collarette = np.exp(-(((distance - 0.54 - 0.025 * fibres) / 0.09) ** 2))[..., None]
    base = color + 0.6 * collarette * (1.2 * warm - color)
    crypts = np.clip(_polar_noise(distance, angle, (5.0, 5.0), 4) - 0.8, 0, 1.5)
    brightness = np.exp(0.34 * fibres - 0.35 * crypts) * (1 - 0.35 * _ramp(distance, 0.50, PUPIL))
    pupil = _ramp(distance, PUPIL - 0.02, PUPIL + 0.04)
    limbus = 1 - _ramp(distance, 0.74, 0.97)[..., None] * (1 - LIMBUS)
    return np.clip(base * limbus * (brightness * pupil)[..., None], 0.003, 1)


def _sclera(distance: np.ndarray, angle: np.ndarray) -> np.ndarray:
    corner = _ramp(distance, 1.1, 2.2) * (0.35 + 0.65 * np.cos(angle) ** 2)
    lines = _polar_noise(distance / 3, angle, (9.0, 6.0), 2)
    veins = np.exp(-((lines / 0.05) ** 2)) * _ramp(distance, 1.25, 2.2) * 0.4
    veins *= np.clip(_polar_noise(distance / 3, angle, (12.0, 40.0), 3), 0, 1)
    color = SCLERA + corner[..., None] * (SCLERA_EDGE - SCLERA)
    color = color * (1 - 0.25 * _ramp(distance, 1.2, 1.0))[..., None]  # the limbus is no hard line
    return color + veins[..., None] * (VEIN - color)


def _lid_shade(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Share of light that the upper lid and its lashes leave at iris radii right and down from the pupil."""
    upper = _ramp(y + 0.12 * x**2, 0.05, -1.1)
    lower = _ramp(y - 0.12 * x**2, 0.8, 1.4)
    return 1 - 0.5 * upper - 0.15 * lower


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
