"""The encoder: its outputs and its weights' file."""

import pytest
import torch
from safetensors.numpy import save_file

from likeness.core.capture.coarse_net import SIDE, CoarseNet, CoarseNetConfig
from likeness.core.capture.encoder import (
    Encoder,
    EncoderConfig,
    encoder_metadata,
    encoder_tensors,
    load_encoder,
)
from likeness.core.capture.face_code import SIZE
from likeness.core.errors import EngineError
from likeness.core.parametric.head import HeadModel

TRUNK = CoarseNetConfig(5, widths=(8, 8, 16), reduced=4, hidden=16, near=(4, 4), local=3, joint=16)


@pytest.fixture(scope="module")
def model():
    return HeadModel.load()


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(5, features=16, patches=4, hidden=8)).eval()
    torch.nn.init.normal_(encoder.layers[-1].weight)
    return encoder


@pytest.fixture
def trunk(tmp_path):
    path = tmp_path / "trunk.safetensors"
    path.write_bytes(b"trunk")
    return path


@pytest.fixture
def path(encoder, model, trunk, tmp_path):
    path = tmp_path / "encoder.safetensors"
    save_file(encoder_tensors(encoder), path, encoder_metadata(encoder, model, trunk))
    return path


def test_pixels_become_codes(encoder):
    inputs = encoder.inputs(CoarseNet(TRUNK).eval(), torch.rand(2, 3, SIDE, SIDE))
    assert inputs.shape == (2, 16 + 2 * 5 + 3 * 4 * 4)
    assert encoder(inputs).values.shape == (2, SIZE)


def test_it_starts_from_the_mean_code():
    encoder = Encoder(EncoderConfig(5, features=16, patches=4, hidden=8)).eval()
    encoder.mean.copy_(torch.arange(SIZE))
    assert torch.equal(encoder(torch.rand(3, 74)).values, torch.arange(SIZE).float().expand(3, -1))


def test_weights_come_back(encoder, model, path, trunk):
    loaded = load_encoder(model, path=path, trunk=trunk)
    inputs = torch.rand(2, 74)
    assert torch.allclose(loaded(inputs).values, encoder(inputs).values, atol=0.05)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_weights_of_another_trunk_are_refused(model, path, trunk):
    trunk.write_bytes(b"another")
    with pytest.raises(EngineError, match="belongs to another trunk.safetensors"):
        load_encoder(model, path=path, trunk=trunk)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("head", "another", "belongs to another head model"),
        ("config", '{"sides": 3}', "not of this version"),
        ("config", '{"features": 9}', "not of this version"),
    ],
)
def test_other_weights_are_refused(encoder, model, path, trunk, key, value, sentence):
    save_file(encoder_tensors(encoder), path, {**encoder_metadata(encoder, model, trunk), key: value})
    with pytest.raises(EngineError, match=sentence):
        load_encoder(model, path=path, trunk=trunk)


def test_damaged_weights_are_refused(model, path, trunk):
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(EngineError, match="damaged"):
        load_encoder(model, path=path, trunk=trunk)
