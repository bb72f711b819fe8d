"""The template: the mean head in the canonical pose as a signed-distance field and as a mesh."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import EngineError
from ..tensors import load_tensors

REGIONS = ("head", "face", "mouth_socket", "eye_sockets", "cap")
"""What `Template.regions` counts: `face` is the narrow face without ears and neck, `cap` closes the neck."""


class Template(nn.Module):
    """T(y) of the mean head, from two grids: a coarse one of the whole box and a fine one of the face."""

    coarse: Tensor
    coarse_bounds: Tensor
    fine: Tensor
    fine_bounds: Tensor

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        """`coarse`, `fine` [X, Y, Z] metres at nodes, the outer ones on `coarse_bounds`, `fine_bounds` [2, 3]."""
        super().__init__()
        for name in ("coarse", "coarse_bounds", "fine", "fine_bounds"):
            self.register_buffer(name, torch.tensor(tensors[name].astype(np.float32)), persistent=False)
        self.vertices = tensors["vertices"].astype(np.float32)
        """[V, 3] the closed skin."""
        self.triangles = tensors["triangles"].astype(np.int64)
        """[T, 3]."""
        self.regions = tensors["regions"]
        """[V] index into `REGIONS`."""

    @classmethod
    def load(cls, path: Path | str) -> "Template":
        """Read the weights `head_template`. Raises EngineError when they are missing, damaged or something else."""
        tensors, _ = load_tensors(path)
        try:
            return cls(tensors)
        except KeyError as error:
            raise EngineError(f"{Path(path).name} is not a head template; reinstall Likeness.") from error

    @property
    def bounds(self) -> Tensor:
        """[2, 3] metres: the box that holds every head and its hair."""
        return self.coarse_bounds

    def forward(self, points: Tensor) -> Tensor:
        """Signed distance in metres, negative inside: `[..., 3]` to `[...]`. Beyond the box its distance adds."""
        flat = points.reshape(-1, 3)
        low, high = self.coarse_bounds
        inside = torch.minimum(torch.maximum(flat, low), high)
        distance = _sample(self.coarse, self.coarse_bounds, inside) + (flat - inside).norm(dim=1)
        fine = _sample(self.fine, self.fine_bounds, inside)
        return torch.lerp(distance, fine, self._share_of_fine(inside)).reshape(points.shape[:-1])

    def _share_of_fine(self, points: Tensor) -> Tensor:
        """1 within the fine box, 0 outside, with a ramp of 4 mm so that the field has no step."""
        low, high = self.fine_bounds
        depth = torch.minimum(points - low, high - points).amin(1)
        return (depth / 0.004).clamp(0, 1)


def _sample(grid: Tensor, bounds: Tensor, points: Tensor) -> Tensor:
    """Trilinear interpolation of `grid` [X, Y, Z] at `points` [N, 3]: [N]."""
    scaled = (points - bounds[0]) / (bounds[1] - bounds[0]) * 2 - 1
    values = functional.grid_sample(
        grid[None, None], scaled.flip(1)[None, None, None], padding_mode="border", align_corners=True
    )
    return values.reshape(-1)
