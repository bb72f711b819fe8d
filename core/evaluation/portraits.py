"""Suite `portraits`: how well photos become heads, on real portraits and on synthetic heads whose shape is known."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ..capture.embedding import LandmarkEmbedding
from ..capture.landmark_fit import LandmarkFit, fit_landmarks
from ..capture.landmarks import detect_landmarks
from ..capture.photo import load_photo
from ..capture.pipeline import capture_head
from ..errors import InputError
from ..parametric.arkit import INDEX
from ..parametric.head import HeadModel
from ..training.portraits import HELD_OUT, portrait_paths
from ..weights import weights_path
from .synthetic import synthetic_heads

TIMED = 50
"""Every so many portraits one goes through the whole pipeline, for the seconds a photo."""


def evaluate_portraits(data: Path) -> dict[str, Any]:
    """Figures over `data`/portraits, the held-out quarter of them, and synthetic heads."""
    model = HeadModel.load(weights_path("head"))
    embedding = LandmarkEmbedding.load(model)
    paths = portrait_paths(data)
    fits: dict[int, LandmarkFit] = {}
    for i, path in enumerate(track(paths, "Portraits")):
        photo = load_photo(path)
        try:
            landmarks = detect_landmarks(photo)
        except InputError:
            continue
        height, width = photo.pixels.shape[:2]
        fits[i] = fit_landmarks(embedding, landmarks, (width, height), photo.focal)
    held_out = [fits[i] for i in fits if i % HELD_OUT == 0]
    return {
        "photos": len(paths),
        "heads_share": len(fits) / len(paths),
        **population(list(fits.values())),
        **{f"held_out_{name}": value for name, value in population(held_out).items()},
        **pipeline_seconds(paths[::TIMED]),
        **synthetic_heads(embedding, [fit.relative for fit in held_out]),
    }


def population(fits: list[LandmarkFit]) -> dict[str, float]:
    """How near the heads come to their landmarks, and whether they differ from one another."""
    errors = [fit.error for fit in fits]
    beta = np.array([fit.beta for fit in fits])
    norm = np.linalg.norm(beta, axis=1).mean()
    frown = np.mean([fit.arkit[[INDEX["browDownLeft"], INDEX["browDownRight"]]].mean() for fit in fits])
    return {
        "landmarks_iod_median": float(np.median(errors)),
        "landmarks_iod_p95": float(np.percentile(errors, 95)),
        "beta_norm_mean": float(norm),
        "mean_beta_share": float(np.linalg.norm(beta.mean(0)) / norm),
        "brow_down_mean": float(frown),
    }


def pipeline_seconds(paths: list[Path]) -> dict[str, float]:
    """Median seconds a photo of the whole capture, and of the coarse fit in it."""
    capture_head(paths[:1])  # networks load once a process
    total, fit = [], []
    for path in track(paths, "Whole pipeline"):
        start = time.perf_counter()
        _, report = capture_head([path])
        total.append(time.perf_counter() - start)
        fit.append(report["seconds"]["fit"])
    return {"seconds_s": float(np.median(total)), "fit_seconds_s": float(np.median(fit))}
