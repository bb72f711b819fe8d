"""Landmark fits continued with what else their photos tell of the shape."""

from collections.abc import Callable, Sequence

from .landmark_fit import Evidence, LandmarkFit, fit_landmarks

ROUNDS = 2
"""Of linearisation; the landmark fit iterates in between."""

Witness = Callable[[LandmarkFit], Evidence | None]
"""What one photo tells of beta besides its landmarks, linearised at a fit; None where it does not tell."""


def refine(fits: Sequence[LandmarkFit], witnesses: Sequence[Sequence[Witness]]) -> Sequence[LandmarkFit]:
    """Continue the `fits` of photos of one person with the evidence of each photo's `witnesses`."""
    for _ in range(ROUNDS):
        told = [witness(fit) for fit, own in zip(fits, witnesses, strict=True) for witness in own]
        known = [each for each in told if each]
        if not known:
            return fits
        fits = fit_landmarks([fit.observation for fit in fits], starts=fits, evidence=known)
    return fits
