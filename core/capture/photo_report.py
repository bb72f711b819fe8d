"""What is told of each photo that a head was made from: its part of the report, its warnings, and its cut-out."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from .camera_fit import yaw_of
from .fit import HeadFit
from .landmark_fit import LandmarkFit
from .photo_doubt import photo_doubts
from .shots import Shot
from .strangers import strangers

_PORTRAIT_SIDE = 768
"""Pixels of the square cut-out of the photo that the Avatar carries for previews."""
BAD, FAR = 0.035, np.radians(30)
"""Landmark error over the inter-ocular distance, and yaw, from which a warning is due: of 347 portraits, which turn by
18 degrees at most, none reaches an error of 0.032; a face that turns by 45 is fitted at 34, with an error of 0.047."""


def fit_parameters(fit: HeadFit) -> dict[str, list[float]]:
    """What an Avatar keeps of its fit, flat. `camera` is focal, centre, size, rotation (row by row), translation."""
    camera = fit.camera
    flat = [[camera.focal], camera.center, camera.size, np.ravel(camera.rotation), camera.translation]
    arrays = {
        "beta": fit.beta,
        "psi": fit.psi,
        "theta": fit.theta,
        "light": fit.light,
        "camera": np.concatenate(flat).astype(np.float32),
    }
    return {name: np.ravel(value).tolist() for name, value in arrays.items()}


def photo_reports(shots: Sequence[Shot], fits: Sequence[HeadFit]) -> list[dict[str, Any]]:
    """One entry for each photo, best first: `name`, `landmarks_iod`, and what was fitted to it but for the beta."""
    reports = []
    for shot, fit in zip(shots, fits, strict=True):
        own = {name: value for name, value in fit_parameters(fit).items() if name != "beta"}
        reports.append({"name": shot.photo.name, "landmarks_iod": fit.error, **own})
    return reports


def fit_warnings(shots: Sequence[Shot], fits: Sequence[LandmarkFit]) -> list[str]:
    """What speaks against the fits of photos of one person, best first."""
    names = [shot.photo.name for shot in shots]
    warnings = [doubt for shot in shots for doubt in photo_doubts(shot)]
    warnings += [
        f"The head fits the face in {name} badly; a sharper photo from the front would do better."
        for name, fit in zip(names, fits, strict=True)
        if fit.error > BAD
    ]
    if abs(yaw_of(fits[0].camera)) > FAR and len(fits) == 1:
        warnings.append(f"The face in {names[0]} is turned far away; its hidden side is guessed.")
    warnings += [
        f"The face in {names[k]} seems to be another person's; leave it out if it is." for k in strangers(fits)
    ]
    return warnings


def portrait(shot: Shot) -> bytes:
    """The head cut out of the photo as a square JPEG, as far as the photo reaches."""
    low, high = shot.landmarks.min(0), shot.landmarks.max(0)
    center, half = (low + high) / 2 - (0, 0.15 * (high - low)[1]), 1.1 * (high - low).max()
    pixels = shot.photo.pixels
    box = np.concatenate([np.maximum(center - half, 0), np.minimum(center + half, pixels.shape[1::-1])])
    cut = Image.fromarray(pixels).crop(tuple(box.round().astype(int)))
    cut.thumbnail((_PORTRAIT_SIDE, _PORTRAIT_SIDE), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    cut.save(stream, "JPEG", quality=92)
    return stream.getvalue()
