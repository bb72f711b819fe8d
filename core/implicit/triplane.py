"""The tri-plane fields: generators of feature planes and small decoders.

Chan et al., "Efficient Geometry-aware 3D Generative Adversarial Networks", CVPR 2022, hold a scene in three planes. The
generators here are linear: heads are near-linear in their code, and the decoder gives what is not. The skin has two
levels of planes, one of the whole box and one of the face alone; the hair has one.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from .latents import HAIR, IDENTITY
from .mlp import ExactLinear, FourierFeatures
from .npm import REACH

_PLANES = ((0, 1), (2, 1), (0, 2))
"""Axes of the planes: front, side, top."""
_RAMP = 0.015
"""Metres over which a level of planes ends."""


@dataclass(frozen=True)
class TriPlaneConfig:
    """Sizes of the planes and the decoders."""

    head_size: int = 40
    head_channels: int = 9
    face_size: int = 48
    face_channels: int = 8
    width: int = 96
    depth: int = 2
    hair_size: int = 32
    hair_channels: int = 14
    hair_width: int = 192
    hair_depth: int = 3
    octaves: int = 5


class PlaneLevel(nn.Module):
    """Three feature planes over one box, generated from the code."""

    bounds: Tensor

    def __init__(self, bounds: Tensor, size: int, channels: int, latent: int) -> None:
        super().__init__()
        self.size, self.channels = size, channels
        self.register_buffer("bounds", bounds, persistent=False)
        self.mean = nn.Parameter(0.1 * torch.randn(3 * channels, size, size))
        self.basis = nn.Parameter(0.02 * torch.randn(latent, 3 * channels, size, size))

    def forward(self, points: Tensor, code: Tensor) -> Tensor:
        """`[B, N, 3]` to the features of the three planes one after the other, `[B, N, 3 C]`; 0 outside of the box."""
        planes = self.planes(code)
        scaled = (points - self.bounds[0]) / (self.bounds[1] - self.bounds[0]) * 2 - 1
        sampled = [
            functional.grid_sample(plane, scaled[:, None, :, list(axes)], mode="bicubic", align_corners=True)[:, :, 0]
            for plane, axes in zip(planes.chunk(3, 1), _PLANES, strict=True)
        ]
        return torch.cat(sampled, 1).transpose(1, 2) * self._share(points)

    def planes(self, code: Tensor) -> Tensor:
        """`[B, K]` to `[B, 3 C, S, S]`."""
        return self.mean + torch.tensordot(code.to(self.basis), self.basis, 1)

    def roughness(self, code: Tensor) -> Tensor:
        """Mean squared difference of the planes' neighbouring cells, for `[B, K]`: a number."""
        planes = self.planes(code)
        return planes.diff(dim=-1).square().mean() + planes.diff(dim=-2).square().mean()

    def _share(self, points: Tensor) -> Tensor:
        """1 within the box, falling to 0 over `_RAMP` metres at its faces: `[B, N, 1]`."""
        depth = torch.minimum(points - self.bounds[0], self.bounds[1] - points).amin(-1, keepdim=True)
        return functional.hardsigmoid(6 * (depth / _RAMP) - 3)


class TriPlane(nn.Module):
    """The backbone: Delta and delta decoded from two levels of planes and the point's Fourier features."""

    def __init__(self, config: TriPlaneConfig, bounds: Tensor, face_bounds: Tensor) -> None:
        """`bounds`, `face_bounds` [2, 3] metres."""
        super().__init__()
        self.head = PlaneLevel(bounds, config.head_size, config.head_channels, IDENTITY)
        self.face = PlaneLevel(face_bounds, config.face_size, config.face_channels, IDENTITY)
        self.decoder = PlaneDecoder(
            3 * (config.head_channels + config.face_channels), config.width, config.depth, config.octaves, 4
        )

    def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
        """points `[B, N, 3]`, z_id `[B, D]` to `[B, N, 4]` metres."""
        identity = z_id[:, :IDENTITY]
        return self.decoder(torch.cat([self.head(points, identity), self.face(points, identity)], -1), points)


class TriPlaneHair(nn.Module):
    """The hair layer, decoded from one level of planes over the template."""

    def __init__(self, config: TriPlaneConfig, bounds: Tensor) -> None:
        """`bounds` [2, 3] metres."""
        super().__init__()
        self.planes = PlaneLevel(bounds, config.hair_size, config.hair_channels, HAIR)
        self.decoder = PlaneDecoder(3 * config.hair_channels, config.hair_width, config.hair_depth, config.octaves, 1)

    def forward(self, template_points: Tensor, z_hair: Tensor) -> Tensor:
        """template_points `[B, N, 3]`, z_hair `[B, 32]` to `[B, N]` metres."""
        return self.decoder(self.planes(template_points, z_hair), template_points)[..., 0]

    def roughness(self, z_hair: Tensor) -> Tensor:
        """That of the planes for `[B, 32]`."""
        return self.planes.roughness(z_hair)


class PlaneDecoder(nn.Module):
    """A small MLP on the planes' features and Fourier features of the point; it starts at 0."""

    def __init__(self, features: int, width: int, depth: int, octaves: int, outputs: int) -> None:
        super().__init__()
        self.features = FourierFeatures(octaves, period=0.6)
        sizes = [features + self.features.size, *[width] * depth]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.last = ExactLinear(width, outputs)

    def forward(self, planes: Tensor, points: Tensor) -> Tensor:
        """`[B, N, features]`, `[B, N, 3]` to `[B, N, outputs]` metres."""
        return self.value(self.hidden(planes, points))

    def hidden(self, planes: Tensor, points: Tensor) -> Tensor:
        """The last hidden layer, `[B, N, width]`: what the field knows of the point."""
        hidden = torch.cat([planes, self.features(points)], -1)
        for layer in self.layers:
            hidden = functional.silu(layer(hidden))
        return hidden

    def value(self, hidden: Tensor) -> Tensor:
        """`[B, N, width]` to `[B, N, outputs]` metres."""
        return REACH * self.last(hidden)
