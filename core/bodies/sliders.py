"""What a body's betas say of a person: sex, age, weight, muscle and height; and betas of one who differs in them.

The betas that belong to sliders are a quadratic of them, the sliders that belong to betas linear in those: both are
learned from bodies of known sliders (`likeness train body-sliders`). A line tells weight and muscle of those bodies
less well than a quadratic would, but goes wrong less with betas of a seed, which are not distributed like theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import EngineError, InputError
from ..parametric.body import BodyModel
from ..tensors import load_tensors
from ..weights import weights_path
from .shape import LARGEST_BETA

RANGES = {"sex": (0.0, 1.0), "age": (8.0, 90.0), "weight": (0.0, 1.0), "muscle": (0.0, 1.0), "height": (1.0, 2.2)}
"""Slider -> the least and the most that it takes, in the units of `Sliders`."""
YEARS, STAGES = (1, 10, 25, 90), (0, 1 / 3, 2 / 3, 1)
"""Ages of MakeHuman's baby, child, young and old bodies, and where they are on its scale; it is straight between."""
FARTHEST = 0.35
"""Metres by which a person may be taller or shorter than the mean of the same sex and age."""
_ROUNDS = 4


@dataclass(frozen=True)
class Sliders:
    """What an artist says of a body."""

    sex: float
    """0 a woman's, 1 a man's."""
    age: float
    """Years, on MakeHuman's scale: between its child of 10, its adult of 25 and its oldest of 90 a straight line."""
    weight: float
    """0 thin, 0.5 the mean, 1 heavy."""
    muscle: float
    """0 slack, 0.5 the mean, 1 muscular."""
    height: float
    """Metres from the soles to the top of the head."""


@dataclass(frozen=True)
class BodySliders:
    """The maps between sliders and betas."""

    height: np.ndarray
    """[10]: the mean height in metres, of the `quadratic` of sex and the two parts of age."""
    beta: np.ndarray
    """[28, 16]: of the `quadratic` of `features`."""
    told: np.ndarray
    """[17, 4]: sex, age (0..1), weight and muscle, of 1 and the betas."""

    @classmethod
    def load(cls, path: Path | str | None = None) -> "BodySliders":
        """Read the weights, by default those that are shipped. Raises EngineError when they are missing or damaged."""
        tensors, _ = load_tensors(path or weights_path("body_sliders"))
        try:
            return cls(tensors["height"], tensors["beta"], tensors["told"])
        except KeyError as error:
            raise EngineError(
                "The weights of the body's sliders are of another version; reinstall Likeness."
            ) from error

    def of(self, beta: np.ndarray, model: BodyModel) -> Sliders:
        """What the betas `[16]` say, within `RANGES`: the height is measured, the rest are guesses."""
        *guesses, height = self._read(beta, model).tolist()
        sex, stage, weight, muscle = np.clip(guesses, 0, 1).tolist()
        return Sliders(sex, float(np.clip(np.interp(stage, STAGES, YEARS), *RANGES["age"])), weight, muscle, height)

    def mean_height(self, sliders: Sliders) -> float:
        """Metres of people of this sex and age."""
        return self._mean_height(_point(sliders))

    def mean_beta(self, sliders: Sliders) -> np.ndarray:
        """`[16]` of the people of whom these sliders are true."""
        return self._mean_beta(_point(sliders))

    def changed(self, beta: np.ndarray, wanted: Mapping[str, float], model: BodyModel) -> np.ndarray:
        """`[16]` float32: the person of `beta` with the sliders in `wanted`; else as far from the mean as before.

        A height that is not wanted stays as far from the mean of the new sex and age as it was from that of the old.
        Raises InputError for a slider that there is not, beyond its range, or for a height that nobody of that age has.
        """
        if not wanted:
            return np.asarray(beta, np.float32)
        for name, value in wanted.items():
            _check(name, value)
        now = self.of(beta, model)
        target = replace(now, **wanted)
        mean = self.mean_height(target)
        if "height" not in wanted:
            target = replace(target, height=now.height + mean - self.mean_height(now))
        elif abs(target.height - mean) > FARTHEST:
            raise InputError(
                f"A height of {target.height:.2f} m was given, where people of {target.age:.0f} years and that sex are "
                f"{mean - FARTHEST:.2f} to {mean + FARTHEST:.2f} m tall."
            )
        held = np.array([name in wanted or name == "height" for name in RANGES])
        own, end = beta - self.mean_beta(now), _point(target)
        aim = end.copy()
        for _ in range(_ROUNDS):  # what is the person's own says something of sex, age and build too
            made = np.clip(own + self._mean_beta(aim), -LARGEST_BETA, LARGEST_BETA)
            aim[held] += (end - self._read(made, model))[held]
        return made.astype(np.float32)

    def _read(self, beta: np.ndarray, model: BodyModel) -> np.ndarray:
        """`[5]`, a `_point` that may lie beyond the sliders' ranges."""
        return np.append(np.append(1.0, beta) @ self.told, height_of(beta, model))

    def _mean_height(self, point: np.ndarray) -> float:
        return float((quadratic(person_features(*point[:2, None])) @ self.height)[0])

    def _mean_beta(self, point: np.ndarray) -> np.ndarray:
        tall = point[4] - self._mean_height(point)
        features = np.append(person_features(*point[:2, None])[0], (*point[2:4], tall))
        return (quadratic(features[None]) @ self.beta)[0]


def height_of(beta: np.ndarray, model: BodyModel) -> float:
    """Metres from the soles to the top of the head."""
    return float(np.ptp(model.shaped(np.asarray(beta, np.float32))[:, 1]))


def quadratic(values: np.ndarray) -> np.ndarray:
    """`[N, K]` to `[N, (K + 1) (K + 2) / 2]`: 1, the values, and their products two at a time."""
    first, second = np.triu_indices(values.shape[1])
    return np.concatenate([np.ones((len(values), 1)), values, values[:, first] * values[:, second]], 1)


def person_features(sex: np.ndarray, stage: np.ndarray) -> np.ndarray:
    """`[N, 3]` of sexes and ages (0..1) `[N]`: people grow until they are young adults, then grow old."""
    young = STAGES[2]
    return np.stack([sex, np.minimum(stage, young), np.maximum(stage - young, 0)], 1)


def _point(sliders: Sliders) -> np.ndarray:
    """`[5]`: the sliders with the age on MakeHuman's scale, as the maps take them."""
    stage = np.interp(sliders.age, YEARS, STAGES)
    return np.array([sliders.sex, stage, sliders.weight, sliders.muscle, sliders.height])


def _check(name: str, value: float) -> None:
    if name not in RANGES:
        raise InputError(f"There is no slider {name!r}; a body has {', '.join(RANGES)}.")
    low, high = RANGES[name]
    if not low <= value <= high:  # NaN is not
        raise InputError(f"{name.capitalize()} is {value:g}, where {low:g} to {high:g} belongs.")
