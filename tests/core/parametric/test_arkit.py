"""ARKit's names, sides and presets, and the map onto the head model and back."""

import numpy as np
import pytest

from likeness.core.parametric.arkit import (
    ARKIT_NAMES,
    INDEX,
    MIRROR,
    PRESETS,
    REGIONS,
    VISEMES,
    arkit_from_flame,
    canonical_name,
    flame_from_arkit,
    mirrored,
    weights_array,
)

BETA = np.zeros(100, np.float32)


def test_the_52_names():
    assert len(ARKIT_NAMES) == len(set(ARKIT_NAMES)) == 52
    assert (ARKIT_NAMES[0], ARKIT_NAMES[-1]) == ("eyeBlinkLeft", "tongueOut")


def test_regions_hold_every_name_once():
    assert sorted(name for names in REGIONS.values() for name in names) == sorted(ARKIT_NAMES)


@pytest.mark.parametrize("name", ARKIT_NAMES)
def test_spellings(name):
    pascal = name[0].upper() + name[1:]
    snake = "".join("_" + c.lower() if c.isupper() else c for c in name)
    short = name.replace("Left", "_L").replace("Right", "_R")
    for spelling in (name, pascal, name.upper(), snake, short, short.lower(), f" {name} "):
        assert canonical_name(spelling) == name


@pytest.mark.parametrize("other", ["", "Timecode", "HeadYaw", "LeftEyeYaw", "_neutral", "eyeBlink", "jawOpenLeft"])
def test_other_names_are_not_arkit(other):
    assert canonical_name(other) is None


def test_mirror_swaps_sides():
    assert mirrored("eyeLookInLeft") == "eyeLookInRight"
    assert mirrored("jawLeft") == "jawRight"
    assert mirrored("tongueOut") == "tongueOut"
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(52))


@pytest.mark.parametrize("values", [*PRESETS.values(), *VISEMES.values()], ids=[*PRESETS, *VISEMES])
def test_presets_are_expressions(values):
    weights = weights_array(values)
    assert weights.max() > 0.3
    assert (weights >= 0).all()
    assert (weights <= 1).all()
    np.testing.assert_array_equal(weights[MIRROR], weights)


def test_unknown_names_are_errors():
    with pytest.raises(KeyError, match="browsUp"):
        weights_array({"browsUp": 1})


def test_a_single_shape_is_the_models(model):
    psi, theta = flame_from_arkit(model, weights_array({"JawOpen": 0.5}))
    np.testing.assert_allclose(psi, 0.5 * model.arkit_psi[INDEX["jawOpen"]], atol=1e-6)
    np.testing.assert_allclose(theta, 0.5 * model.arkit_theta[INDEX["jawOpen"]], atol=1e-6)


def test_there_and_back_is_the_same_face(model):
    """Weights that look the same may trade places; the face must not."""
    rng = np.random.default_rng(0)
    weights = np.stack([weights_array(values) for values in (*PRESETS.values(), *VISEMES.values())])
    weights = np.concatenate([weights, (rng.random((40, 52)) < 0.1) * rng.random((40, 52))]).astype(np.float32)
    psi, theta = flame_from_arkit(model, weights)
    back = arkit_from_flame(model, psi, theta)
    assert ((back >= 0) & (back <= 1)).all()
    psi2, theta2 = flame_from_arkit(model, back)
    for a, b in zip(zip(psi, theta, strict=True), zip(psi2, theta2, strict=True), strict=True):
        distance = np.linalg.norm(model.vertices(BETA, *a) - model.vertices(BETA, *b), axis=1)
        assert distance.mean() < 1e-4
        assert distance.max() < 1e-3


def test_presets_come_back(model):
    for name, values in PRESETS.items():
        weights = weights_array(values)[None]
        assert np.abs(arkit_from_flame(model, *flame_from_arkit(model, weights)) - weights).max() < 0.02, name


def test_neutral_stays_neutral(model):
    weights = arkit_from_flame(model, np.zeros((2, 50)), np.zeros((2, 5, 3)))
    np.testing.assert_array_equal(weights, np.zeros((2, 52)))
