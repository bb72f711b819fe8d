"""Volume rendering of normals against a ball, whose normals are known."""

import math

import pytest
import torch

from likeness.core.rendering.volume import RaySampling, laplace_density, render_normals

RADIUS = 0.1


def ball(points: torch.Tensor) -> torch.Tensor:
    return points.norm(dim=-1) - RADIUS


def outward(points: torch.Tensor) -> torch.Tensor:
    return points / points.norm(dim=-1, keepdim=True)


def parallel_rays(offsets: list[tuple[float, float]]) -> tuple[torch.Tensor, torch.Tensor]:
    origins = torch.tensor([[[x, y, 0.3] for x, y in offsets]])
    return origins, torch.tensor([0.0, 0.0, -1.0]).expand_as(origins)


def test_density_is_the_laplace_distribution() -> None:
    distance = torch.tensor([-0.002, 0.0, 0.001])
    expected = [1 - 0.5 * math.exp(-2), 0.5, 0.5 * math.exp(-1)]
    assert (laplace_density(distance, 0.001) * 0.001).tolist() == pytest.approx(expected)


def test_rays_see_the_balls_normals() -> None:
    offsets = [(0.0, 0.0), (0.03, 0.02), (-0.05, 0.04)]
    origins, directions = parallel_rays(offsets)
    normals, opacity = render_normals(ball, outward, origins, directions, 0.6, RaySampling(coarse=48, fine=16))
    expected = torch.tensor([[x, y, math.sqrt(RADIUS**2 - x**2 - y**2)] for x, y in offsets]) / RADIUS
    assert opacity.min() > 0.95
    assert torch.cosine_similarity(normals[0], expected, dim=-1).min() > 0.999


def test_rays_that_miss_see_nothing() -> None:
    origins, directions = parallel_rays([(0.15, 0.0), (0.0, -0.13)])
    normals, opacity = render_normals(ball, outward, origins, directions, 0.6)
    assert opacity.max() < 1e-3
    assert normals.abs().max() < 1e-3


def test_silhouette_has_a_gradient_to_the_shape() -> None:
    origins, directions = parallel_rays([(0.1005, 0.0)])
    radius = torch.tensor(RADIUS, requires_grad=True)
    _, opacity = render_normals(lambda points: points.norm(dim=-1) - radius, outward, origins, directions, 0.6)
    (gradient,) = torch.autograd.grad(opacity.sum(), radius)
    assert gradient > 1
