"""Who a seed is, and which shapes are refused."""

import numpy as np
import pytest

from likeness.core.bodies.shape import DEVIATION, FARTHEST, given_beta, random_beta
from likeness.core.errors import InputError, UsageError
from likeness.core.parametric.body import BodyModel


def test_a_seed_is_always_the_same_body_and_another_seed_another(model: BodyModel) -> None:
    np.testing.assert_array_equal(random_beta(3, model), random_beta(3, model))
    assert not np.array_equal(random_beta(3, model), random_beta(4, model))


def test_seeds_scatter_a_little_less_than_people(model: BodyModel) -> None:
    betas = np.stack([random_beta(seed, model) for seed in range(500)])
    assert betas.shape == (500, 16)
    assert np.abs(betas).max() <= FARTHEST
    np.testing.assert_allclose(betas.std(0), DEVIATION, rtol=0.1)
    heights = [np.ptp(model.shaped(beta)[:, 1]) for beta in betas[:50]]
    assert 1.1 < min(heights) < max(heights) < 2.1


def test_what_is_not_given_is_zero(model: BodyModel) -> None:
    np.testing.assert_array_equal(given_beta([1, -2], model), [1, -2] + [0] * 14)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "0 values of beta were given, where the body takes 1 to 16."),
        ([0.0] * 17, "17 values of beta were given, where the body takes 1 to 16."),
        ([0, -99], "A beta of -99 was given, where bodies are within 5 of 0."),
        ([0, float("nan")], "A beta of nan was given"),
        ([float("inf")], "A beta of inf was given"),
    ],
)
def test_shapes_that_no_body_has(model: BodyModel, values: list[float], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence.replace(".", "[.]")):
        given_beta(values, model)


def test_a_negative_seed_is_a_mistake(model: BodyModel) -> None:
    with pytest.raises(UsageError, match="The seed is -1; choose 0 or more."):
        random_beta(-1, model)
