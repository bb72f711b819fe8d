"""The head model's texture atlas, materials and bones on a mesh of another topology."""

from dataclasses import dataclass

import numpy as np

from ..geometry.closest import closest_points
from ..parametric.head import HeadModel
from ..rendering.rasterise import triangulate

SEAM = 0.02
"""UV units by which a corner's place may differ from where its triangle's middle expects it before it counts as lying
across a seam."""


@dataclass(frozen=True)
class Landing:
    """Where the vertices and triangles of a mesh lie on the model's skin."""

    binding: np.ndarray
    """[V, 3] int32 model vertices of the triangle under each vertex."""
    shares: np.ndarray
    """[V, 3] float32 barycentric coordinates."""
    uv: np.ndarray
    """[T, 2] float32."""
    triangles_uv: np.ndarray
    """[F, 3] int32 into `uv`."""
    in_mouth: np.ndarray
    """[F] bool: the triangle lines the mouth."""


def land(model: HeadModel, skin: np.ndarray, points: np.ndarray, triangles: np.ndarray) -> Landing:
    """Land a mesh, whose vertices correspond to `points` [V, 3] about the model's `skin` [S, 3], on that skin.

    No triangle straddles a seam of the atlas: each lies in the chart of its middle, and corners across a seam have
    UVs of their own, by continuing the chart over it.
    """
    chosen = model.face_part == model.parts.index("skin")
    corners, _ = triangulate(model.faces[chosen])
    corners_uv, _ = triangulate(model.faces_uv[chosen])
    below, shares, _ = closest_points(points, skin, corners)
    middle, _, _ = closest_points(points[triangles].mean(1), skin, corners)
    vertex_uv = np.einsum("vk,vkc->vc", shares, model.uv[corners_uv[below]])
    expected = _continued(skin[corners[middle]], model.uv[corners_uv[middle]], points[triangles])
    across = np.linalg.norm(vertex_uv[triangles] - expected, axis=-1) > SEAM
    triangles_uv = triangles.astype(np.int32)
    triangles_uv[across] = len(points) + np.arange(across.sum())
    return Landing(
        binding=corners[below].astype(np.int32),
        shares=shares,
        uv=np.concatenate([vertex_uv, expected[across]]).astype(np.float32),
        triangles_uv=triangles_uv,
        in_mouth=(model.masks["mouth_socket"][corners] > 0.5).all(1)[middle],
    )


def _continued(corners: np.ndarray, uv: np.ndarray, points: np.ndarray) -> np.ndarray:
    """UV `[F, K, 2]` of `points` [F, K, 3] by the affine map of triangles `corners` [F, 3, 3] to `uv` [F, 3, 2]."""
    edges = corners[:, 1:] - corners[:, :1]
    gram = edges @ edges.transpose(0, 2, 1)
    along = (points - corners[:, :1]) @ edges.transpose(0, 2, 1)
    determinant = np.maximum(gram[:, 0, 0] * gram[:, 1, 1] - gram[:, 0, 1] ** 2, 1e-18)[:, None]
    first = (gram[:, 1, 1, None] * along[..., 0] - gram[:, 0, 1, None] * along[..., 1]) / determinant
    second = (gram[:, 0, 0, None] * along[..., 1] - gram[:, 0, 1, None] * along[..., 0]) / determinant
    axes = uv[:, 1:] - uv[:, :1]
    return uv[:, :1] + first[..., None] * axes[:, :1] + second[..., None] * axes[:, 1:]
