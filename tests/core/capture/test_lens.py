"""A photo that does not tell its lens gives nearly the head that it gives with it."""

from dataclasses import replace

import numpy as np
import pytest

from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.landmark_fit import Prior, energy, fit_landmarks
from likeness.core.capture.landmarks import iris_distance
from likeness.core.capture.lens import at_distance, with_lens
from likeness.core.capture.observation import Observation
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.head import SHAPES
from likeness.core.rendering.camera import Camera

SIZE = (1200, 1600)


def observed(embedding: LandmarkEmbedding, beta: np.ndarray, distance: float) -> Observation:
    """A face as large in the photo whatever the distance."""
    turn = np.diag([1.0, -1.0, -1.0])
    camera = Camera(2600.0 * distance, (600, 800), SIZE, turn, np.array([0, 0, distance]) - turn @ (0, 0.02, 0.09))
    projected = camera.project(embedding.points(beta, np.zeros(len(ARKIT_NAMES))))[:, :2]
    landmarks = projected[embedding.visible(projected)]
    noise = np.random.default_rng(1).normal(0, 0.005, landmarks.shape) * iris_distance(landmarks)
    return embedding.observe(landmarks + noise, SIZE, camera.focal)


@pytest.mark.parametrize("distance", [0.5, 2.5])
def test_the_distance_is_found(embedding: LandmarkEmbedding, distance: float) -> None:
    for seed in range(2):
        beta = np.random.default_rng(seed).standard_normal(SHAPES)
        seen = observed(embedding, beta, distance)
        found = with_lens(replace(seen, focal=1.0))
        assert abs(np.log(found.focal / seen.focal)) < np.log(1.5)


def test_energy_is_what_the_fit_minimises(embedding: LandmarkEmbedding) -> None:
    seen = observed(embedding, np.random.default_rng(2).standard_normal(SHAPES), 1.0)
    (fit,) = fit_landmarks([seen])
    least = energy(fit, Prior())
    (other,) = fit_landmarks([at_distance(seen, 0.4)])
    assert least < energy(other, Prior())
    assert least == pytest.approx(energy(replace(fit), Prior()))
    assert energy(replace(fit, beta=fit.beta + 0.5), Prior()) > least
