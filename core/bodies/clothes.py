"""What a body wears, out of gDNA's fields: quads with charts, skinning weights, and normals baked from the fields.

All is made about the mean body, and then carried to the person's own shape by the warp.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ..avatar import Part
from ..geometry.charts import box_charts, pack_charts
from ..geometry.cut import cut
from ..geometry.isosurface import Grid, extract_on
from ..geometry.pieces import without_specks
from ..geometry.remesh import quad_remesh
from ..geometry.smoothing import smoothed
from ..geometry.smoothstep import smoothstep
from ..implicit.chunks import in_chunks
from ..implicit.gdna import Gdna
from ..implicit.gdna_detail import Details
from ..parametric.smpl_joints import INDEX
from ..rendering.bake import Bake
from ..rendering.rasterise import triangulate
from ..rendering.shading import vertex_normals
from .mean_body import MeanBody

HEIGHT = 1.7
"""Metres of the mean body: a resolution is that of its cells."""
QUAD = 1.8
"""Cells that a quad is wide."""
SPECKS = {"top": 0.08, "bottom": 0.2, "shoes": 0.2, "hair": 0.5}
"""Share of a layer's surface below which a piece of it floats: hair is one piece, of shoes there are two."""
SMOOTHING = 8
LIFT = {"top": 0.003, "bottom": 0.0015, "shoes": 0.001, "hair": 0.0}
"""Metres by which each layer is made wider: the fields are a millimetre off, and what is worn over must be over."""
DEEP = 0.004
"""Metres under the skin at which clothes end."""
DIP, ALONG, GAP = 0.02, 0.6, 0.0015
"""Metres under the skin down to which cloth that faces as the skin does (their normals' cosine) only dips, and metres
above the skin to which it is lifted."""
COVERED = 0.008
"""Metres inside of a garment at which another one ends."""
HIDDEN = {"top": 0.002, "bottom": 0.002, "shoes": -0.003}
"""Metres inside of each layer at which skin is left out: toes, too, that would come through a shoe."""
UNDER = {"bottom": ("top", "shoes"), "shoes": ("bottom", "top"), "hair": ("top",), "top": ("shoes",)}
"""Layer -> the layers that hide it. Hair hides nothing: it turns with the head."""
BARE_NECK = 0.2
"""Least weight of neck and head on skin that is never left out."""
CLOSE, LOOSE = 0.005, 0.05
"""Metres off the skin up to which it alone carries what is worn, and from which W does."""
MARGIN = 0.004
"""Gap between charts, as a share of the image."""

Codes = Mapping[str, Tensor]
"""Layer -> z `[1, C]` of what is worn."""


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


def layer_mesh(field: Gdna, layer: str, codes: Codes, body: MeanBody, resolution: int) -> Mesh:
    """The layer's surface where it is seen, in quads. `resolution` cells are the mean body's height.

    Raises EngineError.
    """
    step = HEIGHT / resolution
    lifted = partial(_lifted, field, layer, codes[layer])
    surface = extract_on(lifted, Grid.within(field.layer(layer).bounds, step))
    vertices, triangles = surface.vertices.double().numpy(), surface.triangles.numpy()
    vertices, triangles = _compact(vertices, without_specks(vertices, triangles, SPECKS[layer]))
    vertices = smoothed(vertices, triangles, SMOOTHING)
    vertices, triangles = _compact(*_off_skin(vertices, triangles, body))
    for other in UNDER[layer]:
        if other in codes:
            vertices, triangles = cut(vertices, triangles, _distance(field, other, vertices, codes) + COVERED)
            vertices, triangles = _compact(vertices, triangles)
    vertices, faces = quad_remesh(vertices, without_specks(vertices, triangles, SPECKS[layer]), QUAD * step)
    # Remeshing may tear off a few quads at a border.
    whole = np.unique(without_specks(vertices, triangulate(faces)[0], SPECKS[layer]))
    vertices, faces = _compact(vertices, faces[np.isin(faces, whole).all(1)])
    flat, faces_uv, chart = box_charts(vertices, faces)
    return Mesh(vertices, faces, pack_charts(flat, chart, MARGIN)[0], faces_uv)


def _off_skin(vertices: np.ndarray, triangles: np.ndarray, body: MeanBody) -> tuple[np.ndarray, np.ndarray]:
    """A layer without what is under the skin: the floors that close cuffs and hems. Cloth that dips under it, by an
    error of the field, comes out.
    """
    height, (nearest, outward) = body.height(vertices), body.nearest(vertices)
    dips = ((vertex_normals(vertices, triangles) * outward).sum(1) > ALONG) & (height > -DIP)
    vertices = np.where((dips & (height < GAP))[:, None], nearest + GAP * outward, vertices)
    return cut(vertices, triangles, np.where(dips, np.maximum(height, GAP), height) + DEEP)


def covered_skin(field: Gdna, codes: Codes, body: MeanBody) -> np.ndarray:
    """[Vm] bool: vertices of the model that are deep inside of clothes."""
    hidden = np.zeros(len(body.skin), bool)
    for layer, depth in HIDDEN.items():
        if layer in codes:
            hidden[body.skin] |= _distance(field, layer, body.vertices, codes) < -depth
    # Another head may take the place of this one: the neck stays whole under a collar.
    neck = body.model.lbs_weights[:, [INDEX["neck"], INDEX["head"]]].sum(1)
    return hidden & (neck < BARE_NECK)


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


def _lifted(field: Gdna, layer: str, z: Tensor, points: Tensor) -> Tensor:
    """[N] metres from points `[N, 3]` to the layer as it is made."""
    return field.distance(layer, points[None], z)[0] - LIFT[layer]


def _distance(field: Gdna, layer: str, points: np.ndarray, codes: Codes) -> np.ndarray:
    return in_chunks(partial(_lifted, field, layer, codes[layer]), torch.from_numpy(points).float()).numpy()


def _compact(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without the vertices that no face has."""
    used, compact = np.unique(faces, return_inverse=True)
    return vertices[used], compact.reshape(faces.shape)
