"""The surface of an implicit head as a mesh in the canonical pose, open at the neck."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..geometry.closest import closest_points
from ..geometry.isosurface import Surface, extract, largest_component
from ..implicit.chunks import in_chunks
from ..implicit.field import HeadField
from ..implicit.latents import IDENTITY
from ..implicit.template import REGIONS

SPACING = 2e-4
"""Metres between the points that the neck's edge is searched at."""
REACH = 4e-3
"""Metres within which the cut's steps are drawn to the neck's edge."""


@dataclass(frozen=True)
class HeadSurface:
    """The skin of an implicit head, hair included."""

    vertices: np.ndarray
    """[V, 3] metres, in the canonical pose."""
    triangles: np.ndarray
    """[F, 3] int64, counter-clockwise from outside."""
    template_points: np.ndarray
    """[V, 3] where the vertices lie on the mean head."""


def head_surface(field: HeadField, z_id: Tensor, resolution: int, neck: np.ndarray) -> HeadSurface:
    """Extract the head `z_id` `[D]`, cut its cap off and even the cut along the edges `neck` [L, 2, 3].

    Raises InputError for a resolution out of range, EngineError when there is no surface or no memory.
    """
    with torch.no_grad():
        whole = largest_component(extract(lambda part: field.sdf(part[None], z_id[None])[0], field.bounds, resolution))
        points = on_surface(field, z_id, whole.vertices, steps=1)
        surface = _without_cap(field, Surface(points, whole.triangles), template_points_of(field, z_id, points))
        template_points = template_points_of(field, z_id, surface.vertices).cpu().numpy()
    triangles = surface.triangles.cpu().numpy()
    vertices = _even_edge(surface.vertices.cpu().numpy(), triangles, neck)
    return HeadSurface(vertices, triangles, template_points)


def bald(field: HeadField, z_id: Tensor) -> Tensor:
    """The code `z_id` `[D]` without its hair."""
    code = z_id.clone()
    code[IDENTITY : IDENTITY + len(field.latents.bald)] = field.latents.bald
    return code


def template_points_of(field: HeadField, z_id: Tensor, points: Tensor) -> Tensor:
    """Template points `[N, 3]` of any number of points `[N, 3]` of the head `z_id` `[D]`."""
    return in_chunks(lambda part: field.template_points(part[None], z_id[None])[0], points)


def on_surface(field: HeadField, z_id: Tensor, points: Tensor, steps: int = 2) -> Tensor:
    """Points `[N, 3]` near the surface of `z_id` `[D]` moved onto it, along the field's gradient."""

    def step(part: Tensor) -> Tensor:
        distance = field.sdf(part[None], z_id[None])[0, :, None]
        gradient = field.gradient(part[None], z_id[None])[0]
        return part - distance * gradient / (gradient * gradient).sum(1, keepdim=True).clamp(min=0.25)

    for _ in range(steps):
        points = in_chunks(step, points)
    return points


def boundary_edges(triangles: np.ndarray) -> np.ndarray:
    """[E, 2] the directed edges of triangles `[F, 3]` that no other runs back along."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(np.int64)
    count = int(triangles.max()) + 1
    return edges[~np.isin(edges @ [count, 1], edges @ [1, count])]


def _without_cap(field: HeadField, surface: Surface, template_points: Tensor) -> Surface:
    """The surface without what lies on the template's cap."""
    template = field.template
    cap = (template.regions == REGIONS.index("cap"))[template.triangles].any(1)
    nearest, _, _ = closest_points(template_points.cpu().numpy(), template.vertices, template.triangles)
    on_cap = torch.from_numpy(cap[nearest]).to(surface.triangles.device)
    return largest_component(Surface(surface.vertices, surface.triangles[on_cap[surface.triangles].sum(1) < 2]))


def _even_edge(vertices: np.ndarray, triangles: np.ndarray, neck: np.ndarray) -> np.ndarray:
    """The vertices with those on the border moved to the nearest points of the edges `neck` [L, 2, 3]."""
    first, second = neck[:, 0], neck[:, 1]
    share = np.arange(0, 1, SPACING / np.linalg.norm(second - first, axis=1).max())[:, None, None]
    line = (first + share * (second - first)).reshape(-1, 3)
    border = np.unique(boundary_edges(triangles))
    distance, nearest = cKDTree(line).query(vertices[border], distance_upper_bound=REACH)
    near = np.isfinite(distance)
    vertices = vertices.copy()
    vertices[border[near]] = line[nearest[near]]
    return vertices
