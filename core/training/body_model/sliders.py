"""Recipe `body-sliders`: what sex, age, weight, muscle and height mean for the betas of the teacher's bodies."""

from pathlib import Path

import numpy as np
from rich.progress import track

from ...bodies.sliders import person_features, quadratic
from ...parametric.body import BodyModel
from ...weights import FOLDER, card, weights_path
from ..publish import publish
from .posing import Rig
from .teacher import SLIDERS, Teacher

BODIES, HELD_OUT = 4000, 500
HELD_OUT_SEED = 2**31
TOLD = ("sex", "age", "weight", "muscle")


def train_body_sliders(_data: Path, out: Path = FOLDER, seed: int = 0) -> None:
    """Learn the maps and write `body_sliders.safetensors` and its card to `out`; a minute and a half on a CPU.

    The figures of the card are of bodies from a seed of their own. Raises InputError when the library anny is missing;
    it needs nothing else.
    """
    model = BodyModel.load(weights_path("body"))
    rig = Rig(Teacher(), model.base_index)
    sliders, beta, heights = _people(rig, model, BODIES, seed)
    person = _person(sliders)
    height = _solve(quadratic(person), heights)
    features = np.concatenate([person, sliders[:, 2:], (heights - quadratic(person) @ height)[:, None]], 1)
    learned = {
        "height": height,
        "beta": _solve(quadratic(features), beta),
        "told": _solve(_with_one(beta), sliders),
    }
    learned = {name: values.astype(np.float32) for name, values in learned.items()}
    publish("body_sliders", out, learned, _card(learned, *_people(rig, model, HELD_OUT, HELD_OUT_SEED)))


def _people(rig: Rig, model: BodyModel, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sliders [N, 4] in the order of `TOLD`, betas [N, 16] by least squares, heights [N] metres."""
    bodies = rig.teacher.draw(count, np.random.default_rng(seed))
    drawn = dict(zip(SLIDERS, bodies.sliders.T, strict=False))
    solve = np.linalg.pinv(model.shapedirs.reshape(-1, model.shapedirs.shape[2]).astype(np.float64))
    beta, heights = np.zeros((count, len(solve))), np.zeros(count)
    for index in track(range(count), "Bodies"):
        vertices = rig.stand(bodies, index).vertices
        beta[index], heights[index] = solve @ (vertices - model.v_template).ravel(), np.ptp(vertices[:, 1])
    return np.stack([1 - drawn["gender"], drawn["age"], drawn["weight"], drawn["muscle"]], 1), beta, heights


def _person(sliders: np.ndarray) -> np.ndarray:
    return person_features(sliders[:, 0], sliders[:, 1])


def _with_one(beta: np.ndarray) -> np.ndarray:
    return np.concatenate([np.ones((len(beta), 1)), beta], 1)


def _solve(features: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(features, values, rcond=None)[0]


def _card(learned: dict[str, np.ndarray], sliders: np.ndarray, beta: np.ndarray, heights: np.ndarray) -> dict:
    person = _person(sliders)
    mean = quadratic(person) @ learned["height"]
    features = np.concatenate([person, sliders[:, 2:], (heights - mean)[:, None]], 1)
    told = np.clip(_with_one(beta) @ learned["told"], 0, 1)
    return {
        "recipe": "likeness train body-sliders",
        "what": "sex, age, weight, muscle and height of a body, as its betas say them and into betas",
        "data": "MakeHuman's base mesh, targets and rig (CC0), drawn by anny 0.6.2 (NAVER Corp., Apache-2.0)",
        "licence": "GPL-3.0-or-later",
        "body": card("body")["sha256"],
        "method": f"least squares on {BODIES} bodies: betas a quadratic of the sliders, sliders linear in the betas",
        "held_out_bodies": HELD_OUT,
        "held_out_share_of_variance_explained": {
            **{name: _explained(t, s) for name, t, s in zip(TOLD, told.T, sliders.T, strict=True)},
            "height, of sex and age alone": _explained(mean, heights),
            "betas, of the sliders": _explained(quadratic(features) @ learned["beta"], beta),
        },
    }


def _explained(predicted: np.ndarray, true: np.ndarray) -> float:
    return round(float(1 - ((predicted - true) ** 2).sum() / ((true - true.mean(0)) ** 2).sum()), 4)
