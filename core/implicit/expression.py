"""Forward deformation by expression: a field of blendshapes over the template.

NPHM conditions its deformation on a narrow function of the identity, so that expression cannot store shape; so does
this. Its output is linear in z_ex, as I M Avatar's E(x) is, so that the field's shape keys are exact.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .latents import IDENTITY
from .mlp import CodeLinear, FourierFeatures, ModulatedMLP

KEYS = 52
_REACH = 0.02
"""Metres that the network's output 1 stands for."""


@dataclass(frozen=True)
class ExpressionConfig:
    """Sizes of the expression field."""

    octaves: int = 7
    width: int = 256
    depth: int = 4
    bottleneck: int = 32
    """What the deformation may know of the identity (NPHM: 32)."""


class ExpressionField(nn.Module):
    """D(y, z_id) `[52, 3]`: where each ARKit shape at weight 1 takes the template point y."""

    rest: Tensor

    def __init__(self, config: ExpressionConfig, rest: Tensor) -> None:
        """`rest` [52] is the z_ex of neutral minus that of the canonical pose."""
        super().__init__()
        self.config = config
        self.features = FourierFeatures(config.octaves, period=0.5)
        self.bottleneck = CodeLinear(IDENTITY, config.bottleneck)
        self.network = ModulatedMLP(self.features.size, config.bottleneck, config.width, config.depth, KEYS * 3)
        self.register_buffer("rest", rest)

    def basis(self, template_points: Tensor, z_id: Tensor) -> Tensor:
        """`[B, N, 3]`, `[B, D]` to the displacement of each shape, `[B, N, 52, 3]` metres."""
        code = torch.tanh(self.bottleneck(z_id[:, :IDENTITY]))
        return _REACH * self.network(self.features(template_points), code).unflatten(-1, (KEYS, 3))

    def forward(self, template_points: Tensor, z_ex: Tensor, z_id: Tensor) -> Tensor:
        """Displacement from the canonical pose to the expression z_ex `[B, 52]`: `[B, N, 3]` metres."""
        return torch.einsum("bnkc,bk->bnc", self.basis(template_points, z_id), z_ex + self.rest)
