"""Places about a scanned surface, and the side of it that they are on.

A field that is fitted to points alone may have further surfaces where there are no points; what was seen to be empty,
or lies behind what was seen, rules them out.
"""

from dataclasses import dataclass

import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional

_MARGIN = 0.03
"""Metres about the points within which places are drawn."""
_HEIGHTS = (-0.006, 0.04)
"""Metres above a point between which places near the surface are drawn."""
_FACING = 0.8
"""Least cosine between a normal and the way to a place: elsewhere it lies past an edge, where nothing was seen."""
_TOUCHING = 0.003
"""Metres from a point below which a place is above its plane or below it, wherever it is on that."""
_BAND = 0.005
"""Metres from a surface within which a place counts as on it."""


@dataclass(frozen=True)
class Surroundings:
    """Places in no order."""

    places: Tensor
    """[M, 3] metres."""
    height: Tensor
    """[M] signed metres from the nearest point, negative inside."""

    @classmethod
    def of(cls, points: Tensor, normals: Tensor, count: int, generator: torch.Generator) -> "Surroundings":
        """At most `count` places around points `[P, 3]` metres with unit normals `[P, 3]`: about half of them anywhere
        in the points' box, half along the normals.
        """
        low, high = points.amin(0) - _MARGIN, points.amax(0) + _MARGIN
        anywhere = low + (high - low) * torch.rand(count, 3, generator=generator).to(points)
        chosen = torch.randint(len(points), (count,), generator=generator).to(points.device)
        height = _HEIGHTS[0] + (_HEIGHTS[1] - _HEIGHTS[0]) * torch.rand(count, 1, generator=generator).to(points)
        near = points[chosen] + height * normals[chosen]
        places = torch.where(torch.rand(count, 1, generator=generator).to(points) < 0.5, anywhere, near)
        away, nearest = cKDTree(points.cpu()).query(places.cpu())
        away = torch.tensor(away).to(points)
        height = ((places - points[nearest]) * normals[nearest]).sum(1)
        touching = away < _TOUCHING
        clear = touching | (height.abs() > _FACING * away)
        return cls(places[clear], torch.where(touching, height, away * height.sign())[clear])

    def __getitem__(self, rows: Tensor | slice) -> "Surroundings":
        """Some of the places."""
        return Surroundings(self.places[rows], self.height[rows])

    def distance(self, sdf: Tensor) -> Tensor:
        """[...] metres from a surface to the points, by the places on it; `sdf` [..., M] is theirs."""
        on = (sdf.abs() < _BAND).float()
        return (on * self.height.abs()).sum(-1) / on.sum(-1).clamp(min=1)

    def misplaced(self, sdf: Tensor) -> Tensor:
        """[M] by how many metres places of that `sdf` [M] lack what they have at least, by how far they are away."""
        away = self.height.abs()
        return functional.relu(away.clamp(max=_BAND) - self.height.sign() * sdf) * away / _BAND
