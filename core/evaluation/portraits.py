"""Suite `portraits`: how well photos become heads, on real portraits and on synthetic heads whose shape is known."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ..capture.embedding import LandmarkEmbedding
from ..capture.face_surface import FaceSurface
from ..capture.landmark_fit import LandmarkFit
from ..capture.outline import missed, outline_vertices
from ..capture.photometric import sample
from ..capture.pipeline import capture_head
from ..capture.points import PointModel
from ..capture.refine import refine
from ..capture.skin_tone import SkinTone
from ..capture.skull import own_skull
from ..parametric.arkit import INDEX
from ..parametric.head import HeadModel
from ..training.albedo import FittedPortrait, fit_portraits, median_error
from ..training.portraits import HELD_OUT, portrait_paths
from ..weights import weights_path
from .synthetic import sitter, synthetic_heads

TIMED = 12
"""Every so many portraits one goes through the whole pipeline, for the seconds a photo."""


def evaluate_portraits(data: Path) -> dict[str, Any]:
    """Figures over `data`/portraits, the quarter of them that no training has seen, and synthetic heads."""
    model = HeadModel.load(weights_path("head"))
    embedding, tone, surface = LandmarkEmbedding.load(model), SkinTone.load(model), FaceSurface.of(model)
    paths = portrait_paths(data)
    held_out = paths[::HELD_OUT]
    portraits = fit_portraits(embedding, held_out, "Held-out portraits")
    trained_on = fit_portraits(embedding, [p for i, p in enumerate(paths) if i % HELD_OUT], "Portraits trained on")
    before = [portrait.fit for portrait in portraits]
    after, others = (
        [refine([p.fit], [p.witnesses(surface, tone)])[0] for p in track(group, "Their shades and outlines")]
        for group in (portraits, trained_on)
    )

    def shades_error(fits: list[LandmarkFit]) -> float:
        return median_error(surface, tone, [sample(surface, p.shades, f) for p, f in zip(portraits, fits, strict=True)])

    def synthetic(fits: list[LandmarkFit]) -> dict[str, float]:
        sitters = [sitter(surface, p.shades, fit) for p, fit in zip(portraits, fits, strict=True)]
        return synthetic_heads(embedding, surface, tone, sitters)

    return {
        "photos": len(paths),
        "heads_share": (len(portraits) + len(trained_on)) / len(paths),
        **{f"all_{name}": value for name, value in population(after + others).items()},
        "held_out_photos": len(held_out),
        **population(after),
        **{f"landmarks_alone_{name}": value for name, value in population(before).items()},
        **outline_errors(model, portraits, before, after),
        "log_luminance_rms": shades_error(after),
        "landmarks_alone_log_luminance_rms": shades_error(before),
        **pipeline_seconds(held_out[::TIMED]),
        **synthetic(after),
        **{f"harder_{name}": value for name, value in synthetic(before).items()},
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


def outline_errors(
    model: HeadModel, portraits: list[FittedPortrait], before: list[LandmarkFit], after: list[LandmarkFit]
) -> dict[str, float]:
    """How far skull and ears miss the outline where portraits show it, by landmarks alone, with all else they tell
    of beta, and with the skull bent to it: medians over the portraits of their mean distances."""
    shown = [k for k, portrait in enumerate(portraits) if len(portrait.outline.rays)]
    vertices = outline_vertices(model)

    def median(fits: list[LandmarkFit], models: list[HeadModel]) -> float:
        heads = [PointModel.at(own, vertices) for own in models]
        errors = [missed(head, portraits[k].outline, fits[k])[1] for k, head in zip(shown, heads, strict=True)]
        return float(np.median([np.abs(error).mean() for error in errors]))

    own = [own_skull(model, [portraits[k].outline], [after[k]]) for k in shown]
    return {
        "outline_photos": len(shown),
        "landmarks_alone_outline_iod": median(before, [model] * len(shown)),
        "outline_iod": median(after, [model] * len(shown)),
        "own_skull_outline_iod": median(after, own),
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
