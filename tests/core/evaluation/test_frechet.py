"""The Frechet distance of Gaussians that are known."""

import numpy as np
import pytest

from likeness.core.evaluation.frechet import frechet_distance


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def exactly(rng, mean, covariance, count=500):
    """Features [count, C] whose mean and covariance are those given, to rounding."""
    drawn = rng.standard_normal((count, len(mean)))
    drawn -= drawn.mean(0)
    drawn = drawn @ np.linalg.inv(np.linalg.cholesky(np.cov(drawn.T))).T
    return drawn @ np.linalg.cholesky(covariance).T + mean


def test_a_set_is_at_no_distance_from_itself(rng):
    features = rng.standard_normal((200, 64))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-8)


def test_axes_that_agree(rng):
    """Of diagonal covariances: |m1 - m2|^2 and the squared differences of the deviations."""
    one = exactly(rng, np.zeros(3), np.diag([1.0, 4.0, 9.0]))
    other = exactly(rng, np.array([3.0, 0.0, 4.0]), np.diag([4.0, 4.0, 1.0]))
    assert frechet_distance(one, other) == pytest.approx(25 + 1 + 0 + 4)


def test_axes_that_do_not(rng):
    """Against the root of S1 S2 itself."""
    first, second = ((matrix @ matrix.T) + np.eye(5) for matrix in rng.standard_normal((2, 5, 5)))
    mean = rng.standard_normal(5)
    values = np.linalg.eigvals(first @ second).real
    expected = mean @ mean + np.trace(first + second) - 2 * np.sqrt(values).sum()
    found = frechet_distance(exactly(rng, np.zeros(5), first), exactly(rng, mean, second))
    assert found == pytest.approx(expected, rel=1e-6)


def test_it_is_symmetric_and_bears_fewer_samples_than_features(rng):
    one, other = rng.standard_normal((20, 64)), 2 * rng.standard_normal((30, 64))
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(other, one), rel=1e-6)
