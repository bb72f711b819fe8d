"""Bodies of seeds remember what they are made of."""

import numpy as np
import pytest

from likeness.core.avatar import Avatar
from likeness.core.bodies.seeded import seeded_body
from likeness.core.bodies.sliders import RANGES
from likeness.core.errors import InputError, UsageError
from likeness.core.parametric.body import BodyModel


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


def skin(avatar: Avatar) -> np.ndarray:
    return avatar.part("skin").vertices


def test_shape_and_detail_have_seeds_of_their_own(model: BodyModel) -> None:
    plain, other = seeded_body(model, 3), seeded_body(model, 8, shape_seed=3, detail_seed=5)
    np.testing.assert_array_equal(skin(plain), skin(other))
    seeds = [[avatar.parameters[f"{name}seed"] for name in ("", "shape_", "detail_")] for avatar in (plain, other)]
    assert seeds == [[[3], [3], [3]], [[8], [3], [5]]]
    assert plain.name == "Body 3"
    assert plain.parameters["chosen"] == [0] * 5
    assert "given_beta" not in plain.parameters


def test_what_is_wanted_is_remembered(model: BodyModel) -> None:
    avatar = seeded_body(model, 3, beta=[0.5, -1], wanted={"age": 40.0, "height": 1.8}, resolution=128)
    stored = avatar.parameters
    assert (stored["given_beta"], stored["resolution"]) == ([0.5, -1], [128])
    assert dict(zip(RANGES, stored["chosen"], strict=True)) == {**dict.fromkeys(RANGES, 0), "age": 1, "height": 1}
    assert (stored["age"], stored["height"]) == ([40], [1.8])
    assert np.ptp(skin(avatar)[:, 1]) == pytest.approx(1.8, abs=0.005)


def test_what_is_refused(model: BodyModel) -> None:
    for seeds in ({"seed": -1}, {"seed": 1, "shape_seed": -2}, {"seed": 1, "detail_seed": -3}):
        with pytest.raises(UsageError, match=r"The seed is -[123]; choose 0 or more."):
            seeded_body(model, **seeds)
    for beta in ([0.0] * 17, [], [6.0], [float("nan")]):
        with pytest.raises(InputError, match="beta"):
            seeded_body(model, 1, beta=beta)
