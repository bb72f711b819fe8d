"""Roots of deformed points: where in the canonical space does a posed point come from?

Forward deformations have no closed inverse, and more than one canonical point may land on the same place (lips that
touch). Broyden's method searches from several starts (Chen et al., "SNARF", ICCV 2021, sec. 3.3), and its steps are
never differentiated: at a root F(x, sigma) = 0, and by the implicit function theorem

    dx/dsigma = -(dF/dx)^-1 dF/dsigma

for all that F depends on: weights, pose, target (SNARF eq. 13; Zheng et al., "I M Avatar", CVPR 2022, eq. 10).

A residual is a function F(points [M, 3], rows [M]) -> [M, 3]; row r tells which of N problems a point belongs to.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Residual = Callable[[Tensor, Tensor], Tensor]
Forward = Callable[[Tensor, Tensor], Tensor]
"""d(points [M, 3], rows [M]) -> [M, 3]: the forward deformation of problem `rows`."""


@dataclass(frozen=True)
class Roots:
    """The best point that each of S starts of N problems came to; no gradient flows through them."""

    points: Tensor
    """[N, S, 3]."""
    error: Tensor
    """[N, S] |F| there."""
    converged: Tensor
    """[N, S] bool."""

    @property
    def found(self) -> Tensor:
        """[N] bool: whether any start converged."""
        return self.converged.any(1)

    @property
    def best(self) -> Tensor:
        """[N, 3]: of each problem's points the one of the least error."""
        return self.points[torch.arange(len(self.points)), self.error.argmin(1)]

    def distinct(self, tolerance: float = 1e-4) -> Tensor:
        """[N, S] bool: converged, and no converged root of an earlier start lies within `tolerance`."""
        near = torch.cdist(self.points, self.points) < tolerance
        earlier = torch.ones_like(near).tril(-1)
        return self.converged & ~(near & earlier & self.converged[:, None]).any(2)


def correspondence(forward: Forward, targets: Tensor) -> Residual:
    """F = d(x) - x' for the posed points x' = `targets` [N, 3]."""
    return lambda points, rows: forward(points, rows) - targets[rows]


def ray_surface(sdf: Callable[[Tensor], Tensor], forward: Forward, origins: Tensor, directions: Tensor) -> Residual:
    """F = [f(x), (d(x) - r_o) x r_d] (I M Avatar eq. 9): on the surface f = 0, and on the ray once it is posed.

    `sdf` [M, 3] -> [M]; `origins`, `directions` [N, 3]. The cross product has rank 2: it is taken along two normals of
    the ray.
    """
    axis = torch.eye(3).to(directions)[directions.detach().abs().argmin(1)]
    first = torch.nn.functional.normalize(torch.linalg.cross(directions, axis), dim=1)
    second = torch.linalg.cross(torch.nn.functional.normalize(directions, dim=1), first)
    normals = torch.stack([first, second], 1)

    def residual(points: Tensor, rows: Tensor) -> Tensor:
        offset = forward(points, rows) - origins[rows]
        return torch.cat([sdf(points)[:, None], (normals[rows] @ offset[..., None])[..., 0]], 1)

    return residual


def search(
    residual: Residual,
    starts: Tensor,
    inverse_jacobian: Tensor,
    *,
    steps: int = 12,
    converged: float = 1e-5,
    diverged: float = 0.2,
) -> Roots:
    """Broyden's method from `starts` [N, S, 3], with approximate (dF/dx)^-1 there, [N, S, 3, 3].

    A start is done when |F| < `converged` and given up when |F| > `diverged`, both in the unit of F (metres), or after
    `steps`. Only those that are not done are evaluated.
    """
    count = starts.shape[1]
    best = starts.detach().reshape(-1, 3).clone()
    rows = torch.arange(len(best), device=best.device) // count
    with torch.no_grad():
        value = residual(best, rows)
        error = value.norm(dim=1)
        active = torch.nonzero(error >= converged)[:, 0]
        point, value = best[active], value[active]
        inverse = inverse_jacobian.detach().reshape(-1, 3, 3)[active]
        for _ in range(steps):
            if not len(active):
                break
            step = -(inverse @ value[..., None])[..., 0]
            point = point + step
            after = residual(point, rows[active])
            inverse = _broyden(inverse, step, after - value)
            size = after.norm(dim=1)
            better = torch.nonzero(size < error[active])[:, 0]
            best[active[better]], error[active[better]] = point[better], size[better]
            keep = torch.nonzero((size >= converged) & (size <= diverged))[:, 0]
            active, point, value, inverse = (part.index_select(0, keep) for part in (active, point, after, inverse))
    return Roots(best.reshape(-1, count, 3), error.reshape(-1, count), (error < converged).reshape(-1, count))


def _broyden(inverse: Tensor, step: Tensor, change: Tensor) -> Tensor:
    """The "good" update of the inverse Jacobian [M, 3, 3], so that it takes `change` [M, 3] to `step` [M, 3]."""
    predicted = (inverse @ change[..., None])[..., 0]
    row = step[:, None] @ inverse
    scale = (step * predicted).sum(1, keepdim=True)
    scale = torch.where(scale.abs() < 1e-20, torch.inf, scale)
    return torch.baddbmm(inverse, ((step - predicted) / scale)[..., None], row)


def jacobian(residual: Residual, points: Tensor, rows: Tensor) -> Tensor:
    """dF/dx `[M, 3, 3]` (row: component of F) at `points` [M, 3], detached."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        value = residual(points, rows)
        lines = [torch.autograd.grad(value[:, k].sum(), points, retain_graph=k < 2)[0] for k in range(3)]
    return torch.stack(lines, 1)


def implicit_roots(residual: Residual, points: Tensor, rows: Tensor) -> Tensor:
    """The roots `points` [M, 3] as differentiable functions of all that `residual` depends on: [M, 3].

    One Newton step from the detached root with a detached Jacobian: its value polishes the root, and its derivative is
    that of the implicit function theorem, of first order alone. Singular Jacobians give no gradient.
    """
    points = points.detach()
    matrix = jacobian(residual, points, rows)
    regular = torch.linalg.det(matrix).abs() > 1e-6
    inverse = torch.zeros_like(matrix)
    inverse[regular] = torch.linalg.inv(matrix[regular])
    return points - (inverse @ residual(points, rows)[..., None])[..., 0]
