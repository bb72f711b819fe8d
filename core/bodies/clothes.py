"""What a body wears, out of gDNA's fields: quads with charts, skinning weights, and normals baked from the fields.

All is made about the mean body, and then carried to the person's own shape by the warp.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..avatar import Part
from ..geometry.charts import box_charts, pack_charts
from ..geometry.pieces import compact, without_specks
from ..geometry.remesh import quad_remesh
from ..geometry.smoothstep import smoothstep
from ..implicit.chunks import in_chunks
from ..implicit.gdna import Gdna
from ..implicit.gdna_detail import Details
from ..rendering.bake import Bake
from ..rendering.rasterise import triangulate
from .garments import HEIGHT, SPECKS, Codes, Garments, above_others
from .hems import fair_hems, rimmed
from .mean_body import MeanBody

QUAD = 1.8
"""Cells that a quad is wide."""
CLOSE, LOOSE = 0.005, 0.05
"""Metres off the skin up to which it alone carries what is worn, and from which W does."""
MARGIN = 0.004
"""Gap between charts, as a share of the image."""


@dataclass(frozen=True)
class Mesh:
    """One layer about the mean body."""

    vertices: np.ndarray
    """[V, 3] metres."""
    faces: np.ndarray
    """[F, 4]."""
    uv: np.ndarray
    """[T, 2]."""
    faces_uv: np.ndarray
    """[F, 4]."""


def layer_mesh(garments: Garments, layer: str, resolution: int) -> Mesh:
    """A layer's surface where it is seen, in quads. `resolution` cells are the mean body's height."""
    body = garments.body
    vertices, faces = quad_remesh(*garments.seen(layer), QUAD * HEIGHT / resolution)
    # Remeshing may tear off a few quads at a border.
    whole = np.unique(without_specks(vertices, triangulate(faces)[0], SPECKS[layer]))
    vertices, faces = compact(vertices, faces[np.isin(faces, whole).all(1)])
    if layer != "hair":
        vertices = above_others(garments.field, layer, vertices, garments.codes)
        vertices, faces = rimmed(fair_hems(vertices, triangulate(faces)[0], body), faces, body)
    flat, faces_uv, chart = box_charts(vertices, faces)
    return Mesh(vertices, faces, pack_charts(flat, chart, MARGIN)[0], faces_uv)


def layer_part(field: Gdna, layer: str, mesh: Mesh, body: MeanBody, shaped: np.ndarray) -> Part:
    """The layer on a body whose skin is at `shaped` [V, 3], in the T-pose."""
    binding, shares, distance = body.carriers(mesh.vertices)
    carried = np.einsum("vk,vkj->vj", shares, body.model.lbs_weights[binding])
    own = in_chunks(field.skinning, torch.from_numpy(mesh.vertices).float()).numpy()
    loose = smoothstep(distance, CLOSE, LOOSE)[:, None]
    return Part(
        name=layer,
        vertices=body.warp.to_shape(mesh.vertices, shaped).astype(np.float32),
        faces=mesh.faces.astype(np.int32),
        uv=mesh.uv,
        faces_uv=mesh.faces_uv.astype(np.int32),
        face_material=np.zeros(len(mesh.faces), np.int32),
        weights=(carried + loose * (own - carried)).astype(np.float32),
        binding=binding.astype(np.int32),
        binding_weights=shares,
    )


def baked_normals(
    field: Gdna, details: Details, layer: str, mesh: Mesh, codes: Codes, z_detail: Tensor, size: int
) -> np.ndarray:
    """[size, size, 3] in 0..1: the tangent-space map of the layer's normals, with the folds of z_detail `[1, C]`."""
    bake = Bake.of(mesh.vertices, mesh.faces, mesh.uv, mesh.faces_uv, size)
    points = torch.from_numpy(bake.points).float()
    normals = in_chunks(lambda part: details.normals(field, layer, part[None], codes[layer], z_detail)[0], points)
    return bake.normal_image(normals.numpy())
