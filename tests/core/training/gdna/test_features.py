"""The network that sets of normal maps are compared by."""

import numpy as np
import torch

from likeness.core.training.gdna.features import MapFeatures, Shown, as_maps


def test_features_are_of_what_is_drawn_wherever_it_is():
    torch.manual_seed(0)
    network = MapFeatures().eval()
    maps = np.zeros((1, 256, 256, 3), np.int8)
    maps[:, 96:128, 96:128] = np.random.default_rng(0).integers(-127, 128, (32, 32, 3))
    moved = np.roll(maps, 32, 2)
    here, there = network(as_maps(maps)), network(as_maps(moved))
    torch.testing.assert_close(here, there)
    assert not torch.allclose(here, network(as_maps(-maps)), atol=1e-3)


def test_a_mirrored_map_is_of_the_mirrored_figure():
    drawn = np.zeros((1, 4, 64, 64, 3), np.int8)
    drawn[..., 20:30, 10:20, :] = 100, 50, 25  # faces +x, and lies to the left
    batch, _ = Shown(drawn, {}, np.zeros((1, 1)), ["length"]).batch(np.random.default_rng(0))
    left = batch[..., :32, :].any((1, 2, 3))
    assert 0 < left.sum() < len(left)
    assert (batch[left][..., 0].sum((1, 2)) > 0).all()
    assert (batch[~left][..., 0].sum((1, 2)) < 0).all()
