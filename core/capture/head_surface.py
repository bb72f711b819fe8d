"""The skin of an implicit head as a mesh in the canonical pose, open at the neck."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..geometry.borders import boundary_edges
from ..geometry.closest import closest_points, edge_distance
from ..geometry.cut import cut
from ..geometry.isosurface import Surface, extract, largest_component
from ..geometry.refine import refined
from ..implicit.field import HeadField
from ..implicit.template import REGIONS
from ..parametric.head import HeadModel
from .albedo import skin_triangles
from .head_points import onto, relaxed, skin_distance, template_points_of
from .template_registration import closing_skin, mean_skin

RELAXATIONS = 2
"""How often vertices move towards their neighbours' mean, and back onto the surface."""
NECK_TRIM = 8e-3
"""Metres from the edge of the model's skin at which the neck ends: beyond, the field rounds off the sharp edge."""


@dataclass(frozen=True)
class HeadSurface:
    """The skin of an implicit head, whole also under its hair."""

    vertices: np.ndarray
    """[V, 3] metres, in the canonical pose."""
    triangles: np.ndarray
    """[F, 3] int64, counter-clockwise from outside."""
    template_points: np.ndarray
    """[V, 3] where the vertices lie on the mean head."""


def head_surface(field: HeadField, z_id: Tensor, resolution: int, model: HeadModel) -> HeadSurface:
    """Extract the skin of the head `z_id` `[D]`, without the cap that closes its neck.

    Raises InputError for a resolution out of range, EngineError when there is no surface or no memory.
    """
    distance = skin_distance(field, z_id)
    with torch.no_grad():
        whole = largest_component(extract(distance, field.bounds, resolution))
        points = relaxed(distance, whole.vertices, whole.triangles, RELAXATIONS)
        template_points = template_points_of(field, z_id, points)
        both, triangles = _refined(torch.cat([points, template_points], 1).cpu().numpy(), whole.triangles, model)
        finer = torch.from_numpy(both[:, :3]).to(points)
        moved = (onto(distance, finer, torch.from_numpy(triangles)) - finer).cpu().numpy()
    both = both + np.tile(moved, 2)  # the warp differs little from a translation
    both, triangles = cut(both, triangles, _above_cut(field, model, both[:, 3:]))
    piece = largest_component(Surface(torch.from_numpy(both), torch.from_numpy(triangles)))
    both = piece.vertices.numpy()
    return HeadSurface(both[:, :3].copy(), piece.triangles.numpy(), both[:, 3:].copy())


def _refined(both: np.ndarray, triangles: Tensor, model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Points beside template points [V, 6] and triangles [F, 3], with half the edges' length where lips and lids
    must meet.
    """
    edge = closing_skin(model) >= 0  # the skin's vertices are the model's first
    _, nearest = cKDTree(mean_skin(model)).query(both[:, 3:])
    return refined(both, triangles.cpu().numpy(), edge[nearest])


def _above_cut(field: HeadField, model: HeadModel, template_points: np.ndarray) -> np.ndarray:
    """[N] metres from template points to where the neck is cut, negative beyond; on the cap, somewhere below 0."""
    template = field.template
    cap = (template.regions == REGIONS.index("cap"))[template.triangles].any(1)
    on_template, _, _ = closest_points(template_points, template.vertices, template.triangles)
    border = boundary_edges(skin_triangles(model))
    distance = edge_distance(template_points, mean_skin(model), border)
    return np.where(cap[on_template], -distance, distance - NECK_TRIM)
