"""A template that is a ball and hair that is another on top of it, so that what fields do to them is known."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from likeness.core.implicit.expression import KEYS, ExpressionConfig, ExpressionField
from likeness.core.implicit.field import HeadField
from likeness.core.implicit.latents import LatentSpace
from likeness.core.implicit.npm import NPM, NPMConfig
from likeness.core.implicit.template import Template

RADIUS = 0.1
BUN_RADIUS = 0.05


class Bun(nn.Module):
    """A ball of hair, half in the head; the code's first component makes it larger or smaller."""

    def forward(self, template_points: Tensor, z_hair: Tensor) -> Tensor:
        centre = template_points.new_tensor([0, RADIUS, 0])
        return (template_points - centre).norm(dim=-1) - BUN_RADIUS - 0.01 * torch.tanh(z_hair[:, :1])


def ball_grid(half: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances to the ball at nodes, and their bounds."""
    axis = np.linspace(-half, half, nodes)
    points = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    distances = (np.linalg.norm(points, axis=-1) - RADIUS).astype(np.float32)
    return distances, np.array([[-half] * 3, [half] * 3], np.float32)


@pytest.fixture(scope="session")
def ball() -> Template:
    coarse, coarse_bounds = ball_grid(0.2, 81)
    fine, fine_bounds = ball_grid(0.06, 61)
    return Template(
        {
            "coarse": coarse,
            "coarse_bounds": coarse_bounds,
            "fine": fine,
            "fine_bounds": fine_bounds,
            "vertices": np.zeros((3, 3)),
            "triangles": np.zeros((1, 3)),
            "regions": np.zeros(3, np.uint8),
        }
    )


@pytest.fixture
def field(ball: Template) -> HeadField:
    """A small NPM with random weights, its warps of a few millimetres, and a bun."""
    torch.manual_seed(0)
    latents = LatentSpace(torch.zeros(1, 32))
    config = NPMConfig(octaves=1, width=16, depth=2)
    backbone = NPM(config)
    rest = torch.zeros(KEYS)
    rest[17] = -0.25
    expression = ExpressionField(ExpressionConfig(octaves=2, width=16, depth=2, bottleneck=4), rest)
    made = HeadField(config, backbone, Bun(), expression, ball, latents)
    for layer in (backbone.network.last, expression.network.last):
        torch.nn.init.normal_(layer.weight, std=0.003)
        torch.nn.init.normal_(layer.bias, std=0.02)
    return made
