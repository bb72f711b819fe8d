"""Photos of two people are told from photos of one."""

import numpy as np

from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.landmark_fit import fit_landmarks
from likeness.core.capture.landmarks import iris_distance
from likeness.core.capture.observation import Observation
from likeness.core.capture.strangers import likeness, strangers
from likeness.core.parametric.head import SHAPES

from .test_landmark_fit import SIZE, camera, expression, seen

RNG = np.random.default_rng(0)
ONE, OTHER = RNG.standard_normal((2, SHAPES))


def photo(embedding: LandmarkEmbedding, beta: np.ndarray, yaw: float, **weights: float) -> Observation:
    landmarks = seen(embedding, beta, expression(**weights), camera(yaw))
    noise = RNG.normal(0, 0.008, landmarks.shape) * iris_distance(landmarks)
    return embedding.observe(landmarks + noise, SIZE, 3200.0)


def test_one_person_is_no_stranger(embedding: LandmarkEmbedding) -> None:
    fits = fit_landmarks([photo(embedding, ONE, 0), photo(embedding, ONE, 25, jawOpen=0.4), photo(embedding, ONE, -20)])
    assert likeness(fits).min() > 0.6
    assert strangers(fits) == []


def test_the_one_of_three_that_is_another(embedding: LandmarkEmbedding) -> None:
    fits = fit_landmarks([photo(embedding, ONE, 0), photo(embedding, OTHER, 10), photo(embedding, ONE, -25)])
    assert 1 in strangers(fits)


def test_of_two_the_second(embedding: LandmarkEmbedding) -> None:
    assert strangers(fit_landmarks([photo(embedding, ONE, 0), photo(embedding, OTHER, 10)])) == [1]


def test_a_single_photo_and_a_turned_one_are_not_asked(embedding: LandmarkEmbedding) -> None:
    assert strangers(fit_landmarks([photo(embedding, ONE, 0)])) == []
    assert strangers(fit_landmarks([photo(embedding, ONE, 0), photo(embedding, OTHER, 50)])) == []
