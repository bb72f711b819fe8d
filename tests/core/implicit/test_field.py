"""The implicit head: template, skin and hair, gradient, correspondence and expression."""

import pytest
import torch
from torch import Tensor, nn

from likeness.core.errors import InputError
from likeness.core.implicit.field import HeadField, chunked_keys
from likeness.core.implicit.latents import HAIR, IDENTITY, LatentSpace
from likeness.core.implicit.template import Template

from .conftest import RADIUS


@pytest.fixture
def points() -> Tensor:
    return 0.15 * (2 * torch.rand(2, 300, 3, generator=torch.Generator().manual_seed(1)) - 1)


@pytest.fixture
def z_id(field: HeadField) -> Tensor:
    return torch.randn(2, field.latents.size, generator=torch.Generator().manual_seed(2))


def test_template_is_the_distance_inside_of_both_grids_and_beyond(ball: Template) -> None:
    points = torch.tensor([[0.0, 0.09, 0.0], [0.03, 0.02, 0.01], [0.15, 0.0, 0.0], [0.5, 0.0, 0.0]])
    expected = points.norm(dim=1) - RADIUS
    assert ball(points).numpy() == pytest.approx(expected.numpy(), abs=2e-4)


def test_template_has_no_step_where_the_fine_grid_ends(ball: Template) -> None:
    line = torch.stack([torch.linspace(0.05, 0.07, 400), torch.full((400,), 0.01), torch.zeros(400)], 1)
    assert ball(line).diff().abs().max() < 2 * 0.02 / 400


def test_an_untrained_field_is_the_template(ball: Template, field: HeadField, points: Tensor) -> None:
    torch.nn.init.zeros_(field.backbone.network.last.weight)
    torch.nn.init.zeros_(field.backbone.network.last.bias)
    z_id = torch.randn(2, field.latents.size)
    distance, template_points, correction = field(points, z_id)
    assert torch.equal(distance, ball(points))
    assert torch.equal(template_points, points)
    assert not correction.any()


class Never(nn.Module):
    def forward(self, template_points: Tensor, z_hair: Tensor) -> Tensor:
        raise AssertionError("The hair layer of a bald head was evaluated.")


class Seen(nn.Module):
    """Hair that lies far away, and keeps what it was asked."""

    def forward(self, template_points: Tensor, z_hair: Tensor) -> Tensor:
        self.asked = template_points, z_hair
        return torch.ones(template_points.shape[:2])


def test_the_head_is_the_union_of_skin_and_hair(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    skin, template_points, _ = field(points, z_id)
    hair = field.hair(template_points, field.latents.hair(z_id))
    assert 0.05 < (hair < skin).float().mean() < 0.95
    assert torch.equal(field.sdf(points, z_id), torch.minimum(skin, hair))


def test_a_bald_head_is_its_skin_and_asks_for_no_hair(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    bald = field.latents.without_hair(z_id)
    field.hair = Never()
    assert torch.equal(field.sdf(points, bald), field(points, z_id)[0])


def test_a_bald_head_stays_bald_beside_one_with_hair(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    z_id = torch.cat([field.latents.without_hair(z_id[:1]), z_id[1:]])
    skin, distance = field(points, z_id)[0], field.sdf(points, z_id)
    assert torch.equal(distance[0], skin[0])
    assert (distance[1] < skin[1]).any()


def test_the_skin_does_not_know_the_hair(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    other = torch.cat([z_id[:, :IDENTITY], torch.randn(2, HAIR)], 1)
    for own, others in zip(field(points, z_id), field(points, other), strict=True):
        assert torch.equal(own, others)
    assert torch.equal(field.keys(points, z_id)[1], field.keys(points, other)[1])


def test_hair_is_read_where_the_warp_leads(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    """So that it rides on the skin."""
    field.hair = Seen()
    field.sdf(points, z_id)
    template_points, code = field.hair.asked
    assert torch.equal(template_points, field.template_points(points, z_id))
    assert (template_points - points).abs().max() > 1e-4
    assert torch.equal(code, z_id[:, IDENTITY:])


def away_from_the_seam(field: HeadField, points: Tensor, z_id: Tensor) -> Tensor:
    """[B, N] bool: where the nearer of skin and hair is so for a millimetre around, and the template is smooth."""
    skin, template_points, _ = field(points, z_id)
    hair = field.hair(template_points, field.latents.hair(z_id))
    return ((skin - hair).abs() > 4e-3) & (template_points.norm(dim=-1) > 0.03)


def test_gradient_of_the_union_is_that_of_finite_differences(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    skin, distance = field(points, z_id)[0], field.sdf(points, z_id)
    smooth, step = away_from_the_seam(field, points, z_id), 1e-3
    axes = step * torch.eye(3)
    ahead, behind = (torch.stack([field.sdf(points + sign * axis, z_id) for axis in axes], -1) for sign in (1, -1))
    error = (field.gradient(points, z_id) - (ahead - behind) / (2 * step)).norm(dim=-1)
    for layer in (distance < skin, distance == skin):
        assert (smooth & layer).sum() > 30
        assert error[smooth & layer].median() < 0.01
        assert error[smooth & layer].max() < 0.2  # between the template's cells


def test_gradient_agrees_with_automatic_differentiation(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    points = points[:, away_from_the_seam(field, points, z_id).all(0)].requires_grad_()
    (expected,) = torch.autograd.grad(field.sdf(points, z_id).sum(), points)
    found = field.gradient(points, z_id)
    # The template is interpolated, so that the exact gradient jumps between cells and the differences do not.
    assert (found - expected).norm(dim=-1).median() < 0.01
    assert torch.cosine_similarity(found, expected, dim=-1).min() > 0.98


def test_distance_has_a_gradient_to_the_latent(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    z_id.requires_grad_()
    direction = torch.randn(z_id.shape, generator=torch.Generator().manual_seed(3))
    (gradient,) = torch.autograd.grad(field.sdf(points, z_id).sum(), z_id)
    step = 1e-2
    with torch.no_grad():
        ahead, behind = (field.sdf(points, z_id + sign * step * direction).double().sum() for sign in (1, -1))
    assert float((gradient * direction).sum()) == pytest.approx(float(ahead - behind) / (2 * step), rel=0.05)


def test_deformation_is_linear_in_expression_and_keys_are_its_basis(
    field: HeadField, points: Tensor, z_id: Tensor
) -> None:
    neutral, keys = field.keys(points, z_id)
    weights = torch.rand(2, 52, generator=torch.Generator().manual_seed(4))
    expected = neutral + torch.einsum("bnkc,bk->bnc", keys, weights)
    assert torch.allclose(field.deform(points, weights, z_id), expected, atol=1e-6)
    assert torch.allclose(field.deform(points, torch.zeros(2, 52), z_id), neutral, atol=1e-6)
    assert (neutral - points).abs().max() > 1e-5


def test_keys_in_chunks_are_the_keys(field: HeadField, points: Tensor, z_id: Tensor) -> None:
    neutral, keys = field.keys(points[:1], z_id[:1])
    in_parts = chunked_keys(field, points[0], z_id[:1], chunk=77)
    assert torch.allclose(in_parts[0], neutral[0], atol=1e-7)
    assert torch.allclose(in_parts[1], keys[0].transpose(0, 1), atol=1e-7)


def test_latents_are_checked(field: HeadField) -> None:
    space = field.latents
    assert space.checked(torch.zeros(space.size)).shape == (1, space.size)
    with pytest.raises(InputError, match="7"):
        space.checked(torch.zeros(7))
    with pytest.raises(InputError, match="finite"):
        space.checked(torch.full((space.size,), torch.nan))


def test_samples_follow_from_the_generator_and_hair_lies_between_two_cuts() -> None:
    codes = torch.cat([torch.zeros(1, 32), torch.randn(5, 32, generator=torch.Generator().manual_seed(5))])
    space = LatentSpace(codes, local=8)
    first, second = (space.sample(torch.Generator().manual_seed(6), hair=True) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, space.sample(torch.Generator().manual_seed(7), hair=True))
    hair = first[0, IDENTITY : IDENTITY + 32]
    apart = torch.cdist(hair[None], codes[1:])[0].sort().values
    between = torch.cdist(codes[1:], codes[1:])
    assert apart[0] <= 0.25 * between.max()
    bald = space.sample(torch.Generator().manual_seed(6), hair=False)
    assert not bald[0, IDENTITY:].any()
