"""The ensemble of local fields: its symmetry, its fast path against all fields everywhere, what gradients reach."""

import pytest
import torch
from torch import Tensor

from likeness.core.implicit.ensemble import FIELDS, MIDLINE, PAIRS, SIDE_ANCHORS, EnsembleConfig, LocalEnsemble
from likeness.core.implicit.npm import REACH

CONFIG = EnsembleConfig(octaves=2, width=8, depth=2, code=6, free=3)
CODE = 12
FLIP = torch.tensor([-1.0, 1.0, 1.0])
Heads = tuple[Tensor, Tensor, Tensor]


@pytest.fixture(params=[4, 1], ids=["warp", "distance"])
def ensemble(request: pytest.FixtureRequest) -> LocalEnsemble:
    """Random weights, with anchors spread over a head's size and a third of the code antisymmetric."""
    torch.manual_seed(3)
    model = LocalEnsemble(CONFIG, CODE, request.param)
    mirror = torch.where(torch.arange(CODE) % 3 == 0, -1.0, 1.0)
    mean = 0.12 * (torch.rand(SIDE_ANCHORS, 3) - torch.tensor([0.0, 0.5, 0.5]))
    basis = 0.003 * torch.randn(SIDE_ANCHORS, 3, CODE)
    mean[PAIRS:, 0] = 0
    for axis in range(3):  # on the midline x is antisymmetric, y and z are symmetric
        basis[PAIRS:, axis] *= mirror < 0 if axis == 0 else mirror > 0
    model.place(mean, basis, torch.linspace(0.06, 0.09, SIDE_ANCHORS), mirror)
    for field in model.fields:
        for parameter in field.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture
def heads() -> Heads:
    """Points `[3, 400, 3]` in and around three random heads, their codes and their local codes."""
    torch.manual_seed(4)
    return 0.3 * (torch.rand(3, 400, 3) - 0.5), torch.randn(3, CODE), torch.randn(3, CONFIG.local_size)


def mirrored(values: Tensor) -> Tensor:
    """Outputs of the mirrored head at the mirrored points: x of a warp changes its sign, a distance does not."""
    return values * torch.tensor([-1.0, 1.0, 1.0, 1.0]) if values.shape[-1] == 4 else values


def test_a_mirrored_code_is_the_mirrored_head(ensemble: LocalEnsemble, heads: Heads) -> None:
    points, code, local = heads
    expected = mirrored(ensemble(points, code, local))
    other_side = local.unflatten(1, (2, -1)).flip(1).flatten(1)
    found = ensemble(points * FLIP, code * ensemble.mirror, other_side)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-4)
    assert not torch.allclose(ensemble(points * FLIP, code, local), expected, atol=1e-3)


def test_evaluating_few_fields_equals_evaluating_all(ensemble: LocalEnsemble, heads: Heads) -> None:
    points, code, local = heads
    expected = torch.zeros(*points.shape[:2], ensemble.outputs)
    total = torch.zeros(points.shape[:2])
    both = ensemble.weights(torch.cat([points, points * FLIP]), ensemble._anchors(ensemble._both_sides(code)))
    for side, flip in enumerate((torch.ones(3), FLIP)):
        known = code * (ensemble.mirror if side else 1)
        anchors = ensemble.predictor(known).unflatten(1, (-1, 3))
        own = local.unflatten(1, (2, FIELDS, -1))[:, side]
        for index, field in enumerate(ensemble.fields):
            centre = anchors[:, None, index] if index < SIDE_ANCHORS else torch.zeros(3, 1, 3)
            shift = ensemble.predictor.bias.view(-1, 3)[index] - centre if index < SIDE_ANCHORS else centre
            moved = torch.nn.functional.pad(own[:, index], (0, CONFIG.code - CONFIG.free))
            features = ensemble.features((points * flip - centre) / ensemble.radii[index])
            output = REACH * field(features, known @ ensemble.maps[index] + moved)
            if ensemble.outputs == 4:
                output[..., :3] = (output[..., :3] + shift) * flip
            weight = both.chunk(2)[side][..., index]
            expected, total = expected + weight[..., None] * output, total + weight
    torch.testing.assert_close(total, torch.ones_like(total))
    torch.testing.assert_close(ensemble(points, code, local), expected, atol=1e-6, rtol=1e-4)


def test_a_point_is_evaluated_by_few_fields(ensemble: LocalEnsemble, heads: Heads) -> None:
    points, code, _ = heads
    anchors = ensemble._anchors(ensemble._both_sides(code))
    weights = ensemble.weights(torch.cat([points, points * FLIP]), anchors)
    assert (weights > 0).sum() < 0.25 * weights.numel()
    far = ensemble.weights(torch.cat([torch.full((3, 1, 3), 0.5), torch.full((3, 1, 3), 0.5) * FLIP]), anchors)
    assert far.sum() == far[:3, :, -1].sum() == 3  # nothing but the background, and of it the left half


def test_anchors_are_pairs_and_a_midline(ensemble: LocalEnsemble) -> None:
    anchors = ensemble.anchors(torch.randn(2, CODE) * (ensemble.mirror > 0))
    assert anchors.shape == (2, 2 * PAIRS + MIDLINE, 3) == (2, 39, 3)
    torch.testing.assert_close(anchors[:, -PAIRS:], anchors[:, :PAIRS] * FLIP)
    torch.testing.assert_close(anchors[:, PAIRS:-PAIRS, 0], torch.zeros(2, MIDLINE))


def test_the_field_is_continuous_across_the_midline(ensemble: LocalEnsemble) -> None:
    y = torch.linspace(-0.1, 0.1, 41)
    line = torch.stack([torch.full_like(y, 1e-6), y, torch.full_like(y, 0.02)], 1)[None]
    code = torch.randn(1, CODE)
    torch.testing.assert_close(ensemble(line, code), ensemble(line * FLIP, code), atol=1e-5, rtol=1e-3)


def test_gradients_reach_the_codes_and_every_weight(ensemble: LocalEnsemble, heads: Heads) -> None:
    points, code, local = heads
    code.requires_grad_()
    local.requires_grad_()
    ensemble(points, code, local).square().sum().backward()
    assert (code.grad != 0).all(0).all() and (local.grad != 0).all(0).all()
    trained = [parameter for parameter in ensemble.parameters() if parameter.requires_grad]
    assert len(trained) == 1 + FIELDS * (2 * CONFIG.depth + 4)
    assert all(torch.isfinite(p.grad).all() and (p.grad != 0).any() for p in trained)


def test_a_local_code_moves_its_own_region_alone(ensemble: LocalEnsemble, heads: Heads) -> None:
    points, code, local = heads
    changed = local.clone()
    changed[:, : CONFIG.free] += 1
    moved = (ensemble(points, code, local) != ensemble(points, code, changed)).any(-1)
    near = (points - ensemble.anchors(code)[:, :1]).norm(dim=-1) < ensemble.radii[0]
    assert near.any() and torch.equal(moved, near)


def test_local_codes_at_rest_are_none(ensemble: LocalEnsemble, heads: Heads) -> None:
    points, code, local = heads
    torch.testing.assert_close(ensemble(points, code), ensemble(points, code, torch.zeros_like(local)))


def test_the_gradient_of_the_code_is_right(ensemble: LocalEnsemble, heads: Heads) -> None:
    points, code, local = heads
    code.requires_grad_()
    ensemble(points, code, local).square().sum().backward()
    direction, step = torch.nn.functional.normalize(code.grad, dim=1), 1e-2
    with torch.no_grad():
        ahead, behind = (ensemble(points, code + sign * step * direction, local).square().sum() for sign in (1, -1))
    torch.testing.assert_close((code.grad * direction).sum(), (ahead - behind) / (2 * step), rtol=0.01, atol=0.0)
