"""The 3D losses, at fields whose distances are known: balls of skin and of hair."""

import pytest
import torch
from torch import Tensor, nn

from likeness.core.implicit.field import HeadField
from likeness.core.implicit.latents import HAIR, IDENTITY, LatentSpace
from likeness.core.training.implicit.objective import (
    HairBatch,
    IdentityWeights,
    SkinBatch,
    hair_losses,
    identity_losses,
)

SKIN, CENTRE, BUN = 0.1, torch.tensor([0.0, 0.1, 0.0]), 0.05
HEADS = 2


class Ball(nn.Module):
    """Signed distance to a ball, after what `wrong` makes of it."""

    def __init__(self, centre: Tensor, radius: float, wrong=lambda distance: distance) -> None:
        super().__init__()
        self.centre, self.radius, self.wrong = centre, radius, wrong

    def forward(self, points: Tensor, code: Tensor | None = None) -> Tensor:
        return self.wrong((points - self.centre).norm(dim=-1) - self.radius)


class Still(nn.Module):
    """No warp."""

    def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
        return points.new_zeros(*points.shape[:2], 4)


class Never(nn.Module):
    def forward(self, template_points: Tensor, z_hair: Tensor) -> Tensor:
        raise AssertionError("The skin's losses asked for hair.")


def field_of(hair: nn.Module) -> HeadField:
    latents = LatentSpace(torch.cat([torch.zeros(1, HAIR), torch.ones(1, HAIR)]))
    return HeadField(None, Still(), hair, nn.Identity(), Ball(torch.zeros(3), SKIN), latents)


def codes() -> Tensor:
    return torch.randn(HEADS, IDENTITY + HAIR, generator=torch.Generator().manual_seed(0))


def on_ball(centre: Tensor, radius: float, seed: int) -> tuple[Tensor, Tensor]:
    """Points `[B, 60, 3]` and normals."""
    random = torch.randn(HEADS, 60, 3, generator=torch.Generator().manual_seed(seed))
    normals = nn.functional.normalize(random, dim=-1)
    return centre + radius * normals, normals


def skin_batch() -> SkinBatch:
    surface, normals = on_ball(torch.zeros(3), SKIN, 1)
    space = 0.3 * torch.rand(HEADS, 200, 3, generator=torch.Generator().manual_seed(2)) - 0.15
    return SkinBatch(codes(), surface, normals, surface, space, space.norm(dim=-1) - SKIN)


def hair_batch(distance: float | None = None) -> HairBatch:
    """Samples of the bun; where `distance` is given, all points around it are so far from it."""
    surface, normals = on_ball(CENTRE, BUN, 3)
    space = CENTRE + 0.2 * torch.rand(HEADS, 200, 3, generator=torch.Generator().manual_seed(4)) - 0.1
    if distance is not None:
        space = on_ball(CENTRE, BUN + distance, 5)[0]
    return HairBatch(codes(), surface, normals, surface, space, (space - CENTRE).norm(dim=-1) - BUN)


def sign_loss(wrong, distance: float | None = None) -> float:
    return float(hair_losses(field_of(Ball(CENTRE, BUN, wrong)), hair_batch(distance), 8)["sign"])


def test_losses_vanish_at_the_truth() -> None:
    hair = hair_losses(field_of(Ball(CENTRE, BUN)), hair_batch(), 8)
    skin = identity_losses(field_of(Never()), skin_batch(), hair_batch(), IdentityWeights(), 8)
    assert (len(hair), len(skin)) == (4, 7)
    assert all(value < 1e-3 for value in (*hair.values(), *skin.values())), (hair, skin)


def test_the_true_distance_costs_no_hinge_and_the_wrong_sign_does() -> None:
    assert sign_loss(lambda d: d) < 1e-3
    assert sign_loss(lambda d: -d) > 0.5
    for truth in (-0.005, 0.005):
        assert sign_loss(lambda d: -d, truth) == pytest.approx(2 * (2 + 5), rel=1e-3)  # the margin, and as far beyond


def test_hair_that_touches_zero_without_crossing_it_costs_hinge() -> None:
    """All the other distances are as they should be from outside."""
    assert sign_loss(lambda d: d.abs(), 0.005) < 1e-3
    assert sign_loss(lambda d: d.abs(), -0.005) == pytest.approx(2 * (2 + 5), rel=1e-3)


@pytest.mark.parametrize(("truth", "found", "expected"), [
    (0.005, 0.0015, 2 * 0.5), (-0.005, -0.0015, 2 * 0.5), (0.005, 0.003, 0), (0.001, 0.0005, 2 * 0.5), (0.02, -0.02, 0),
])  # fmt: skip
def test_the_hinge_wants_two_millimetres_or_the_truth_near_the_hair(
    truth: float, found: float, expected: float
) -> None:
    loss = sign_loss(lambda d: torch.full_like(d, found), truth)
    assert loss == pytest.approx(expected, abs=1e-2)


def test_the_hinge_pulls_towards_the_right_sign() -> None:
    shift = torch.zeros((), requires_grad=True)
    losses = hair_losses(field_of(Ball(CENTRE, BUN, lambda d: d.abs() + shift)), hair_batch(-0.004), 8)
    losses["sign"].backward()
    assert shift.grad > 0  # a step down the gradient makes the inside negative


def test_skin_is_measured_in_millimetres() -> None:
    class Pushed(Still):
        def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
            return super().forward(points, z_id) + torch.tensor([0.0, 0.0, 0.003, 0.0])

    field = field_of(Never())
    field.backbone = Pushed()
    weights = IdentityWeights()
    losses = identity_losses(field, skin_batch(), hair_batch(), weights, 8)
    assert losses["correspondence"] == pytest.approx(3 * weights.correspondence, rel=1e-3)
    assert losses["carried"] == pytest.approx(3 * weights.carried, rel=1e-3)
    assert losses["correction"] == 0
    assert 1 < losses["surface"] < 3


def test_without_their_weights_normals_are_not_asked_for() -> None:
    losses = identity_losses(field_of(Never()), skin_batch(), hair_batch(), IdentityWeights(normal=0, eikonal=0), 8)
    assert losses.keys() == {"surface", "distance", "correspondence", "carried", "correction"}


def test_hair_losses_do_not_train_the_skin() -> None:
    class Learning(Still):
        def __init__(self) -> None:
            super().__init__()
            self.shift = nn.Parameter(torch.zeros(4))

        def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
            return super().forward(points, z_id) + self.shift

    bun = Ball(nn.Parameter(CENTRE + 0.01), BUN)
    field = field_of(bun)
    field.backbone = Learning()
    sum(hair_losses(field, hair_batch(), 8).values()).backward()
    assert field.backbone.shift.grad is None
    assert bun.centre.grad.any()
