"""What the models have in common: hair apart from skin, and that a saved field is the same when loaded."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.numpy import save_file
from torch import Tensor

from likeness.core.errors import EngineError, UsageError
from likeness.core.implicit.ensemble import SIDE_ANCHORS, EnsembleConfig, LocalEnsemble
from likeness.core.implicit.expression import KEYS, ExpressionConfig
from likeness.core.implicit.field import HeadField
from likeness.core.implicit.heads import CONFIGS, build_head_field, head_field_tensors, load_head_field
from likeness.core.implicit.latents import HAIR, IDENTITY
from likeness.core.implicit.npm import NPMConfig
from likeness.core.implicit.template import Template
from likeness.core.implicit.triplane import TriPlaneConfig
from likeness.core.weights import weights_path

SMALL: dict[str, Any] = {
    "npm": NPMConfig(octaves=2, width=16, depth=2),
    "nphm": EnsembleConfig(octaves=2, width=8, depth=2, code=6, free=3),
    "triplane": TriPlaneConfig(8, 3, 8, 2, width=16, hair_size=8, hair_channels=2, hair_width=16, octaves=2),
}


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.load(weights_path("head_template"))


@pytest.fixture(params=CONFIGS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def field(name: str, template: Template) -> HeadField:
    """A small one with random weights that half precision holds exactly."""
    torch.manual_seed(0)
    codes = torch.cat([torch.zeros(1, HAIR), torch.randn(2, HAIR)]).half().float()
    expression = ExpressionConfig(octaves=2, width=16, depth=2, bottleneck=4)
    field = build_head_field(SMALL[name], expression, template, codes, torch.rand(KEYS)).requires_grad_(False)
    for ensemble in field.modules():
        if isinstance(ensemble, LocalEnsemble):
            size = len(ensemble.mirror)
            mean = 0.1 * torch.randn(SIDE_ANCHORS, 3)
            ensemble.place(mean, torch.zeros(*mean.shape, size), torch.full((SIDE_ANCHORS,), 0.08), torch.ones(size))
    for parameter in field.parameters():
        if not parameter.any():  # the last layers, which start at 0
            torch.nn.init.normal_(parameter, std=0.05)
    field.load_state_dict({key: value.half().float() for key, value in field.state_dict().items()})
    return field


@pytest.fixture
def points(field: HeadField) -> Tensor:
    low, high = field.bounds
    return low + (high - low) * torch.rand(2, 200, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def z_id(field: HeadField) -> Tensor:
    return torch.randn(2, field.latents.size, generator=torch.Generator().manual_seed(2))


def saved(field: HeadField, path: Path) -> Path:
    tensors, metadata = head_field_tensors(field)
    save_file(tensors, path, metadata)
    return path


def test_a_loaded_field_is_the_saved_one(
    field: HeadField, name: str, points: Tensor, z_id: Tensor, tmp_path: Path
) -> None:
    again = load_head_field(name, path=saved(field, tmp_path / "field.safetensors"))
    assert again.config == field.config
    assert torch.equal(again.latents.hair_codes, field.latents.hair_codes)
    code = field.latents.hair(z_id)
    torch.testing.assert_close(again.hair(points, code), field.hair(points, code), atol=1e-7, rtol=0.0)
    torch.testing.assert_close(again.sdf(points, z_id), field.sdf(points, z_id), atol=1e-7, rtol=0.0)
    for own, others in zip(again.keys(points, z_id), field.keys(points, z_id), strict=True):
        torch.testing.assert_close(own, others, atol=1e-7, rtol=0.0)
    assert field.hair(points, code).std() > 1e-5
    assert not any(parameter.requires_grad for parameter in again.parameters())


def test_weights_without_hair_are_refused(field: HeadField, name: str, tmp_path: Path) -> None:
    tensors, metadata = head_field_tensors(field)
    bare = {key: value for key, value in tensors.items() if not key.startswith("hair.")}
    save_file(bare, tmp_path / "old.safetensors", metadata)
    with pytest.raises(EngineError, match="not an implicit head of this version"):
        load_head_field(name, path=tmp_path / "old.safetensors")


def test_a_model_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="choose one of npm, nphm, triplane"):
        load_head_field("gnphm")


def test_the_skin_does_not_know_the_hair(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    other = z_id.clone()
    other[:, IDENTITY : IDENTITY + HAIR] = torch.randn(2, HAIR)
    for own, others in zip(field(points, z_id), field(points, other), strict=True):
        assert torch.equal(own, others)


def test_hair_reaches_the_gradient_of_its_code_and_the_skin_s_does_not(
    field: HeadField, points: Tensor, z_id: Tensor
) -> None:
    z_id.requires_grad_()
    (skin,) = torch.autograd.grad(field(points, z_id)[0].sum(), z_id)
    assert skin[:, :IDENTITY].any() and not field.latents.hair(skin).any()
    (union,) = torch.autograd.grad(field.sdf(points, z_id).sum(), z_id)
    assert field.latents.hair(union).any(1).all()
