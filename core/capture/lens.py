"""The focal length of a photo whose file does not tell it.

A near camera draws the face's sides in and its middle out, as a narrow face with a long nose would look from afar.
Which it is, the prior of shapes decides: of heads fitted at several distances the one that explains the landmarks with
the least unusual face, at a distance from which people are photographed.
"""

from dataclasses import replace

import numpy as np

from .landmark_fit import Prior, energy, fit_landmarks
from .observation import Observation, focal_at

DISTANCES: np.ndarray = np.geomspace(0.4, 4.0, 7)
"""Metres between camera and eyes that are tried."""
USUAL, SPREAD = 1.4, 0.6
"""Metres, and deviation of the logarithm, of what is known of the distance before: from selfies to studios."""


def with_lens(seen: Observation) -> Observation:
    """What is `seen`, through the lens that is most probable."""
    logs = np.log(DISTANCES)
    fits = [fit_landmarks([at_distance(seen, distance)])[0] for distance in DISTANCES]
    prior = Prior()
    cost = np.array([energy(fit, prior) for fit in fits]) / prior.beta + ((logs - np.log(USUAL)) / SPREAD) ** 2
    least = int(np.clip(cost.argmin(), 1, len(cost) - 2))
    curve, slope, _ = np.polyfit(logs[least - 1 : least + 2] - logs[least], cost[least - 1 : least + 2], 2)
    shift = -slope / (2 * curve) if curve > 0 else 0.0
    step = logs[1] - logs[0]
    return at_distance(seen, float(np.exp(logs[least] + np.clip(shift, -step, step))))


def at_distance(seen: Observation, distance: float) -> Observation:
    """What is `seen`, if the camera was `distance` metres away."""
    return replace(seen, focal=focal_at(distance, seen.frame))
