"""Relief and light at random: furrows, swellings and unevenness anywhere, under any light from the front."""

import cv2
import numpy as np


def random_light(rng: np.random.Generator) -> np.ndarray:
    """[9] SH: ambient and one direction from the front."""
    direction = rng.normal(0, 1, 3) * [1, 1, 0.5] + [0, 0.3, 0.8]
    direction /= np.linalg.norm(direction)
    light = np.array([1, *(rng.uniform(0.2, 0.8) * direction[[1, 2, 0]]), *rng.normal(0, 0.05, 5)])
    return light.astype(np.float32)


def random_relief(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Heights `[H, W]` in millimetres: furrows, alone or side by side, swellings, and unevenness everywhere."""
    place = np.moveaxis(np.mgrid[: shape[0], : shape[1]], 0, -1).astype(np.float32)
    height = np.zeros(shape, np.float32)
    for _ in range(rng.integers(25, 70)):
        along, across = _axes(rng, place)
        length, width = _spread_evenly(rng, 6, 30), _spread_evenly(rng, 0.7, 4)
        depth = width * rng.uniform(0.08, 0.4) * (1 if rng.random() < 0.85 else -1)
        across = across - rng.normal(0, 0.012) * along**2
        within = np.exp(-((along / length) ** 4))
        beside = rng.choice([-1, 1]) * rng.uniform(2, 4) * width
        shoulder = rng.uniform(0, 0.6)
        for k in range(1 if rng.random() < 0.6 else rng.integers(2, 5)):
            own = across - k * 6 * width
            height -= depth * within * (_bell(own / width) - shoulder * _bell((own - beside) / (2 * width)))
    for _ in range(rng.integers(2, 10)):
        along, across = _axes(rng, place)
        a, b = _spread_evenly(rng, 2.5, 10), _spread_evenly(rng, 2.5, 10)
        height += rng.normal(0, 0.15) * min(a, b) * _bell(along / a) * _bell(across / b)
    for width in (1.0, 2.5, 6.0):
        noise = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), width)
        height += noise / noise.std() * width * rng.uniform(0, 0.02)
    return height * np.float32(rng.choice([0.5, 1.0, 1.0, 1.5]))


def _axes(rng: np.random.Generator, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along and across an axis anywhere in the image."""
    angle = rng.uniform(0, np.pi)
    y, x = np.moveaxis(place - rng.uniform(0, 1, 2) * place.shape[:2], -1, 0)
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _bell(distance: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * distance**2)


def _spread_evenly(rng: np.random.Generator, low: float, high: float) -> float:
    """Of logarithm evenly spread."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
