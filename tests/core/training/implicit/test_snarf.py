"""The recipe's losses: they are finite, they fall, and weights that stand still stand still."""

import pytest
import torch

from likeness.core.implicit.articulated import ArticulatedConfig
from likeness.core.implicit.persons import METHODS
from likeness.core.parametric.lbs import joint_transforms
from likeness.core.parametric.smpl_joints import PARENTS, adult_joints
from likeness.core.training.implicit.snarf import Fitting, Posed

CONFIG = ArticulatedConfig(skinning_width=32, skinning_depth=2, width=32, depth=2, octaves=2)


@pytest.fixture(scope="module")
def sticks() -> Posed:
    """A man of sticks, 5 cm thick, in four poses."""
    joints = torch.tensor(adult_joints())
    generator = torch.Generator().manual_seed(0)
    theta = 0.3 * torch.randn(4, 24, 3, generator=generator)
    inside, points = [], []
    for pose in theta:
        turn, move = joint_transforms(joints, PARENTS, pose)
        placed = (turn @ joints[..., None])[..., 0] + move
        ends = placed[list(PARENTS[1:])]
        share = torch.rand(600, 1, generator=generator)
        piece = torch.randint(23, (600,), generator=generator)
        at = torch.lerp(ends[piece], placed[1:][piece], share) + 0.06 * torch.randn(600, 3, generator=generator)
        along = placed[1:] - ends
        offset = at[:, None] - ends
        nearest = ((offset * along).sum(-1) / along.square().sum(-1)).clamp(0, 1)[..., None] * along
        points.append(at)
        inside.append((offset - nearest).norm(dim=-1).amin(1) < 0.05)
    points, inside = torch.stack(points), torch.stack(inside)
    kinds = {kind: slice(200 * k, 200 * (k + 1)) for k, kind in enumerate(("box", "near", "wide"))}
    return Posed(
        theta, {k: points[:, s] for k, s in kinds.items()}, {k: inside[:, s] for k, s in kinds.items()}, joints
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_few_steps_teach_each_method_something(sticks, method):
    torch.manual_seed(0)
    model = METHODS[method](CONFIG, sticks.joints).train()
    fitting = Fitting(model, sticks, 0, torch.device("cpu"))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    totals = []
    for step in range(8):
        optimizer.zero_grad()
        total = sum(fitting.posed(step).values())
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < totals[0] - 0.02


def test_weights_that_stand_still_have_no_term(sticks):
    torch.manual_seed(0)
    model = METHODS["SNARF"](CONFIG, sticks.joints).train()
    fitting = Fitting(model, sticks, 0, torch.device("cpu"))
    assert set(fitting.posed(0)) == {"occupancy", "bones", "weights"}
    model.skinning.requires_grad_(False)
    assert set(fitting.posed(0)) == {"occupancy", "bones"}


def test_steps_are_drawn_from_their_number_alone(sticks):
    torch.manual_seed(0)
    model = METHODS["piecewise rigid"](CONFIG, sticks.joints).train()
    fitting = Fitting(model, sticks, 0, torch.device("cpu"))
    first = fitting.posed(7)["bones"].item()
    fitting.posed(8)
    assert fitting.posed(7)["bones"].item() == first
