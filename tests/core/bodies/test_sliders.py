"""Sex, age and build of bodies, and betas that have others."""

from dataclasses import asdict

import numpy as np
import pytest

from likeness.core.bodies.shape import random_beta
from likeness.core.bodies.sliders import RANGES, BodySliders, Sliders, height_of, quadratic
from likeness.core.errors import EngineError, InputError
from likeness.core.parametric.body import BodyModel
from likeness.core.weights import card

SEEDS = range(12)


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


@pytest.fixture(scope="module")
def sliders() -> BodySliders:
    return BodySliders.load()


def test_they_are_of_the_body_that_is_shipped() -> None:
    assert card("body_sliders")["body"] == card("body")["sha256"]


@pytest.mark.parametrize(
    ("name", "value", "off"),
    [
        *(("sex", v, 0.03) for v in (0, 1)),
        *(("age", v, 1.5) for v in (12, 30, 75)),
        *(("weight", v, 0.03) for v in (0.2, 0.8)),
        *(("muscle", v, 0.03) for v in (0.2, 0.8)),
        *(("height", v, 0.005) for v in (1.6, 1.8)),
    ],
)
def test_a_slider_is_what_it_was_set_to(
    model: BodyModel, sliders: BodySliders, name: str, value: float, off: float
) -> None:
    for seed in SEEDS:
        beta = random_beta(seed, model)
        if name == "height":
            value = float(np.clip(value, *(sliders.mean_height(sliders.of(beta, model)) + np.array([-0.3, 0.3]))))
        made = sliders.of(sliders.changed(beta, {name: value}, model), model)
        assert getattr(made, name) == pytest.approx(value, abs=off)


def test_the_rest_of_the_person_stays(model: BodyModel, sliders: BodySliders) -> None:
    """Persons of one sex, age and build still differ, as they did: what is not the sliders' is carried over."""
    wanted = {"sex": 1.0, "age": 40.0, "weight": 0.5, "muscle": 0.5, "height": 1.78}
    own = []
    for seed in SEEDS:
        beta = random_beta(seed, model)
        before = beta - sliders.mean_beta(sliders.of(beta, model))
        made = sliders.changed(beta, wanted, model)
        own.append(made - sliders.mean_beta(Sliders(**wanted)))
        assert np.corrcoef(before, own[-1])[0, 1] > 0.9
        assert height_of(made, model) == pytest.approx(1.78, abs=0.005)
    assert np.std(own, 0).mean() > 0.3


def test_nothing_wanted_changes_nothing(model: BodyModel, sliders: BodySliders) -> None:
    beta = random_beta(4, model)
    np.testing.assert_array_equal(sliders.changed(beta, {}, model), beta)
    own = asdict(sliders.of(beta, model))
    np.testing.assert_allclose(sliders.changed(beta, own, model), beta, atol=1e-3)


def test_men_are_taller_and_children_smaller(model: BodyModel, sliders: BodySliders) -> None:
    """A height that nobody asks for follows the sex and the age."""
    beta = np.zeros(16, np.float32)
    heights = {
        key: height_of(sliders.changed(beta, dict(zip(("sex", "age"), key, strict=True)), model), model)
        for key in ((0, 30), (1, 30), (0, 10))
    }
    assert heights[1, 30] - heights[0, 30] == pytest.approx(0.14, abs=0.04)
    assert heights[0, 30] - heights[0, 10] > 0.2


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"sex": -0.1}, "Sex is -0.1, where 0 to 1 belongs."),
        ({"age": 4}, "Age is 4, where 8 to 90 belongs."),
        ({"weight": float("nan")}, "Weight is nan, where 0 to 1 belongs."),
        ({"height": 1e9}, "Height is 1e[+]09, where 1 to 2.2 belongs."),
        ({"age": 9, "height": 2.1}, "A height of 2.10 m was given, where people of 9 years and that sex are"),
        ({"charm": 1}, "There is no slider 'charm'; a body has sex, age, weight, muscle, height."),
    ],
)
def test_what_nobody_is(model: BodyModel, sliders: BodySliders, wanted: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sliders.changed(np.zeros(16, np.float32), wanted, model)


def test_ranges_are_those_of_the_sliders() -> None:
    assert list(RANGES) == list(Sliders.__dataclass_fields__)


def test_quadratic_terms() -> None:
    assert quadratic(np.array([[2.0, 3.0]])).tolist() == [[1, 2, 3, 4, 6, 9]]


def test_weights_of_another_version(tmp_path) -> None:
    (tmp_path / "body_sliders.safetensors").write_bytes(b"\2\0\0\0\0\0\0\0{}")
    with pytest.raises(EngineError, match="another version"):
        BodySliders.load(tmp_path / "body_sliders.safetensors")
