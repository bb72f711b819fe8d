"""The shape of a body, of a seed or as given."""

from collections.abc import Sequence

import numpy as np

from ..errors import InputError, UsageError
from ..parametric.body import BodyModel

DEVIATION, FARTHEST = 0.85, 2.5
"""Of a seed's betas, in the standard deviations of the model's: how far they scatter, and how far they go at most.
A little less than people differ, so that every seed is somebody whom one could meet."""
LARGEST_BETA = 5.0
"""One beta of 5 folds up to 1 % of the skin's faces over; farther out there are no people."""


def checked_seed(seed: int) -> int:
    """The seed. Raises UsageError for a negative one."""
    if seed < 0:
        raise UsageError(f"The seed is {seed}; choose 0 or more.")
    return seed


def random_beta(seed: int, model: BodyModel) -> np.ndarray:
    """`[K]` float32, the same for the same seed. Raises UsageError for a negative one."""
    drawn = DEVIATION * np.random.default_rng(checked_seed(seed)).standard_normal(model.shapedirs.shape[2])
    return np.clip(drawn, -FARTHEST, FARTHEST).astype(np.float32)


def read_beta(text: str) -> list[float]:
    """The numbers of a text, with commas or blanks between them. Raises UsageError."""
    try:
        return [float(number) for number in text.replace(",", " ").split()]
    except ValueError as error:
        raise UsageError(f"Beta takes numbers with commas between them, not {text!r}.") from error


def given_beta(values: Sequence[float], model: BodyModel) -> np.ndarray:
    """`[K]` float32 of up to K values: those left out are 0. Raises InputError for what no body has."""
    count = model.shapedirs.shape[2]
    if not 1 <= len(values) <= count:
        raise InputError(f"{len(values)} values of beta were given, where the body takes 1 to {count}.")
    beta = np.zeros(count, np.float32)
    beta[: len(values)] = values
    if wrong := [value for value in values if not abs(value) <= LARGEST_BETA]:  # NaN is not
        raise InputError(f"A beta of {wrong[0]:g} was given, where bodies are within {LARGEST_BETA:g} of 0.")
    return beta
