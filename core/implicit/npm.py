"""NPM's fields: global MLPs (Palafox et al., "NPMs: Neural Parametric Models", ICCV 2021)."""

from dataclasses import dataclass

from torch import Tensor, nn

from .latents import HAIR, IDENTITY
from .mlp import FourierFeatures, ModulatedMLP

REACH = 0.03
"""Metres that an output 1 of a field's network stands for."""
_PERIOD = 0.6


@dataclass(frozen=True)
class NPMConfig:
    """Sizes of one global MLP."""

    octaves: int = 4
    width: int = 256
    depth: int = 6


class NPM(nn.Module):
    """The backbone: Delta and delta from Fourier features of the point, modulated by identity."""

    def __init__(self, config: NPMConfig) -> None:
        super().__init__()
        self.features = FourierFeatures(config.octaves, _PERIOD)
        self.network = ModulatedMLP(self.features.size, IDENTITY, config.width, config.depth, 4)

    def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
        """points `[B, N, 3]`, z_id `[B, D]` to `[B, N, 4]` metres."""
        return REACH * self.network(self.features(points), z_id[:, :IDENTITY])


class NPMHair(nn.Module):
    """The hair layer: the same over template points and the hair code."""

    def __init__(self, config: NPMConfig) -> None:
        super().__init__()
        self.features = FourierFeatures(config.octaves, _PERIOD)
        self.network = ModulatedMLP(self.features.size, HAIR, config.width, config.depth, 1)

    def forward(self, template_points: Tensor, z_hair: Tensor) -> Tensor:
        """template_points `[B, N, 3]`, z_hair `[B, 32]` to `[B, N]` metres."""
        return REACH * self.network(self.features(template_points), z_hair)[..., 0]
