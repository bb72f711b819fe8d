"""Skinning weights as a field of the canonical space (SNARF's and gDNA's W)."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..parametric.smpl_joints import JOINTS
from .mlp import ExactLinear, FourierFeatures

SHARPNESS = 20.0
"""Factor of the logits (SNARF)."""
PERIOD = 2.4
"""Metres of the longest wave of its features: a person."""


class SkinningField(nn.Module):
    """Weights of SMPL's joints: an MLP, beyond `bounds` that of the box's face."""

    bounds: Tensor

    def __init__(self, bounds: Tensor, octaves: int, width: int, depth: int, inputs: int = 0) -> None:
        """`bounds` [2, 3] metres; `inputs` of what else the weights depend on."""
        super().__init__()
        self.features = FourierFeatures(octaves, PERIOD)
        sizes = [self.features.size + inputs, *[width] * depth]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last = ExactLinear(width, len(JOINTS))
        self.register_buffer("bounds", bounds, persistent=False)

    def forward(self, points: Tensor, *more: Tensor) -> Tensor:
        """Points [M, 3], and other inputs [M, inputs]: weights `[M, 24]`, sum 1.

        Never rounded to bfloat16: a weight that is off by 1 % moves a point by millimetres.
        """
        with torch.autocast(points.device.type, enabled=False):
            inside = torch.minimum(torch.maximum(points, self.bounds[0]), self.bounds[1])
            hidden = torch.cat([self.features(inside), *more], 1)
            for layer in self.layers:
                hidden = functional.silu(layer(hidden))
            return torch.softmax(SHARPNESS * self.last(hidden), 1)
