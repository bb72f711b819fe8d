"""CoarseNet: from a face's pixels to dense points of our own topology, with their uncertainty and visibility.

After Wood et al., "3D Face Reconstruction with Dense Landmarks", ECCV 2022: each point is a circular Gaussian,
regressed at once. A plain residual network (He et al., CVPR 2016) with group normalisation.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import EngineError
from ..parametric.head import HeadModel
from ..tensors import load_tensors
from ..weights import weights_path
from .embedding import fingerprint

SIDE = 160
"""Pixels across what the network sees."""
FRAME = 1.5
"""Side of that square, over the box round the face's points."""


@dataclass(frozen=True)
class CoarseNetConfig:
    """Size of a CoarseNet."""

    points: int
    widths: Sequence[int] = (24, 48, 96, 192, 320)
    """Channels by stage; each halves the resolution."""
    blocks: Sequence[int] = (0, 2, 2, 2, 1)
    """Residual blocks by stage."""
    groups: int = 8
    reduced: int = 48
    """Channels of the last map as it is flattened: where a point lies is told by where it lies in the map."""
    hidden: int = 512


class DensePrediction(NamedTuple):
    """What the network says of B faces."""

    points: Tensor
    """[B, P, 2] pixels of its view."""
    log_spread: Tensor
    """[B, P] logarithm of a point's standard deviation along either axis, in those pixels."""
    visible: Tensor
    """[B, P] logit of the point being seen."""


class _Block(nn.Module):
    def __init__(self, inner: int, outer: int, groups: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inner, outer, 3, stride, 1, bias=False)
        self.first_norm = nn.GroupNorm(groups, outer)
        self.second = nn.Conv2d(outer, outer, 3, 1, 1, bias=False)
        self.second_norm = nn.GroupNorm(groups, outer)
        self.skip = nn.Conv2d(inner, outer, 1, stride) if stride > 1 or inner != outer else nn.Identity()
        nn.init.zeros_(self.second_norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.skip(x) + self.second_norm(self.second(y)))


class CoarseNet(nn.Module):
    """The network."""

    mean: Tensor

    def __init__(self, config: CoarseNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 5, 2, 2)]
        inner = widths[0]
        for stage, (width, count) in enumerate(zip(widths, config.blocks, strict=True)):
            for block in range(count):
                layers.append(_Block(inner, width, config.groups, 2 if stage and not block else 1))
                inner = width
        self.trunk = nn.Sequential(*layers)
        cells = (SIDE // 2 ** len(widths)) ** 2
        self.reduce = nn.Conv2d(inner, config.reduced, 1)
        self.hidden = nn.Linear(config.reduced * cells, config.hidden)
        self.out = nn.Linear(config.hidden, 4 * config.points)
        self.register_buffer("mean", torch.zeros(config.points, 2))

    def features(self, pixels: Tensor) -> Tensor:
        """`[B, hidden]` of pixels `[B, 3, SIDE, SIDE]` sRGB 0..1."""
        maps = self.reduce(self.trunk((pixels - 0.5) * 4))
        return torch.relu(self.hidden(maps.flatten(1)))

    def forward(self, pixels: Tensor) -> DensePrediction:
        """`[B, 3, SIDE, SIDE]` sRGB 0..1."""
        out = self.out(self.features(pixels)).unflatten(1, (self.config.points, 4)).float()
        points = self.mean + out[..., :2] * (SIDE / 4)
        return DensePrediction(points, out[..., 2].clamp(-6, 6), out[..., 3])


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
