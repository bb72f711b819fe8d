"""The hair of an implicit head as a mesh of its own, over the whole skin.

It is extracted where it is defined, about the mean head, and the inverse of the head's warp carries it there. Of the
closed layer only what shows is kept: from a little under the skin outward.
"""

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..avatar import Material, Part
from ..errors import EngineError, OutOfMemory
from ..geometry.borders import boundary_edges
from ..geometry.cut import cut
from ..geometry.isosurface import RESOLUTIONS, Surface, extract
from ..geometry.pieces import pieces, without_specks
from ..geometry.smoothing import smoothed
from ..geometry.smoothstep import smoothstep
from ..implicit.chunks import in_chunks
from ..implicit.field import HeadField
from ..parametric.assembly import MATERIALS
from ..parametric.head import HeadModel
from ..rendering.shading import vertex_normals
from .hair import bind_to_scalp, hair_part
from .hair_colors import HairColors, Shell
from .hair_texture import hair_material, with_tufts
from .hair_tufts import grow_tufts
from .head_points import Distance, counterparts, onto, skin_distance
from .template_registration import Registration, mean_skin

COARSENESS = 2
"""How many times larger than the skin's the cells are: hair has no fine shape."""
TUCK = 1.5e-3
"""Metres by which the hair's edge goes under the skin, so that no gap shows."""
EAR_GAP = 2e-3
"""Metres over an ear from which there is hair: the rest would be tatters in its hollows."""
SPECK = 0.02
"""Share of the hair's surface below which a piece of it is none."""
FAIRING = 6
RISE, LEAST = (4e-3, 12e-3), 1.5e-3
"""Metres from its edge over which hair rises from the skin, and how high it lies at least beyond."""
CROWN = 0.08
"""Metres from the top of the scalp down to the middle of the skull."""


def hair_layer(
    field: HeadField, z_id: Tensor, resolution: int, model: HeadModel, registration: Registration
) -> tuple[Part, Material] | None:
    """The hair of the head `z_id` `[D]`, bound to the scalp, and its material; None for a bald head.

    Raises InputError for a resolution out of range, OutOfMemory.
    """
    code = field.latents.hair(z_id[None])
    if not code.any():
        return None

    def distance(points: Tensor) -> Tensor:
        return in_chunks(lambda part: field.hair(part[None], code)[0], points)

    def depth(points: np.ndarray) -> np.ndarray:
        return -distance(torch.from_numpy(points.astype(np.float32)).to(z_id)).cpu().numpy()

    with torch.no_grad():
        found = _layer(field, distance, max(resolution // COARSENESS, RESOLUTIONS[0]))
        if found is None:
            return None
        shell, moved = _outside(field, z_id, found, model, registration)
        if not len(shell.triangles):
            return None
        colors = HairColors.plain(shell, np.array(MATERIALS["hair"].color[:3]))
        tufts = grow_tufts(shell, depth, colors.flow)
    uv, uv_triangles, material = hair_material(shell, tufts, colors)
    vertices, triangles = with_tufts(shell, tufts)
    binding = bind_to_scalp(model, model.v_template, vertices)
    vertices = vertices + np.concatenate([moved, moved[tufts.nearest]])
    return hair_part(vertices, triangles, uv, uv_triangles, binding), material


def _layer(field: HeadField, distance: Distance, resolution: int) -> Surface | None:
    """The closed surface of the hair about the mean head, fair; None where the code has none."""
    try:
        surface = extract(distance, field.bounds, resolution)
    except OutOfMemory:
        raise
    except EngineError:
        return None
    vertices = onto(distance, surface.vertices, surface.triangles)
    fair = smoothed(vertices.cpu().numpy(), surface.triangles.cpu().numpy(), FAIRING)
    return Surface(torch.from_numpy(fair.astype(np.float32)).to(vertices), surface.triangles)


def _outside(
    field: HeadField, z_id: Tensor, layer: Surface, model: HeadModel, registration: Registration
) -> tuple[Shell, np.ndarray]:
    """What shows of the layer, about the mean head, and how the head's hair lies from there: [V, 3] metres."""
    mean = mean_skin(model)
    scalp = np.flatnonzero(model.masks["scalp"] > 0.5)
    shift = torch.from_numpy((registration.canonical - mean)[scalp].mean(0)).to(z_id)
    points = counterparts(field, z_id, layer.vertices, layer.vertices + shift)
    above = skin_distance(field, z_id)(points)[:, None]
    joined = torch.cat([layer.vertices, points - layer.vertices, above], 1).cpu().numpy()
    _, nearest = cKDTree(mean).query(joined[:, :3])
    ends = np.where(model.masks["ears"][nearest] > 0.5, EAR_GAP, -TUCK)  # the skin's vertices are the model's first
    values, triangles = cut(joined, layer.triangles.cpu().numpy(), joined[:, 6] - ends)
    triangles = without_specks(values[:, :3], _rooted(triangles, values[:, 6] < 0), SPECK)
    used, triangles = np.unique(triangles, return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    vertices, moved, rise = np.split(values[used], [3, 6], 1)
    normals = vertex_normals(vertices, triangles)
    _, edge = cKDTree(vertices[np.unique(boundary_edges(triangles))]).query(vertices)
    inner = LEAST * smoothstep(edge, *RISE)[:, None]
    moved = moved + np.maximum(inner - rise, 0) * (inner > 0) * normals
    # Hair is loose strands at its edge, and not wherever it lies thin.
    height = np.maximum(rise[:, 0], np.minimum(edge, RISE[1]))
    low, high = mean[scalp].min(0), mean[scalp].max(0)
    crown = np.array([(low[0] + high[0]) / 2, high[1] - CROWN, (low[2] + high[2]) / 2])
    return Shell(vertices, triangles, normals, height, crown), moved


def _rooted(triangles: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The `triangles` [F, 3] of pieces that reach below the skin, where `below` [V]: nothing floats."""
    piece = pieces(triangles)
    roots = np.bincount(piece, below[triangles].any(1))
    return triangles[roots[piece] > 0]
