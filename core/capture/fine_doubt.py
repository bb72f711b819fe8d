"""Photos whose fine shades tell nothing of relief: their heads stay the coarse solution's."""

import numpy as np

from ..parametric.head import HeadModel
from .albedo import LUMINANCE
from .projection import Projection

LEAST_BARE = 0.2
"""Share of the face that must be seen as bare skin that faces the camera; of a whole one it is about 0.45."""
LEAST_RESOLUTION = 350.0
"""Pixels per metre on the face."""
BLOWN, BLOWN_SHARE = 0.97, 0.25
"""Linear colour from which a channel may be cut off, and the share of the skin that may be so."""
DIM = 0.015
"""Linear luminance of skin below which a photo is noise."""
GREY = 0.04
"""Log ratio of the skin's channels below which a photo has no colour."""
HARSH = 3.2
"""Range of the log shades over the face, its outer twentieths left out, from which light casts hard shadows."""


def doubt(model: HeadModel, color: np.ndarray, bare: np.ndarray, projection: Projection) -> str | None:
    """Why the photo's log colours `[V, 3]` should not be made relief, as a sentence; None where they may be.

    `bare` [V], 0..1, is where they are of skin that faces the camera.
    """
    face = model.masks["narrow_face"]
    bare = face * bare
    if bare.sum() < LEAST_BARE * face.sum():
        return _coarse("too little bare skin is seen")
    if projection.pixels_per_metre < LEAST_RESOLUTION:
        return _coarse("the face is too small")
    seen = bare > 0.5 * bare.max()
    low, high = np.quantile(color[seen] @ LUMINANCE, (0.05, 0.95))
    if np.median(np.exp(color[seen]) @ LUMINANCE) < DIM:
        return _coarse("it is too dark")
    if np.average(projection.color.max(1) > BLOWN, weights=projection.trust) > BLOWN_SHARE:
        return _coarse("its highlights are blown out")
    if np.median(np.ptp(color[seen], axis=1)) < GREY:
        return _coarse("it has no colour to tell shade from pigment by")
    if high - low > HARSH:
        return _coarse("its light is too harsh")
    return None


def _coarse(reason: str) -> str:
    return f"Wrinkles and folds were not taken from the photo: {reason}."
