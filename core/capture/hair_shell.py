"""The hair that is part of an implicit head: where it is, and as a mesh of its own for a head of quads."""

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ..avatar import Part
from ..geometry.borders import boundary_edges
from ..implicit.chunks import in_chunks
from ..implicit.field import CANONICAL_JAW, HeadField
from ..parametric.assembly import arkit_deltas
from ..parametric.head import HeadModel
from ..rendering.shading import vertex_normals
from .atlas_transfer import land
from .hair import LEAST_AREA, bind_to_scalp
from .head_points import bald
from .head_surface import HeadSurface
from .template_registration import Registration, mean_skin

HAIR_HEIGHT = 1e-3
"""Metres above the bald head from which a surface is hair."""
TUCK = 1.5e-3
"""Metres by which the hair's edge goes under the skin, so that no gap shows."""


def has_hair(field: HeadField, z_id: Tensor) -> bool:
    """Whether the code `[D]` has any."""
    return not torch.allclose(bald(field, z_id), z_id, atol=1e-3)


def hair_height(field: HeadField, z_id: Tensor, surface: HeadSurface) -> np.ndarray:
    """[V] metres of the surface's vertices above the head `z_id` `[D]` without its hair."""
    if not has_hair(field, z_id):
        return np.zeros(len(surface.vertices), np.float32)
    code = bald(field, z_id)
    with torch.no_grad():
        points = torch.from_numpy(surface.vertices).to(z_id)
        return in_chunks(lambda part: field.sdf(part[None], code[None])[0], points).cpu().numpy()


def hair_triangles(surface: HeadSurface, height: np.ndarray) -> np.ndarray:
    """[F] bool: the triangles that are hair, vertices lying `height` [V] above the skin; small specks are not."""
    hairy = (height > HAIR_HEIGHT)[surface.triangles].sum(1) >= 2
    edges = surface.triangles[hairy][:, [0, 1, 1, 2]].reshape(-1, 2).T
    count = len(height)
    _, piece = connected_components(coo_matrix((np.ones(edges.shape[1], bool), edges), (count, count)), directed=False)
    corners = surface.vertices[surface.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    piece_of = piece[surface.triangles[:, 0]]
    large = np.bincount(piece_of, area * hairy, piece.max() + 1) > LEAST_AREA
    return hairy & large[piece_of]


def hair_shell(surface: HeadSurface, height: np.ndarray, model: HeadModel, registration: Registration) -> Part | None:
    """The part `hair` of the surface whose vertices lie `height` [V] above the skin, bound to the scalp; None where
    there is none. It has the skin's UVs.
    """
    hairy = hair_triangles(surface, height)
    if not hairy.any():
        return None
    kept, triangles = np.unique(surface.triangles[hairy], return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    landing = land(model, mean_skin(model), surface.template_points[kept], triangles)
    vertices = surface.vertices[kept]
    edge = np.unique(boundary_edges(triangles))
    vertices[edge] -= TUCK * vertex_normals(vertices, triangles)[edge]
    deltas = arkit_deltas(model, registration.beta)
    binding, shares = bind_to_scalp(model, model.shaped(registration.beta) + registration.offset, vertices)
    shut = np.einsum("vk,vkc->vc", shares, CANONICAL_JAW * deltas["jawOpen"][binding])
    quads = [0, 1, 2, 2]
    return Part(
        name="hair",
        vertices=vertices - shut,
        faces=triangles[:, quads].astype(np.int32),
        uv=landing.uv,
        faces_uv=landing.triangles_uv[:, quads],
        face_material=np.zeros(len(triangles), np.int32),
        weights=np.zeros((len(vertices), 0), np.float32),
        binding=binding,
        binding_weights=shares,
    )
