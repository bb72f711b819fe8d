"""The surface of an implicit head as a mesh in the canonical pose, open at the neck."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..geometry.borders import boundary_edges
from ..geometry.closest import closest_points, edge_distance
from ..geometry.isosurface import Surface, extract, largest_component
from ..geometry.refine import refined
from ..implicit.field import HeadField
from ..implicit.template import REGIONS
from ..parametric.head import HeadModel
from .albedo import skin_triangles
from .head_points import on_surface, template_points_of
from .template_registration import closing_skin, mean_skin

RELAXATIONS = 2
"""How often vertices move towards their neighbours' mean, and back onto the surface."""
NECK_TRIM = 8e-3
"""Metres from the edge of the model's skin at which the neck ends: beyond, the field rounds off the sharp edge."""


@dataclass(frozen=True)
class HeadSurface:
    """The skin of an implicit head, hair included."""

    vertices: np.ndarray
    """[V, 3] metres, in the canonical pose."""
    triangles: np.ndarray
    """[F, 3] int64, counter-clockwise from outside."""
    template_points: np.ndarray
    """[V, 3] where the vertices lie on the mean head."""


def head_surface(field: HeadField, z_id: Tensor, resolution: int, model: HeadModel) -> HeadSurface:
    """Extract the head `z_id` `[D]`, without the cap that closes its neck.

    Raises InputError for a resolution out of range, EngineError when there is no surface or no memory.
    """
    with torch.no_grad():
        whole = largest_component(extract(lambda part: field.sdf(part[None], z_id[None])[0], field.bounds, resolution))
        points, kept = _refined(field, z_id, Surface(_relaxed(field, z_id, whole), whole.triangles), model)
        template_points = template_points_of(field, z_id, points).cpu().numpy()
    vertices = np.concatenate([points.cpu().numpy(), template_points], 1)
    vertices, triangles = _cut(vertices, kept, _above_cut(field, model, template_points))
    piece = largest_component(Surface(torch.from_numpy(vertices), torch.from_numpy(triangles)))
    both = piece.vertices.numpy()
    return HeadSurface(both[:, :3].copy(), piece.triangles.numpy(), both[:, 3:].copy())


def _relaxed(field: HeadField, z_id: Tensor, surface: Surface) -> Tensor:
    """[V, 3] the vertices of `surface` spread evenly over that of the field: the grid's steps and slivers go."""
    edges = surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    count = torch.bincount(edges[:, 0], minlength=len(surface.vertices))[:, None]
    points = on_surface(field, z_id, surface.vertices, steps=1)
    for _ in range(RELAXATIONS):
        mean = torch.zeros_like(points).index_add_(0, edges[:, 0], points[edges[:, 1]]) / count
        points = on_surface(field, z_id, torch.lerp(points, mean, 0.5), steps=1)
    return points


def _refined(field: HeadField, z_id: Tensor, surface: Surface, model: HeadModel) -> tuple[Tensor, np.ndarray]:
    """Vertices [V, 3] and triangles [F, 3] of `surface`, with half the edges' length where lips and lids must meet."""
    edge = closing_skin(model) >= 0  # the skin's vertices are the model's first
    _, nearest = cKDTree(mean_skin(model)).query(template_points_of(field, z_id, surface.vertices).cpu().numpy())
    vertices, triangles = refined(surface.vertices.cpu().numpy(), surface.triangles.cpu().numpy(), edge[nearest])
    return on_surface(field, z_id, torch.from_numpy(vertices).to(z_id), steps=1), triangles


def _above_cut(field: HeadField, model: HeadModel, template_points: np.ndarray) -> np.ndarray:
    """[N] metres from template points to where the neck is cut, negative beyond; on the cap, somewhere below 0."""
    template = field.template
    cap = (template.regions == REGIONS.index("cap"))[template.triangles].any(1)
    on_template, _, _ = closest_points(template_points, template.vertices, template.triangles)
    border = boundary_edges(skin_triangles(model))
    distance = edge_distance(template_points, mean_skin(model), border)
    return np.where(cap[on_template], -distance, distance - NECK_TRIM)


def _cut(vertices: np.ndarray, triangles: np.ndarray, above: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mesh where `above` [V] is positive; its border is moved to where `above` is 0, along the edges across."""
    kept = triangles[(above > 0)[triangles].any(1)]
    edges = np.concatenate([kept[:, [0, 1]], kept[:, [1, 2]], kept[:, [2, 0]]])
    inner, outer = np.concatenate([edges, edges[:, ::-1]]).T
    across = (above[inner] > 0) & (above[outer] <= 0)
    inner, outer = inner[across], outer[across]
    share = (above[inner] / (above[inner] - above[outer]))[:, None]
    crossing = vertices[inner] + share * (vertices[outer] - vertices[inner])
    count = np.bincount(outer, minlength=len(vertices))
    sums = np.stack([np.bincount(outer, column, len(vertices)) for column in crossing.T], 1)
    border = count > 0
    vertices = vertices.copy()
    vertices[border] = sums[border] / count[border, None]
    return vertices, kept
