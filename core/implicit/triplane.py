"""The tri-plane backbone: a generator of feature planes and a small decoder.

Chan et al., "Efficient Geometry-aware 3D Generative Adversarial Networks", CVPR 2022, hold a scene in three planes. The
generator here is linear: heads are near-linear in their code, and the decoder gives what is not. Two levels of planes:
one of the whole box, one of the face alone.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .mlp import ExactLinear, FourierFeatures

REACH = 0.03
"""Metres that a backbone's output 1 stands for."""
_PLANES = ((0, 1), (2, 1), (0, 2))
"""Axes of the planes: front, side, top."""
_RAMP = 0.015
"""Metres over which a level of planes ends."""


@dataclass(frozen=True)
class TriPlaneConfig:
    """Sizes of the planes and the decoder."""

    head_size: int = 40
    head_channels: int = 9
    face_size: int = 48
    face_channels: int = 8
    width: int = 96
    depth: int = 2
    octaves: int = 5


class PlaneLevel(nn.Module):
    """Three feature planes over one box, generated from the code."""

    bounds: Tensor

    def __init__(self, bounds: Tensor, size: int, channels: int, latent: int) -> None:
        super().__init__()
        self.size, self.channels = size, channels
        self.register_buffer("bounds", bounds)
        self.mean = nn.Parameter(0.1 * torch.randn(3 * channels, size, size))
        self.basis = nn.Parameter(0.02 * torch.randn(latent, 3 * channels, size, size))

    def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
        """`[B, N, 3]` to the features of the three planes one after the other, `[B, N, 3 C]`; 0 outside of the box."""
        planes = self.mean + torch.tensordot(z_id.to(self.basis), self.basis, 1)
        scaled = (points - self.bounds[0]) / (self.bounds[1] - self.bounds[0]) * 2 - 1
        sampled = [
            functional.grid_sample(plane, scaled[:, None, :, list(axes)], mode="bicubic", align_corners=True)[:, :, 0]
            for plane, axes in zip(planes.chunk(3, 1), _PLANES, strict=True)
        ]
        return torch.cat(sampled, 1).transpose(1, 2) * self._share(points)

    def _share(self, points: Tensor) -> Tensor:
        """1 within the box, falling to 0 over `_RAMP` metres at its faces: `[B, N, 1]`."""
        depth = torch.minimum(points - self.bounds[0], self.bounds[1] - points).amin(-1, keepdim=True)
        return functional.hardsigmoid(6 * (depth / _RAMP) - 3)


class TriPlane(nn.Module):
    """Delta and delta decoded from the planes' features and the point's Fourier features."""

    def __init__(self, config: TriPlaneConfig, latent: int, bounds: Tensor, face_bounds: Tensor) -> None:
        """`bounds`, `face_bounds` [2, 3] metres."""
        super().__init__()
        self.config = config
        self.head = PlaneLevel(bounds, config.head_size, config.head_channels, latent)
        self.face = PlaneLevel(face_bounds, config.face_size, config.face_channels, latent)
        self.features = FourierFeatures(config.octaves, period=0.6)
        sizes = [3 * (config.head_channels + config.face_channels) + self.features.size]
        layers: list[nn.Module] = []
        for inputs in [*sizes, *[config.width] * (config.depth - 1)]:
            layers += [nn.Linear(inputs, config.width), nn.SiLU()]
        self.decoder = nn.Sequential(*layers)
        self.last = ExactLinear(config.width, 4)

    def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
        """points `[B, N, 3]`, z_id `[B, D]` to `[B, N, 4]` metres."""
        planes = torch.cat([self.head(points, z_id), self.face(points, z_id), self.features(points)], -1)
        return REACH * self.last(self.decoder(planes))
