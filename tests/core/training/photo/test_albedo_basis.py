"""The recipe `albedo-basis` on made-up skins: what varies is found, rare tones count, left and right are alike."""

import numpy as np
import pytest

from likeness.core.parametric.albedo_basis import COMPONENTS
from likeness.core.parametric.head import HeadModel
from likeness.core.training.photo.albedo_basis import MOST, SIZE, Skins, learn, rarity


@pytest.fixture(scope="module")
def model():
    return HeadModel.load()


def test_rare_tones_count_more():
    tone = np.concatenate([np.full(40, -1.0), np.full(4, -3.0)])
    weight = rarity(tone)
    assert weight[0] == pytest.approx(1)
    assert weight[-1] == pytest.approx(MOST)


def test_what_varies_is_found(model):
    rng = np.random.default_rng(0)
    count = COMPONENTS
    tone = rng.normal(0, 0.5, count)
    albedo = np.zeros((count, SIZE, SIZE, 3), np.float32) + tone[:, None, None, None]
    skins = Skins(albedo.astype(np.float32), np.ones((count, SIZE, SIZE), np.float32), tone)
    basis = learn(skins, model)
    new = np.full((SIZE, SIZE, 3), 0.3, np.float32)
    found = basis.albedo(basis.fit(new, np.ones((SIZE, SIZE))))
    assert np.abs(found - new).max() < 0.02
    assert basis.step[0] > 20 * basis.step[1]
