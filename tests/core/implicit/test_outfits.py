import numpy as np
import pytest

from likeness.core.implicit.outfits import CodeDistribution, Outfits


@pytest.fixture
def codes() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal((3, 0, 0), 0.2, (60, 3)), rng.normal((-3, 1, 0), 0.1, (40, 3))])


WOMEN = np.repeat([1.0, 0.0], [60, 40])


def test_a_mixture_keeps_kinds_apart(codes: np.ndarray) -> None:
    found = CodeDistribution.fit(codes, WOMEN, kinds=2)
    rng = np.random.default_rng(1)
    drawn = np.array([found.sample(None, rng) for _ in range(300)])
    assert (np.abs(np.abs(drawn[:, 0]) - 3) < 1).all()
    assert np.isclose((drawn[:, 0] > 0).mean(), 0.6, atol=0.1)


def test_one_gaussian_has_the_codes_mean(codes: np.ndarray) -> None:
    found = CodeDistribution.fit(codes, WOMEN, kinds=1)
    assert np.allclose(found.mean[0], codes.mean(0), atol=1e-6)
    covariance = found.factor[0] @ found.factor[0].T
    assert np.allclose(covariance, np.cov(codes.T, bias=True), atol=0.01)


def test_people_wear_what_their_like_wear(codes: np.ndarray) -> None:
    found = CodeDistribution.fit(codes, WOMEN, kinds=2)
    rng = np.random.default_rng(2)
    assert np.mean([found.sample(1.0, rng)[0] > 0 for _ in range(200)]) > 0.98
    assert np.mean([found.sample(0.0, rng)[0] < 0 for _ in range(200)]) > 0.98


def test_the_bald_and_barefoot_wear_neither_hair_nor_shoes(codes: np.ndarray) -> None:
    layer = CodeDistribution.fit(codes, WOMEN, kinds=2)
    layers = dict.fromkeys(("top", "bottom", "shoes", "hair"), layer)
    outfits = Outfits(layers, {"top": 0.0, "bottom": 0.3, "shoes": 1.0, "hair": 1.0}, np.zeros(17))
    for seed in range(20):
        assert set(outfits.sample(0.5, np.random.default_rng(seed))) == {"top", "bottom"}


def test_outfits_are_stored_whole(codes: np.ndarray) -> None:
    layer = CodeDistribution.fit(codes, WOMEN, kinds=2)
    outfits = Outfits(
        dict.fromkeys(("top", "bottom", "shoes", "hair"), layer),
        {"top": 0.0, "bottom": 0.3, "shoes": 0.1, "hair": 0.1},
        np.arange(17) / 17,
    )
    again = Outfits.from_tensors(outfits.tensors(), list(outfits.layers))
    first, second = (each.sample(0.4, np.random.default_rng(3)) for each in (outfits, again))
    assert first.keys() == second.keys()
    assert all(np.allclose(first[key], second[key], atol=1e-5) for key in first)
    assert np.isclose(outfits.gender(np.full(16, 0.1)), again.gender(np.full(16, 0.1)))
