"""Points of the head that a photo shows: what every detector of landmarks, sparse or dense, tells the solver."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .points import PointModel

STUDIO = 2.0
"""Metres from which a portrait is taken where nothing tells: from there the outlines of portraits' skulls and ears, of
which no landmark tells, are on average those of the heads that are fitted to their landmarks."""
INTER_OCULAR = 0.0639
"""Metres between the iris centres of the mean head."""


@dataclass(frozen=True)
class Observation:
    """N points seen in one photo, how sure each is, and which point of the head it is."""

    points: np.ndarray
    """[N, 2] pixels, float64."""
    precision: np.ndarray
    """[N, 2, 2] square root of each point's inverse covariance, in units of `frame`; zero where a point is not used."""
    frame: np.ndarray
    """[2, 2] from pixels to inter-ocular distances in the axes of the upright face."""
    size: tuple[int, int]
    """Width and height of the photo in pixels."""
    focal: float
    """Pixels."""
    model: PointModel
    """M >= N points of the head, of which the first N are those that are seen where nothing is hidden."""
    visible: Callable[[np.ndarray], np.ndarray]
    """From all M points' projections `[M, 2]` to the indices `[N]` of those that the photo shows."""

    def trusted(self, trust: np.ndarray) -> "Observation":
        """The same with the inverse variance of each point times `trust` [N]."""
        return replace(self, precision=self.precision * np.sqrt(trust)[:, None, None])

    @property
    def used(self) -> np.ndarray:
        """[N] bool."""
        return self.precision.any((1, 2))

    @property
    def whitening(self) -> np.ndarray:
        """[N, 2, 2] from pixels to standard deviations."""
        return self.precision @ self.frame


def upright_frame(right: np.ndarray, left: np.ndarray) -> np.ndarray:
    """The `frame` `[2, 2]` of a face whose right and left iris lie at those pixels `[2]`."""
    x, y = (left - right).astype(np.float64)
    return np.array([[x, y], [-y, x]]) / (x * x + y * y)


def focal_at(distance: float, frame: np.ndarray) -> float:
    """Pixels: focal length of a camera that is `distance` metres away from a face of this `frame` [2, 2]."""
    return distance / (float(np.linalg.norm(frame[0])) * INTER_OCULAR)
