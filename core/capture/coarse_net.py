"""CoarseNet: from a face's pixels to dense points of our own topology, with their uncertainty and visibility.

After Wood et al., "3D Face Reconstruction with Dense Landmarks", ECCV 2022: each point is a circular Gaussian. These
are regressed at once, then twice again, by one regressor on features that move with the shape: what lies about each
point in the picture. After Xiong and De la Torre, "Supervised Descent Method", CVPR 2013.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import EngineError
from ..implicit.mlp import ExactLinear
from ..parametric.head import SHAPES, HeadModel
from ..tensors import load_tensors
from ..weights import weights_path
from .embedding import fingerprint
from .face_trunk import WIDTHS, FaceTrunk

SIDE = 192
"""Pixels across what the network sees."""
FRAME = 1.5
"""Side of that square, over the box round the face's points."""
_REACH = 1.25
"""Cells of a map from a point to the places round it that are looked at."""


@dataclass(frozen=True)
class CoarseNetConfig:
    """Size of a CoarseNet."""

    points: int
    widths: Sequence[int] = WIDTHS
    """Channels by stage of the trunk."""
    reduced: int = 64
    """Channels of the last map as it is flattened: where a point lies is told by where it lies in the map."""
    hidden: int = 512
    """Features of the first look."""
    near: Sequence[int] = (8, 16, 16)
    """Channels of the finest maps as later looks see them."""
    local: int = 16
    """Features of what lies about a point."""
    joint: int = 384
    """Features of a later look at all points."""
    looks: int = 2
    """After the first."""


class DensePrediction(NamedTuple):
    """What the network says of B faces."""

    points: Tensor
    """[B, P, 2] pixels of its view."""
    log_spread: Tensor
    """[B, P] logarithm of a point's standard deviation along either axis, in those pixels."""
    visible: Tensor
    """[B, P] logit of the point being seen."""


class CoarseNet(nn.Module):
    """The network."""

    mean: Tensor

    def __init__(self, config: CoarseNetConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = FaceTrunk(config.widths)
        self.near = nn.ModuleList(nn.Conv2d(*sizes, 1) for sizes in zip(config.widths, config.near, strict=False))
        cells = (SIDE // 2 ** len(config.widths)) ** 2
        self.reduce = nn.Conv2d(config.widths[-1], config.reduced, 1)
        self.hidden = nn.Linear(config.reduced * cells, config.hidden)
        self.out = ExactLinear(config.hidden, 4 * config.points)
        self.closer = _Look(config)
        self.shape = ExactLinear(config.joint, SHAPES)
        self.register_buffer("mean", torch.zeros(config.points, 2))

    def look(self, pixels: Tensor) -> tuple[list[DensePrediction], Tensor]:
        """What it says after each look at pixels `[B, 3, SIDE, SIDE]` sRGB 0..1, and the last one's features
        `[B, joint]`, of which `shape` makes the head's beta."""
        maps = self.trunk(pixels)
        first = torch.relu(self.hidden(self.reduce(maps[-1]).flatten(1)))
        blank = torch.zeros_like(self.mean[:, 0])
        said = [_corrected(DensePrediction(self.mean, blank + math.log(SIDE / 24), blank), self.out(first), SIDE / 4)]
        features, maps = first, [near(each).float() for near, each in zip(self.near, maps, strict=False)]
        for _ in range(self.config.looks):
            features = self.closer(maps, said[-1].points.detach(), first)
            said.append(_corrected(said[-1], self.closer.out(features), SIDE / 16))
        return said, features

    def forward(self, pixels: Tensor) -> DensePrediction:
        """`[B, 3, SIDE, SIDE]` sRGB 0..1."""
        return self.look(pixels)[0][-1]


class _Look(nn.Module):
    """A look at where the points are: a small regressor for each, and one for all."""

    def __init__(self, config: CoarseNetConfig) -> None:
        super().__init__()
        steps = torch.tensor([-_REACH, 0.0, _REACH])
        self.register_buffer("grid", torch.cartesian_prod(steps, steps), persistent=False)
        seen = len(steps) ** 2 * sum(config.near)
        self.near = nn.Parameter(torch.randn(config.points, seen, config.local) / seen**0.5)
        self.bias = nn.Parameter(torch.zeros(config.points, config.local))
        self.first = nn.Linear(config.points * (config.local + 2) + config.hidden, config.joint)
        self.second = nn.Linear(config.joint, config.joint)
        self.out = ExactLinear(config.joint, 4 * config.points)

    def forward(self, maps: Sequence[Tensor], points: Tensor, features: Tensor) -> Tensor:
        """Features `[B, joint]` of what `maps` show round `points` `[B, P, 2]`, and of the first look's `features`."""
        grid = self.get_buffer("grid")
        seen = torch.cat([_around(each, points, grid) for each in maps], -1)
        near = torch.relu(torch.einsum("bps,psl->bpl", seen, self.near) + self.bias)
        shape = (points - points.mean(1, keepdim=True)) / (SIDE / 4)
        x = torch.relu(self.first(torch.cat([near.flatten(1), shape.flatten(1), features], 1)))
        return x + torch.relu(self.second(x))


def _around(values: Tensor, points: Tensor, grid: Tensor) -> Tensor:
    """`[B, P, K C]` of the map `values` `[B, C, H, W]` at `points` `[B, P, 2]` plus `grid` `[K, 2]` cells."""
    cell = 2 / values.shape[-1]
    places = (points * (2 / SIDE) - 1)[:, :, None] + cell * grid
    found = functional.grid_sample(values, places.to(values.dtype), padding_mode="border", align_corners=False)
    return found.permute(0, 2, 3, 1).flatten(2)


def _corrected(said: DensePrediction, change: Tensor, reach: float) -> DensePrediction:
    """With `change` `[B, 4 P]`, moves in units of `reach` pixels; gradients flow into the change alone."""
    move, spread, visible = change.unflatten(1, (-1, 4)).float().split([2, 1, 1], -1)
    return DensePrediction(
        said.points.detach() + reach * move,
        (said.log_spread.detach() + spread[..., 0]).clamp(-6, 6),
        said.visible.detach() + visible[..., 0],
    )


def coarse_net_tensors(net: CoarseNet) -> dict[str, np.ndarray]:
    """What `load_coarse_net` reads: half precision."""
    return {name: value.detach().cpu().half().numpy() for name, value in net.state_dict().items()}


def load_coarse_net(model: HeadModel, device: str = "cpu", path: Path | None = None) -> CoarseNet:
    """The trained network, by default the one in the weights folder, for the points of `model`.

    Raises EngineError when the weights are missing, damaged, or of another head model or version.
    """
    path = path or weights_path("coarse_net")
    tensors, metadata = load_tensors(path)
    if metadata.get("head") != fingerprint(model):
        raise EngineError(f"{path.name} belongs to another head model; reinstall Likeness.")
    try:
        config = CoarseNetConfig(**json.loads(metadata["config"]))
        net = CoarseNet(config)
        net.load_state_dict({name: torch.tensor(value).float() for name, value in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise EngineError(f"{path.name} is not of this version; reinstall Likeness.") from error
    return net.requires_grad_(False).eval().to(device)
