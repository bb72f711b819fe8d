"""Differentiable volume rendering of a signed-distance field's normals, along parallel rays.

Density as in the tri-plane slides (and VolSDF, Yariv et al., NeurIPS 2021): Laplace's distribution function of the
distance, sigma(s) = Psi_b(-s) / b, so that the surface becomes a fog of thickness b. N(r) = sum_i T_i alpha_i n_i.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

SECANT_STEPS = 4


@dataclass(frozen=True)
class RaySampling:
    """Where a ray is looked at."""

    coarse: int = 24
    """Samples over the whole ray, in search of the surface."""
    fine: int = 4
    """Samples around the surface: those that are rendered."""
    reach: float = 0.004
    """Metres before and behind the surface that the fine samples cover."""
    thickness: float = 0.001
    """Metres: b, the fog's."""


def laplace_density(distance: Tensor, thickness: float) -> Tensor:
    """sigma_b(s), per metre: 1/b inside, falling to 0 outside; s negative inside."""
    tail = 0.5 * torch.exp(-distance.abs() / thickness)
    return torch.where(distance < 0, 1 - tail, tail) / thickness


def render_normals(
    sdf: Callable[[Tensor], Tensor],
    gradient: Callable[[Tensor], Tensor],
    origins: Tensor,
    directions: Tensor,
    length: float,
    sampling: RaySampling = RaySampling(),
) -> tuple[Tensor, Tensor]:
    """The normals that B times R rays see, `[B, R, 3]`, and the opacity along them, `[B, R]`.

    `sdf` and `gradient` take `[B, N, 3]`; `origins`, `directions` `[B, R, 3]`, unit vectors; a ray is `length` m long.
    Where a ray misses, the samples lie where it comes nearest, so that the silhouette has a gradient too.
    """
    surface = nearest_surface(sdf, origins, directions, length, sampling)
    offsets = torch.linspace(-1, 1, sampling.fine, device=origins.device) * sampling.reach
    depth = surface[..., None] + offsets
    points = origins[:, :, None] + depth[..., None] * directions[:, :, None]
    flat = points.flatten(1, 2)
    density = laplace_density(sdf(flat), sampling.thickness).unflatten(1, depth.shape[1:])
    alpha = 1 - torch.exp(-density * (offsets[1] - offsets[0]))
    passed = torch.cumprod(torch.cat([torch.ones_like(alpha[..., :1]), 1 - alpha[..., :-1]], -1), -1)
    weights = passed * alpha
    normals = torch.nn.functional.normalize(gradient(flat), dim=-1).unflatten(1, depth.shape[1:])
    return (weights[..., None] * normals).sum(-2), weights.sum(-1)


@torch.no_grad()
def nearest_surface(
    sdf: Callable[[Tensor], Tensor], origins: Tensor, directions: Tensor, length: float, sampling: RaySampling
) -> Tensor:
    """Depth `[B, R]` at which each ray first enters the surface, or else comes nearest to it."""
    steps = torch.linspace(0, length, sampling.coarse, device=origins.device)
    points = origins[:, :, None] + steps[:, None] * directions[:, :, None]
    values = sdf(points.flatten(1, 2)).unflatten(1, points.shape[1:3])
    enters = (values[..., :-1] > 0) & (values[..., 1:] <= 0)
    hit = enters.any(-1)
    first = torch.where(hit, enters.int().argmax(-1), values.abs().argmin(-1).clamp(max=sampling.coarse - 2))
    near, far = steps[first], steps[first + 1]
    inside = values.gather(-1, first[..., None] + 1)[..., 0]
    outside = values.gather(-1, first[..., None])[..., 0]
    for _ in range(SECANT_STEPS):
        share = (outside / (outside - inside).clamp(min=1e-6)).clamp(0.05, 0.95)
        middle = torch.lerp(near, far, share)
        value = sdf(origins + middle[..., None] * directions)
        near, outside = torch.where(value > 0, middle, near), torch.where(value > 0, value, outside)
        far, inside = torch.where(value > 0, far, middle), torch.where(value > 0, inside, value)
    return torch.where(hit, torch.lerp(near, far, 0.5), steps[values.abs().argmin(-1)])
