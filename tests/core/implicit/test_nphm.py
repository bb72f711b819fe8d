"""NPHM's ensemble: its symmetry, its fast path against all fields everywhere, and what gradients reach."""

import pytest
import torch
from torch import Tensor

from likeness.core.errors import InputError
from likeness.core.implicit.latents import LatentSpace
from likeness.core.implicit.nphm import FIELDS, MIDLINE, NPHM, PAIRS, SIDE_ANCHORS, NPHMConfig
from likeness.core.implicit.npm import REACH

CONFIG = NPHMConfig(octaves=2, width=8, depth=2, code=6, free=3)
FLIP = torch.tensor([-1.0, 1.0, 1.0])


@pytest.fixture
def nphm() -> NPHM:
    """Random weights, with anchors spread over a head's size and a third of the code antisymmetric."""
    torch.manual_seed(3)
    model = NPHM(CONFIG, LatentSpace(torch.zeros(1, 32), CONFIG.local_size))
    mirror = torch.where(torch.arange(132) % 3 == 0, -1.0, 1.0)
    mean = 0.12 * (torch.rand(SIDE_ANCHORS, 3) - torch.tensor([0.0, 0.5, 0.5]))
    basis = 0.001 * torch.randn(SIDE_ANCHORS, 3, 132)
    mean[PAIRS:, 0] = 0
    for axis in range(3):  # on the midline x is antisymmetric, y and z are symmetric
        basis[PAIRS:, axis] *= mirror < 0 if axis == 0 else mirror > 0
    model.place(mean, basis, torch.linspace(0.06, 0.09, SIDE_ANCHORS), mirror)
    for field in model.fields:
        for parameter in field.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture
def heads(nphm: NPHM) -> tuple[Tensor, Tensor]:
    """Points `[3, 400, 3]` in and around two random heads and a third; their codes."""
    torch.manual_seed(4)
    return 0.3 * (torch.rand(3, 400, 3) - 0.5), torch.randn(3, nphm.latents.size)


def mirrored(nphm: NPHM, z_id: Tensor) -> Tensor:
    local = z_id[:, 132:].unflatten(1, (2, -1)).flip(1).flatten(1)
    return torch.cat([z_id[:, :132] * nphm.mirror, local], 1)


def test_a_mirrored_code_is_the_mirrored_head(nphm: NPHM, heads: tuple[Tensor, Tensor]) -> None:
    points, z_id = heads
    expected = nphm(points, z_id) * torch.tensor([-1.0, 1.0, 1.0, 1.0])
    torch.testing.assert_close(nphm(points * FLIP, mirrored(nphm, z_id)), expected, atol=1e-6, rtol=1e-4)
    assert not torch.allclose(nphm(points * FLIP, z_id), expected, atol=1e-3)


def test_evaluating_few_fields_equals_evaluating_all(nphm: NPHM, heads: tuple[Tensor, Tensor]) -> None:
    points, z_id = heads
    expected = torch.zeros(*points.shape[:2], 4)
    total = torch.zeros(points.shape[:2])
    for side, flip in enumerate((torch.ones(3), FLIP)):
        code = z_id[:, :132] * (nphm.mirror if side else 1)
        anchors = nphm.predictor(code).unflatten(1, (-1, 3))
        local = z_id[:, 132:].unflatten(1, (2, FIELDS, -1))[:, side]
        both = nphm.weights(torch.cat([points, points * FLIP]), nphm._anchors(nphm._global_codes(z_id)))
        for index, field in enumerate(nphm.fields):
            centre = anchors[:, None, index] if index < SIDE_ANCHORS else torch.zeros(3, 1, 3)
            shift = nphm.predictor.bias.view(-1, 3)[index] - centre if index < SIDE_ANCHORS else centre
            known = code @ nphm.maps[index] + torch.nn.functional.pad(local[:, index], (0, CONFIG.code - CONFIG.free))
            output = REACH * field(nphm.features((points * flip - centre) / nphm.radii[index]), known)
            output[..., :3] = (output[..., :3] + shift) * flip
            weight = both.chunk(2)[side][..., index]
            expected, total = expected + weight[..., None] * output, total + weight
    torch.testing.assert_close(total, torch.ones_like(total))
    torch.testing.assert_close(nphm(points, z_id), expected, atol=1e-6, rtol=1e-4)


def test_a_point_is_evaluated_by_few_fields(nphm: NPHM, heads: tuple[Tensor, Tensor]) -> None:
    points, z_id = heads
    anchors = nphm._anchors(nphm._global_codes(z_id))
    weights = nphm.weights(torch.cat([points, points * FLIP]), anchors)
    assert (weights > 0).sum() < 0.25 * weights.numel()
    far = nphm.weights(torch.cat([torch.full((3, 1, 3), 0.5), torch.full((3, 1, 3), 0.5) * FLIP]), anchors)
    assert far.sum() == far[:3, :, -1].sum() == 3  # nothing but the background, and of it the left half


def test_anchors_are_pairs_and_a_midline(nphm: NPHM) -> None:
    symmetric = torch.randn(2, nphm.latents.size) * torch.cat([nphm.mirror > 0, torch.ones(CONFIG.local_size)])
    anchors = nphm.anchors(symmetric)
    assert anchors.shape == (2, 2 * PAIRS + MIDLINE, 3) == (2, 39, 3)
    torch.testing.assert_close(anchors[:, -PAIRS:], anchors[:, :PAIRS] * FLIP)
    torch.testing.assert_close(anchors[:, PAIRS:-PAIRS, 0], torch.zeros(2, MIDLINE))


def test_the_field_is_continuous_across_the_midline(nphm: NPHM) -> None:
    y, z = torch.linspace(-0.1, 0.1, 41), 0.02
    line = torch.stack([torch.full_like(y, 1e-6), y, torch.full_like(y, z)], 1)[None]
    z_id = torch.randn(1, nphm.latents.size)
    torch.testing.assert_close(nphm(line, z_id), nphm(line * FLIP, z_id), atol=1e-5, rtol=1e-3)


def test_gradients_reach_the_latent_and_every_weight(nphm: NPHM, heads: tuple[Tensor, Tensor]) -> None:
    points, z_id = heads
    z_id = z_id.requires_grad_()
    nphm(points, z_id).square().sum().backward()
    assert (z_id.grad != 0).all(0).all()
    trained = [parameter for parameter in nphm.parameters() if parameter.requires_grad]
    assert len(trained) == 1 + FIELDS * (2 * CONFIG.depth + 4)
    assert all(torch.isfinite(p.grad).all() and (p.grad != 0).any() for p in trained)


def test_a_local_code_moves_its_own_region_alone(nphm: NPHM, heads: tuple[Tensor, Tensor]) -> None:
    points, z_id = heads
    changed = z_id.clone()
    changed[:, 132 : 132 + CONFIG.free] += 1
    moved = (nphm(points, z_id) != nphm(points, changed)).any(-1)
    near = (points - nphm.anchors(z_id)[:, :1]).norm(dim=-1) < nphm.radii[0]
    assert near.any() and torch.equal(moved, near)


def test_the_gradient_of_the_latent_is_right(nphm: NPHM, heads: tuple[Tensor, Tensor]) -> None:
    points, z_id = heads
    z_id.requires_grad_()
    nphm(points, z_id).square().sum().backward()
    direction, step = torch.nn.functional.normalize(z_id.grad, dim=1), 1e-2
    with torch.no_grad():
        ahead, behind = (nphm(points, z_id + sign * step * direction).square().sum() for sign in (1, -1))
    torch.testing.assert_close((z_id.grad * direction).sum(), (ahead - behind) / (2 * step), rtol=0.01, atol=0.0)


def test_a_code_of_another_size_is_refused(nphm: NPHM) -> None:
    with pytest.raises(InputError, match="132 values where this model takes"):
        nphm(torch.zeros(1, 5, 3), torch.zeros(1, 132))
