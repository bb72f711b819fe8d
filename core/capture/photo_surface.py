"""The implicit head of a photo's coarse fit."""

from dataclasses import replace

import torch

from ..parametric.head import HeadModel
from ..rendering.shading import vertex_normals
from .albedo import skin_triangles
from .fit import HeadFit
from .implicit_avatar import ImplicitHead
from .inversion import invert
from .template_registration import canonical_vertices


def fitted(head: ImplicitHead, model: HeadModel, fit: HeadFit) -> tuple[ImplicitHead, float]:
    """`head` with the code whose surface is that of the parametric head, without hair, and its median distance in mm.

    What lines the sockets of eyes and mouth counts for nothing: no photo shows it.
    """
    vertices = canonical_vertices(model, fit.beta)
    normals = vertex_normals(vertices, skin_triangles(model))
    sockets = (model.masks["mouth_socket"] > 0) | (model.masks["eye_sockets"] > 0)
    outside = (model.vertex_part == 0) & ~sockets
    points, directions = (torch.from_numpy(array[outside]) for array in (vertices, normals))
    inversion = invert(head.field, points, directions, beta=torch.from_numpy(fit.beta))
    bald = head.field.latents.without_hair(inversion.z_id[None])[0]
    return replace(head, z_id=bald), inversion.residual_mm
