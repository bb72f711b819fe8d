"""Suite `coarse-net`: shapes from single pictures, by the detector's landmarks and by CoarseNet's dense points.

Held-out synthetic portraits, whose people's skins and lights no training has seen; every shape is known. On real
portraits, which have no known shape, it says how far the two detectors' heads agree.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ..capture.camera_fit import yaw_of
from ..capture.dense_landmarks import DenseDetector
from ..capture.embedding import LandmarkEmbedding
from ..capture.landmark_fit import LandmarkFit, fit_landmarks
from ..capture.landmarks import detect_landmarks
from ..capture.observation import Observation
from ..capture.photo import Photo, load_photo
from ..errors import InputError
from ..parametric.head import SHAPES, HeadModel
from ..training.implicit.trainer import cache_folder
from ..training.photo.shards import PortraitSet
from ..training.portraits import HELD_OUT, portrait_paths
from ..weights import weights_path
from .synthetic import shape_error_mm

PORTRAITS = 200
FRONTAL = np.radians(25)
"""Yaw up to which a face counts as seen from the front."""
ENLARGED = 3
"""Times that pictures are enlarged, since the sparse detector wants larger faces."""

Observe = Callable[[Photo, np.ndarray], Observation]
"""What a detector sees in a photo around the sparse landmarks [478, 2]."""


def evaluate_coarse_net(data: Path) -> dict[str, Any]:
    """Tables by detector. Raises InputError when `data` lacks something, EngineError without weights."""
    model = HeadModel.load(weights_path("head"))
    embedding, detector = LandmarkEmbedding.load(model), DenseDetector.load(model)
    observers: dict[str, Observe] = {
        "FaceMesh": lambda photo, marks: embedding.observe(marks, _size(photo), photo.focal),
        "CoarseNet": lambda photo, marks: detector.observe(photo.pixels, marks, photo.focal),
    }
    portraits = PortraitSet.load(data, cache_folder() / "photo", "test", PORTRAITS)
    return {
        "synthetic portraits": synthetic_table(model, portraits, observers),
        "real portraits": real_table(data, observers),
    }


def synthetic_table(
    model: HeadModel, portraits: PortraitSet, observers: dict[str, Observe]
) -> dict[str, dict[str, float]]:
    """Shape errors in millimetres over the pictures in which the sparse detector finds a face, and of the mean head."""
    errors: dict[str, list[float]] = {"mean head": [], **{name: [] for name in observers}}
    seconds: dict[str, list[float]] = {name: [] for name in observers}
    yaw = []
    for index in track(range(len(portraits)), "Synthetic portraits"):
        truth, camera = portraits.portraits.beta[index], portraits.portraits.camera[index]
        pixels = np.kron(portraits.portraits.pixels[index], np.ones((ENLARGED, ENLARGED, 1), np.uint8))
        photo = Photo(pixels, "portrait", focal=float(camera[0]) * ENLARGED)
        try:
            landmarks = detect_landmarks(photo)
        except InputError:
            continue
        for name, observe in observers.items():
            start = time.perf_counter()
            seen = observe(photo, landmarks)
            seconds[name].append(time.perf_counter() - start)
            (fit,) = fit_landmarks([seen])
            errors[name].append(shape_error_mm(model, fit.beta, truth))
        errors["mean head"].append(shape_error_mm(model, np.zeros(SHAPES), truth))
        yaw.append(abs(np.arcsin(np.clip(camera[3:12].reshape(3, 3)[2, 0], -1, 1))))
    frontal = np.array(yaw) < FRONTAL
    return {
        name: {
            "pictures": len(frontal),
            "mean_mm": float(np.mean(values)),
            "p90_mm": float(np.percentile(values, 90)),
            "frontal_mm": float(np.array(values)[frontal].mean()),
            "turned_mm": float(np.array(values)[~frontal].mean()),
            **({"observe_s": float(np.median(seconds[name]))} if name in seconds else {}),
        }
        for name, values in errors.items()
    }


def real_table(data: Path, observers: dict[str, Observe]) -> dict[str, dict[str, float]]:
    """How alike the held-out portraits' heads are, and how well each detector's head explains its own points."""
    fits: dict[str, list[LandmarkFit]] = {name: [] for name in observers}
    for path in track(portrait_paths(data)[::HELD_OUT], "Held-out portraits"):
        photo = load_photo(path)
        try:
            landmarks = detect_landmarks(photo)
        except InputError:
            continue
        for name, observe in observers.items():
            fits[name] += fit_landmarks([observe(photo, landmarks)])
    return {
        name: {
            "photos": len(found),
            "points_iod_median": float(np.median([fit.error for fit in found])),
            "beta_norm": float(np.mean([np.linalg.norm(fit.beta) for fit in found])),
            "mean_beta_share": float(
                np.linalg.norm(np.mean([fit.beta for fit in found], 0))
                / np.mean([np.linalg.norm(fit.beta) for fit in found])
            ),
            "yaw_deg": float(np.degrees(np.mean([abs(yaw_of(fit.camera)) for fit in found]))),
        }
        for name, found in fits.items()
    }


def _size(photo: Photo) -> tuple[int, int]:
    """Width and height in pixels."""
    height, width = photo.pixels.shape[:2]
    return width, height
