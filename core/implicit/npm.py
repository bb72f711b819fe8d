"""NPM's backbone: one global MLP (Palafox et al., "Neural Parametric Models", ICCV 2021)."""

from dataclasses import dataclass

from torch import Tensor, nn

from .mlp import FourierFeatures, ModulatedMLP

REACH = 0.03
"""Metres that a backbone's output 1 stands for."""


@dataclass(frozen=True)
class NPMConfig:
    """Sizes of the global MLP."""

    octaves: int = 4
    width: int = 256
    depth: int = 6


class NPM(nn.Module):
    """Delta and delta from Fourier features of the point, modulated by z_id."""

    def __init__(self, config: NPMConfig, latent: int) -> None:
        super().__init__()
        self.config = config
        self.features = FourierFeatures(config.octaves, period=0.6)
        self.network = ModulatedMLP(self.features.size, latent, config.width, config.depth, 4)

    def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
        """points `[B, N, 3]`, z_id `[B, D]` to `[B, N, 4]` metres."""
        return REACH * self.network(self.features(points), z_id)
