"""Whether photos that were fitted together show one person."""

from collections.abc import Sequence

import numpy as np

from .camera_fit import yaw_of
from .landmark_fit import LandmarkFit, fit_landmarks

ALIKE = 0.3
"""Cosine between the betas of one photo and of the others below which they are held to be two people's: unrelated
betas are orthogonal, and errors of landmarks, lens and pose seldom turn one so far."""
TURNED = np.radians(30)


def likeness(fits: Sequence[LandmarkFit]) -> np.ndarray:
    """Cosine `[n]` between the beta that each photo has for itself and the one that all others have together."""
    cosines = []
    for k, fit in enumerate(fits):
        rest = [*fits[:k], *fits[k + 1 :]]
        own, others = (
            fit_landmarks([each.observation for each in some], starts=some)[0].beta for some in ([fit], rest)
        )
        cosines.append(own @ others / (np.linalg.norm(own) * np.linalg.norm(others)))
    return np.array(cosines)


def strangers(fits: Sequence[LandmarkFit]) -> list[int]:
    """Which of the photos, the best first, seem to show another person than the others; of two, only the second can.

    Those that are turned by more than `TURNED` are not asked: detectors err on them in ways that look like identity.
    """
    asked = [k for k, fit in enumerate(fits) if abs(yaw_of(fit.camera)) < TURNED]
    if len(asked) < 2:
        return []
    cosines = likeness([fits[k] for k in asked])
    unlike = [k for k, cosine in zip(asked, cosines, strict=True) if cosine < ALIKE]
    return unlike if len(asked) > 2 else unlike[1:]
