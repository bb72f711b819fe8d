"""CoarseNet: its outputs, its weights' file, and how a photo is shown to it."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from likeness.core.capture.coarse_net import (
    SIDE,
    CoarseNet,
    CoarseNetConfig,
    DensePrediction,
    _around,
    coarse_net_tensors,
    load_coarse_net,
)
from likeness.core.capture.dense_landmarks import dense_landmarks
from likeness.core.capture.embedding import fingerprint
from likeness.core.errors import EngineError
from likeness.core.parametric.dense_points import DensePoints
from likeness.core.parametric.head import HeadModel

TINY = CoarseNetConfig(5, widths=(8, 8, 16), reduced=4, hidden=16, near=(4, 4), local=3, joint=8)


@pytest.fixture(scope="module")
def model():
    return HeadModel.load()


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    net = CoarseNet(TINY).eval()
    for layer in (net.out, net.closer.out):
        torch.nn.init.normal_(layer.weight, std=0.1)
    return net


def write(path, net, **metadata):
    save_file(coarse_net_tensors(net), path, {"config": json.dumps(dataclasses.asdict(net.config)), **metadata})
    return path


def test_every_point_has_a_place_a_spread_and_a_visibility(net):
    found = net(torch.rand(2, 3, SIDE, SIDE))
    assert found.points.shape == (2, 5, 2)
    assert found.log_spread.shape == found.visible.shape == (2, 5)


def test_each_look_corrects_the_one_before_and_gradients_stay_in_their_look(net):
    said, features = net.look(torch.rand(2, 3, SIDE, SIDE))
    assert len(said) == 1 + TINY.looks
    assert features.shape == (2, TINY.joint)
    assert not torch.equal(said[0].points, said[-1].points)
    net.zero_grad()
    said[-1].points.sum().backward()
    assert net.out.weight.grad is None
    assert net.closer.out.weight.grad.abs().sum() > 0
    net.zero_grad()


def test_a_look_sees_the_picture_where_the_points_are():
    x = torch.arange(SIDE // 2) + 0.5
    ramp = torch.stack(torch.meshgrid(2 * x, 2 * x, indexing="xy"))[None]
    points = torch.tensor([[[40.0, 90.0], [100.5, 33.0]]])
    found = _around(ramp, points, torch.tensor([[0.0, 0.0], [1.0, -2.0]]))
    expected = torch.cat([points, points + torch.tensor([2.0, -4.0])], -1)
    assert torch.allclose(found, expected, atol=1e-4)


def test_weights_come_back_in_half_precision(net, model, tmp_path):
    loaded = load_coarse_net(model, path=write(tmp_path / "net.safetensors", net, head=fingerprint(model)))
    image = torch.rand(1, 3, SIDE, SIDE)
    assert torch.allclose(loaded(image).points, net(image).points, atol=0.3)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_weights_of_another_head_are_refused(net, model, tmp_path):
    with pytest.raises(EngineError, match="another head model"):
        load_coarse_net(model, path=write(tmp_path / "net.safetensors", net, head="another"))


def test_weights_of_another_version_are_refused(net, model, tmp_path):
    path = tmp_path / "net.safetensors"
    save_file(coarse_net_tensors(net), path, {"config": '{"points": 7}', "head": fingerprint(model)})
    with pytest.raises(EngineError, match="not of this version"):
        load_coarse_net(model, path=path)


class Centroid(torch.nn.Module):
    """Stands in for the network: says that all points lie where the picture is red."""

    def __init__(self, points):
        super().__init__()
        self.register_buffer("mean", torch.zeros(points, 2))

    def look(self, pixels):
        weight = (pixels[:, 0] - pixels[:, 1]).clamp(min=0) + 1e-9
        grid = torch.arange(SIDE) + 0.5
        x, y = ((weight * g).sum((1, 2)) / weight.sum((1, 2)) for g in (grid[None, None], grid[None, :, None]))
        points = torch.stack([x, y], -1)[:, None] + 0 * self.mean
        spread = torch.zeros(len(pixels), len(self.mean))
        return [DensePrediction(points, spread, spread)], spread

    def shape(self, features):
        return torch.zeros(len(features), 100)


@pytest.mark.parametrize(("turn", "scale"), [(0.0, 1.0), (0.4, 1.0), (-0.3, 4.0)])
def test_what_the_network_sees_is_carried_back_to_the_photo(model, turn, scale, monkeypatch):
    dense = DensePoints.of(model)
    size = int(300 * scale)
    pixels = np.zeros((size, size, 3), np.uint8)
    target = np.array([170, 140]) * scale
    y, x = np.mgrid[:size, :size] + 0.5
    pixels[np.hypot(x - target[0], y - target[1]) < 6 * scale] = (255, 0, 0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    face = np.random.default_rng(0).uniform(-60, 60, (478, 2)) * scale
    face[468], face[473] = np.array([-30.0, 0]) * scale, np.array([30.0, 0]) * scale
    landmarks = face @ rotation.T + 150 * scale
    monkeypatch.setattr("likeness.core.capture.dense_landmarks.PASSES", 1)
    found = dense_landmarks(Centroid(len(dense)), dense, pixels, landmarks)
    assert np.abs(found.points - target).max() < 0.6 * scale
    assert np.allclose(found.visible, 0.5)
    assert found.beta.shape == (100,)
    assert np.allclose(found.spread, found.spread[0])
