"""The energy of fine inverse rendering, E(d) = E_con + mu1 |d|^2 + mu2 |L d|_1, over heights d on a triangulated patch.

Heights bend the normals of the coarse solution, n(d) = n - grad d up to length, and thereby its shades L^T phi(n);
what lies deep is darker besides, since it sees less of the surroundings. E_con compares logarithms, in which pigment
and exposure are mere offsets. Vertices of a mesh and texels of a chart are the same to it: triangles in space.
Sources: Jiang et al., "3D face reconstruction with geometry details from a single image", 2018 (the energy); Langer
and Zucker, "Shape-from-shading on a cloudy day", 1994 (the depth's own shade).

Lengths in here are millimetres, so that all unknowns are near 1.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..rendering.shading import sh_basis

CAVITY = 0.15
"""Millimetres: log luminance that a curvature of 1/mm costs."""
OUTLIER = 2.5
"""Deviations of the shades' noise from which a difference is rather pigment, gloss or a hair."""
DARKEST = 0.1
"""Share of the mean irradiance below which an expansion to second order is not believed."""
_KINK = 0.01
"""1/mm: curvature below which |L d| is rounded, for the optimiser's sake."""


@dataclass(frozen=True)
class Weights:
    """How the energy's terms are balanced."""

    noise: float
    """Deviation of the log shades that no relief explains."""
    height: float
    """Millimetres: mu1 = height^-2."""
    flatness: float
    """Millimetres: mu2."""
    bound: float
    """Millimetres that no height exceeds."""
    steps: int
    """Iterations of L-BFGS."""


@dataclass(frozen=True)
class Patch:
    """A piece of skin under the coarse solution's light; N points, T triangles."""

    points: np.ndarray
    """[N, 3] metres."""
    normals: np.ndarray
    """[N, 3] unit."""
    triangles: np.ndarray
    """[T, 3]."""
    light: np.ndarray
    """[9] second-order SH, of luminance."""


def minimise(
    patch: Patch, shade: np.ndarray, trust: np.ndarray, free: np.ndarray, weights: Weights, device: str
) -> tuple[np.ndarray, np.ndarray]:
    """Heights `[N]` in metres along the normals that explain the log `shade` [N], relative to the coarse one and seen
    with `trust` [N] 0..1, and the log shade `[N]` that they make.

    `free` [N] 0..1 scales how far a point may move; where it is 0 none does.
    """
    if not len(patch.triangles):
        return np.zeros(len(shade), np.float32), np.zeros(len(shade), np.float32)
    surface = _Surface(patch, device)
    target, sure, reach = (torch.as_tensor(a, dtype=torch.float32, device=device) for a in (shade, trust, free))
    target, sure = target[surface.triangles].mean(1), sure[surface.triangles].amin(1) * surface.area
    sure = sure / surface.area.mean()
    state = torch.zeros_like(reach, requires_grad=True)

    def height() -> Tensor:
        return weights.bound * reach * torch.tanh(state)

    def energy() -> Tensor:
        d = height()
        bend = surface.laplacian(d)
        error = ((surface.shade(d, bend) - target) / weights.noise) ** 2 / OUTLIER**2
        consistency = (sure * OUTLIER**2 * error / (1 + error)).sum()  # Geman-McClure
        small = (surface.mass * (d / weights.height) ** 2).sum()
        flat = weights.flatness * (surface.mass * torch.sqrt(bend**2 + _KINK**2)).sum()
        return consistency + small + flat

    optimiser = torch.optim.LBFGS([state], max_iter=weights.steps, history_size=8, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = energy()
        value.backward()
        return value

    optimiser.step(closure)
    with torch.no_grad():
        d = height()
        return (d / 1000).cpu().numpy(), surface.shade_at_points(d).cpu().numpy()


@torch.no_grad()
def shade_made(patch: Patch, height: np.ndarray, device: str) -> np.ndarray:
    """The log shade `[N]` that a `height` [N] in metres adds to the coarse one."""
    if not len(patch.triangles):
        return np.zeros(len(height), np.float32)
    d = 1000 * torch.as_tensor(height, dtype=torch.float32, device=device)
    return _Surface(patch, device).shade_at_points(d).cpu().numpy()


class _Surface:
    """The differential operators of a patch, linear finite elements, and its shading."""

    def __init__(self, patch: Patch, device: str) -> None:
        def tensor(array: np.ndarray) -> Tensor:
            return torch.as_tensor(array, dtype=torch.float32, device=device)

        self.triangles = torch.as_tensor(patch.triangles, dtype=torch.long, device=device)
        corners = 1000 * tensor(patch.points)[self.triangles]
        opposite = corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]]
        cross = torch.linalg.cross(opposite[:, 0], opposite[:, 1])
        double = cross.norm(dim=1, keepdim=True).clamp_min(1e-6)
        self.area = double[:, 0] / 2
        self.by_corner = torch.linalg.cross((cross / double)[:, None].expand(-1, 3, -1), opposite) / double[..., None]
        """[T, 3, 3] gradient of the height that is 1 at one corner and 0 at the others."""
        self.stiffness = self.area[:, None, None] * self.by_corner @ self.by_corner.transpose(1, 2)
        count = len(patch.points)
        self.around = torch.zeros(count, device=device).index_add_(
            0, self.triangles.ravel(), self.area.repeat_interleave(3) / 3
        )
        self.around = self.around.clamp_min(1e-3 * float(self.around.mean()))
        self.mass = self.around / self.area.mean()
        self.normals = torch.nn.functional.normalize(tensor(patch.normals)[self.triangles].mean(1), dim=1)
        light = tensor(patch.light)
        self.light = light / (sh_basis(self.normals) @ light).abs().mean().clamp_min(1e-6)
        self.coarse = self._log_irradiance(self.normals)

    def _log_irradiance(self, normals: Tensor) -> Tensor:
        irradiance = sh_basis(normals) @ self.light
        return torch.log(DARKEST * torch.nn.functional.softplus(irradiance / DARKEST))

    def laplacian(self, d: Tensor) -> Tensor:
        """L d `[N]`, 1/mm."""
        flux = (self.stiffness * d[self.triangles][:, None]).sum(2)
        return -torch.zeros_like(d).index_add(0, self.triangles.ravel(), flux.ravel()) / self.around

    def shade(self, d: Tensor, bend: Tensor) -> Tensor:
        """Log shade `[T]` that heights `d` [N] of Laplacian `bend` [N] add to the coarse one."""
        slope = (self.by_corner * d[self.triangles][..., None]).sum(1)
        normals = torch.nn.functional.normalize(self.normals - slope, dim=1)
        return self._log_irradiance(normals) - self.coarse - CAVITY * bend[self.triangles].mean(1)

    def shade_at_points(self, d: Tensor) -> Tensor:
        """The mean `[N]` of the shades that the triangles around a point have."""
        values = self.shade(d, self.laplacian(d))
        spread = torch.zeros_like(self.around).index_add(
            0, self.triangles.ravel(), (self.area * values / 3).repeat_interleave(3)
        )
        return spread / self.around
