"""Hair as a mesh of its own, grown from the scalp to the hair's outline in the photo."""

import numpy as np
from scipy.spatial import cKDTree

from ..avatar import Material, Part
from ..geometry.borders import boundary_edges
from ..parametric.head import HeadModel
from ..rendering.shading import vertex_normals
from .fit import HeadFit
from .hair_colors import HairColors, Shell
from .hair_texture import hair_material, with_tufts
from .hair_tufts import grow_tufts
from .hair_view import hair_view
from .hair_volume import HairVolume
from .photo import Photo
from .segmentation import Masks

LEAST_AREA = 0.0022
"""Square metres of hair in the photo's plane below which a head counts as bald."""

SOLID = 0.012
"""Metres from its edge at which hair is no longer loose strands."""

UNDERSIDE, AIR, BESIDE = -0.75, 0.002, 0.02
"""Where hair ends: how far down its surface faces, metres from hair to SOLID below it, lest it be a dent, and metres
beside it within which no hair hangs lower.
"""


def grow_hair(
    model: HeadModel, fit: HeadFit, photo: Photo, masks: Masks, exposure: np.ndarray
) -> tuple[Part, Material] | None:
    """The hair of the person in `photo`, bound to the scalp of `model`; None for a bald head.

    `exposure` [3] is the linear colour that a white card on the face would have.
    """
    posed = model.vertices(fit.beta, fit.psi, fit.theta)
    view = hair_view(model, posed, fit.camera, masks)
    if (masks.hair > 0.5)[: view.row(view.lobe)].sum() * view.pixel**2 < LEAST_AREA:
        return None
    volume = HairVolume.of(model, posed, view)
    vertices, triangles = volume.surface()
    if len(triangles) == 0:
        return None
    normals = vertex_normals(vertices, triangles)
    shell = Shell(vertices, triangles, normals, _rise(volume, vertices, triangles, normals), view.center)
    colors = HairColors.of(shell, fit.camera, photo.pixels, masks, exposure)
    tufts = grow_tufts(shell, volume.depth, colors.flow)
    uv, uv_triangles, material = hair_material(shell, tufts, colors)
    vertices, triangles = with_tufts(shell, tufts)
    binding, shares = bind_to_scalp(model, posed, vertices)
    moved = model.shaped(fit.beta) - posed
    vertices = vertices + np.einsum("vk,vkc->vc", shares, moved[binding])
    return hair_part(vertices, triangles, uv, uv_triangles, (binding, shares)), material


def _rise(volume: HairVolume, vertices: np.ndarray, triangles: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Metres `[V]` above the skin, or from the hair's edge where that is more, up to SOLID: hair is loose strands at
    its edge, and not wherever it lies thin. Where it ends in the air it has an underside, which is loose strands too.
    """
    edge, _ = cKDTree(vertices[np.unique(boundary_edges(triangles))]).query(vertices)
    height = volume.height(vertices)
    rise = np.maximum(height, np.minimum(edge, SOLID))
    airy = volume.depth(vertices - [0, SOLID, 0]) < -AIR
    ends = _lowest_beside(vertices, np.flatnonzero((normals[:, 1] < UNDERSIDE) & (height > SOLID / 2) & airy))
    return np.minimum(rise, cKDTree(vertices[ends]).query(vertices)[0]) if len(ends) else rise


def _lowest_beside(vertices: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Those of the `chosen` [N] of `vertices` [V, 3] beside which, seen from above, no hair hangs lower."""
    plan = vertices[:, [0, 2]]
    near = cKDTree(plan).query_ball_point(plan[chosen], BESIDE)
    lowest = np.array([vertices[around, 1].min() for around in near])
    return chosen[vertices[chosen, 1] < lowest + SOLID] if len(chosen) else chosen


def hair_part(
    vertices: np.ndarray,
    triangles: np.ndarray,
    uv: np.ndarray,
    uv_triangles: np.ndarray,
    binding: tuple[np.ndarray, np.ndarray],
) -> Part:
    """The part of vertices `[V, 3]` metres and triangles `[T, 3]`, charted by `uv` [U, 2] and its triangles `[T, 3]`;
    `binding` is that of `bind_to_scalp`.
    """
    return Part(
        name="hair",
        vertices=vertices.astype(np.float32),
        faces=triangles[:, [0, 1, 2, 2]].astype(np.int32),
        uv=uv,
        faces_uv=uv_triangles[:, [0, 1, 2, 2]].astype(np.int32),
        face_material=np.zeros(len(triangles), np.int32),
        weights=np.zeros((len(vertices), 0), np.float32),
        binding=binding[0],
        binding_weights=binding[1],
    )


def bind_to_scalp(model: HeadModel, vertices: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Three scalp vertices `[N, 3]` that carry each of `points` `[N, 3]`, and their shares: hair follows the skull."""
    scalp = np.flatnonzero(model.masks["scalp"] > 0.5)
    distance, nearest = cKDTree(vertices[scalp]).query(points, 3)
    shares = 1 / (distance + 0.01)
    return scalp[nearest].astype(np.int32), (shares / shares.sum(1, keepdims=True)).astype(np.float32)
