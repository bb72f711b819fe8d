"""Roots are found from several starts, and their gradients are those of finite differences."""

import pytest
import torch

from likeness.core.implicit.root_search import correspondence, implicit_roots, ray_surface, search

torch.manual_seed(0)
IDENTITY = torch.eye(3, dtype=torch.float64)


def bend(points: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """A smooth deformation with parameters sigma [4]."""
    x, y, z = points.unbind(-1)
    moved = [
        x + sigma[0] * torch.sin(3 * y),
        y * (1 + 0.1 * sigma[1]) + 0.05 * sigma[2] * x * z,
        z + sigma[3] * torch.cos(2 * x) * y,
    ]
    return torch.stack(moved, -1)


def sphere(points: torch.Tensor) -> torch.Tensor:
    return points.norm(dim=-1) - 0.8


@pytest.fixture
def sigma() -> torch.Tensor:
    return torch.tensor([0.2, 0.7, -0.6, 0.3], dtype=torch.float64)


def inverse_jacobians(starts: torch.Tensor) -> torch.Tensor:
    return IDENTITY.expand(*starts.shape, 3)


def solve(residual, starts: torch.Tensor):
    return search(residual, starts, inverse_jacobians(starts), steps=50, converged=1e-12, diverged=10)


def test_broyden_undoes_a_deformation(sigma):
    points = torch.rand(200, 3, dtype=torch.float64) - 0.5
    targets = bend(points, sigma)
    roots = solve(correspondence(lambda x, _: bend(x, sigma), targets), targets[:, None])
    assert roots.found.float().mean() > 0.99
    assert (roots.best - points)[roots.found].abs().max() < 1e-9


def test_both_roots_of_a_fold_are_found_and_duplicates_are_not_counted():
    """x -> x^2 lands on 0.25 from both sides; two of the four starts lead to the same root."""

    def fold(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return torch.stack([points[:, 0] ** 2, points[:, 1], points[:, 2]], 1)

    targets = torch.tensor([[0.25, 0.1, 0.2]], dtype=torch.float64)
    starts = targets[:, None].repeat(1, 4, 1)
    starts[0, :, 0] = torch.tensor([0.6, -0.6, 0.4, -0.4])
    inverse = inverse_jacobians(starts).clone()
    inverse[0, :, 0, 0] = 0.5 / starts[0, :, 0]
    roots = search(correspondence(fold, targets), starts, inverse, steps=30, converged=1e-12, diverged=10)
    assert roots.converged.all()
    assert torch.allclose(roots.points[0, :, 0].abs(), torch.full((4,), 0.5, dtype=torch.float64))
    assert roots.distinct().tolist() == [[True, True, False, False]]


def test_what_has_no_root_does_not_converge_and_keeps_its_best_point():
    def square(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return points**2 + 0.1

    starts = torch.rand(5, 2, 3, dtype=torch.float64)
    roots = search(square, starts, inverse_jacobians(starts), steps=20)
    assert not roots.found.any()
    start = square(starts.reshape(-1, 3), torch.zeros(10)).norm(dim=1).reshape(5, 2)
    assert (roots.error <= start).all()
    assert torch.allclose(square(roots.points.reshape(-1, 3), torch.zeros(10)).norm(dim=1), roots.error.reshape(-1))


def test_only_unfinished_starts_are_evaluated(sigma):
    """A root among the starts costs one evaluation, whatever the others need."""
    points = torch.rand(10, 3, dtype=torch.float64) - 0.5
    targets = bend(points, sigma)
    seen: list[int] = []

    def counted(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        seen.append(len(x))
        return bend(x, sigma) - targets[rows]

    starts = torch.cat([points[:5], targets[5:]])[:, None]
    solve(counted, starts)
    assert seen[0] == 10 and max(seen[1:]) == 5


def test_gradient_of_a_correspondence_root_is_that_of_finite_differences(sigma):
    """d x_c / d sigma and d x_c / d x' through 50 steps of Broyden, none of which is differentiated."""
    targets = bend(torch.rand(6, 3, dtype=torch.float64) - 0.5, sigma)

    def roots(sigma: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        residual = correspondence(lambda x, _: bend(x, sigma), targets)
        found = solve(residual, targets.detach()[:, None])
        assert found.found.all()
        return implicit_roots(residual, found.best, torch.arange(len(targets)))

    inputs = (sigma.requires_grad_(), targets.requires_grad_())
    assert torch.autograd.gradcheck(roots, inputs, eps=1e-6, atol=1e-7)


def test_gradient_of_the_surface_root_on_a_ray_is_that_of_finite_differences(sigma):
    """I M Avatar's residual: f(x_c) = 0 where the posed point meets the ray; by pose, ray and surface."""
    torch.manual_seed(0)  # a ray that grazes the sphere once it is posed has no root
    canonical = torch.randn(6, 3, dtype=torch.float64)
    canonical = 0.8 * canonical / canonical.norm(dim=1, keepdim=True)
    directions = torch.randn(6, 3, dtype=torch.float64)
    origins = bend(canonical, sigma) - 1.5 * directions
    radius = torch.tensor(0.8, dtype=torch.float64)

    def roots(sigma, origins, directions, radius) -> torch.Tensor:
        surface = ray_surface(lambda x: x.norm(dim=-1) - radius, lambda x, _: bend(x, sigma), origins, directions)
        found = solve(surface, canonical[:, None] + 1e-3)
        assert found.found.all()
        return implicit_roots(surface, found.best, torch.arange(len(origins)))

    inputs = tuple(value.requires_grad_() for value in (sigma, origins, directions, radius))
    assert torch.allclose(sphere(roots(*inputs)), torch.zeros(6, dtype=torch.float64), atol=1e-10)
    assert torch.autograd.gradcheck(roots, inputs, eps=1e-6, atol=1e-6)


def test_a_singular_jacobian_gives_no_gradient_rather_than_nan():
    flat = torch.tensor(1.0, requires_grad=True)

    def residual(points: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return flat * (points * torch.tensor([1.0, 1.0, 0.0]))

    root = implicit_roots(residual, torch.zeros(2, 3), torch.arange(2))
    root.sum().backward()
    assert flat.grad is not None and torch.isfinite(flat.grad)
