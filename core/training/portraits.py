"""The portraits as training data: their landmarks, as capture detects them, and the split."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from ..capture.landmarks import IRISES, detect_landmarks
from ..capture.photo import load_photo
from ..errors import InputError

HELD_OUT = 4
"""Every fourth portrait is kept for evaluation."""


@dataclass(frozen=True)
class Portrait:
    """A photo as the landmark fit sees it."""

    name: str
    size: tuple[int, int]
    """Width and height in pixels."""
    landmarks: np.ndarray
    """[478, 2] pixels."""


def portrait_paths(data: Path) -> list[Path]:
    """The portraits of `data`, in order of name. Raises InputError when there are none."""
    paths = sorted((data / "portraits").glob("*.jpg"))
    if not paths:
        raise InputError(f"There are no portraits in {data / 'portraits'}.")
    return paths


def detect_portraits(data: Path) -> list[Portrait]:
    """Every portrait of `data` in which a face is found."""
    portraits = []
    for path in track(portrait_paths(data), "Landmarks"):
        photo = load_photo(path)
        try:
            landmarks = detect_landmarks(photo)
        except InputError:
            continue
        height, width = photo.pixels.shape[:2]
        portraits.append(Portrait(path.name, (width, height), landmarks))
    return portraits


def mean_face(data: Path) -> np.ndarray:
    """Mean of the portraits' landmarks `[478, 3]` with the detector's relative depth, in head axes (+Y up, +Z out),
    centred and with an inter-ocular distance of 1: generalised Procrustes over `landmarks.npz`."""
    with np.load(data / "portraits" / "landmarks.npz") as file:
        landmarks = file["landmarks"].astype(np.float64)
    with open(data / "portraits" / "index.csv", newline="") as file:
        sizes = np.array([(float(row["width"]), float(row["height"])) for row in csv.DictReader(file)])
    shapes = landmarks * np.concatenate([sizes, sizes[:, :1]], 1)[:, None] * (1, -1, -1)
    mean = shapes[0]
    for _ in range(5):
        mean = np.mean([similarity(shape, mean)(shape) for shape in shapes], 0)
        mean = (mean - mean.mean(0)) / np.linalg.norm(mean[IRISES[0]] - mean[IRISES[1]])
    return mean


def similarity(source: np.ndarray, target: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The similarity transform that best carries `source` `[N, 3]` to `target` (Umeyama, 1991), as a function."""
    middle, aim = source.mean(0), target.mean(0)
    u, values, vt = np.linalg.svd((source - middle).T @ (target - aim))
    sign = np.array([1, 1, np.linalg.det(u @ vt)])
    rotation = (u * sign) @ vt
    scale = (values * sign).sum() / ((source - middle) ** 2).sum()
    return lambda points: scale * (points - middle) @ rotation + aim
