"""Points of one head of a field, any number of them: on its skin, and where they lie on the mean head."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..implicit.chunks import in_chunks
from ..implicit.field import HeadField
from ..rendering.shading import vertex_normals

Distance = Callable[[Tensor], Tensor]
"""Points `[N, 3]` to signed distances `[N]` in metres."""

LARGEST_STEP = 5e-3
"""Metres a point may move in one step of the search for its counterpart."""
SETTLED = 1e-3
"""Metres within which that search must end."""
SEARCH_STEPS = 6
NEAR = 2e-3
"""Metres that a vertex may move in one step onto its surface."""


def skin_distance(field: HeadField, z_id: Tensor) -> Distance:
    """To the skin of the head `z_id` `[D]`, whole also under its hair."""
    return lambda points: in_chunks(lambda part: field(part[None], z_id[None])[0][0], points)


def template_points_of(field: HeadField, z_id: Tensor, points: Tensor) -> Tensor:
    """Template points `[N, 3]` of any number of points `[N, 3]` of the head `z_id` `[D]`."""
    return in_chunks(lambda part: field.template_points(part[None], z_id[None])[0], points)


def counterparts(field: HeadField, z_id: Tensor, template_points: Tensor, start: Tensor) -> Tensor:
    """Points `[N, 3]` of the head `z_id` `[D]` whose template points are the given ones [N, 3].

    Fixed-point iteration: the warp differs little from a translation. Where it does not settle, the start is kept.
    """
    points = start
    for _ in range(SEARCH_STEPS):
        missing = template_points - template_points_of(field, z_id, points)
        points = points + missing * (LARGEST_STEP / missing.norm(dim=1, keepdim=True).clamp(min=LARGEST_STEP))
    settled = (template_points - template_points_of(field, z_id, points)).norm(dim=1, keepdim=True) < SETTLED
    return torch.where(settled, points, start)


def onto(distance: Distance, vertices: Tensor, triangles: Tensor) -> Tensor:
    """Vertices `[V, 3]` of a mesh near the zero level of `distance`, moved onto it along the mesh's normals: one
    evaluation each, where the field's gradient takes four more.
    """
    normals = vertex_normals(vertices.cpu().numpy(), triangles.cpu().numpy())
    step = distance(vertices).clamp(-NEAR, NEAR)[:, None]
    return vertices - step * torch.from_numpy(normals).to(vertices)


def relaxed(distance: Distance, vertices: Tensor, triangles: Tensor, rounds: int) -> Tensor:
    """Vertices `[V, 3]` of a closed mesh spread evenly over the zero level of `distance`: slivers of the grid go."""
    edges = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    count = torch.bincount(edges[:, 0], minlength=len(vertices))[:, None]
    points = onto(distance, vertices, triangles)
    for _ in range(rounds):
        mean = torch.zeros_like(points).index_add_(0, edges[:, 0], points[edges[:, 1]]) / count
        points = onto(distance, torch.lerp(points, mean, 0.5), triangles)
    return points
