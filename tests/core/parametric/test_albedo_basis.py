"""The linear albedo basis that is shipped: skins of all tones, and coefficients that come back."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from likeness.core.errors import EngineError
from likeness.core.parametric.albedo_basis import COMPONENTS, AlbedoBasis
from likeness.core.weights import card

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


@pytest.fixture(scope="module")
def basis():
    return AlbedoBasis.load()


def test_random_skins_are_reflectances(basis):
    rng = np.random.default_rng(0)
    for _ in range(5):
        skin = np.exp(basis.albedo(rng.standard_normal(COMPONENTS)))
        assert skin.shape == (basis.size, basis.size, 3)
        assert (skin > 0).all()
        assert np.median(skin[..., 0]) > np.median(skin[..., 2])  # red above blue, whatever the tone


def test_it_reaches_dark_and_light_skin(basis):
    tones = [np.exp(np.median(basis.albedo(np.array([alpha])) @ LUMINANCE)) for alpha in (-2.0, 2.0)]
    assert min(tones) < 0.15
    assert max(tones) > 0.5


def test_coefficients_come_back_from_half_a_skin(basis):
    alpha = np.random.default_rng(1).standard_normal(COMPONENTS)
    weight = np.zeros((basis.size, basis.size))
    weight[:, : basis.size // 2] = 1
    found = basis.fit(basis.albedo(alpha), weight)
    error = basis.albedo(found) - basis.albedo(alpha)
    plain = basis.mean - basis.albedo(alpha)
    assert np.sqrt((error**2).mean()) < 0.3 * np.sqrt((plain**2).mean())


def test_nothing_seen_is_the_mean(basis):
    assert np.allclose(basis.fit(basis.mean, np.zeros((basis.size, basis.size))), 0)


def test_the_card_says_how_even_it_is():
    metrics = card("albedo_basis")["metrics"]
    quartiles = [metrics[f"log_rms_quartile_{k}"] for k in range(1, 5)]
    assert max(quartiles) < 2 * min(quartiles)
    assert all(q < 0.5 * metrics[f"log_rms_of_the_mean_quartile_{k + 1}"] for k, q in enumerate(quartiles))


def test_weights_of_another_version_are_refused(tmp_path):
    save_file({"mean": np.zeros((2, 2, 3), np.float32)}, tmp_path / "basis.safetensors")
    with pytest.raises(EngineError, match="not of this version"):
        AlbedoBasis.load(tmp_path / "basis.safetensors")
