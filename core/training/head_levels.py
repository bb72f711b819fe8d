"""Levels of detail: coarser skins whose every vertex rides on the full one, sharing its bases and textures."""

import igl
import numpy as np

from .head_parts import Piece
from .head_topology import Skin, build_skin
from .ict import IctModel, triangles

DENSITIES = (0.62, 0.36)
"""Edge density of each level over the full skin's: about 5,500 and 2,200 skin vertices."""
DROPPED: tuple[tuple[str, ...], ...] = ((), ("lashes", "left_cornea", "right_cornea"))
"""Parts that a level does without."""


def level_tensors(ict: IctModel, rest: np.ndarray, skin: Skin, pieces: list[Piece]) -> dict[str, np.ndarray]:
    """Tensors `lod<k>_...` of each level, the fields of `LevelOfDetail`. `rest` [V, 3] is the full mean head."""
    out: dict[str, np.ndarray] = {}
    for level, (density, dropped) in enumerate(zip(DENSITIES, DROPPED, strict=True), 1):
        coarse = build_skin(ict, density=density)
        source, weights = _carried(coarse.source @ ict.neutral, rest, skin)
        faces, uv, faces_uv, part = [coarse.faces], [coarse.uv], [coarse.faces_uv], [np.zeros(len(coarse.faces))]
        full, count, corners = len(skin.mirror), len(source), len(coarse.uv)
        sources, shares = [source], [weights]
        for index, piece in enumerate(pieces, 1):
            own = np.arange(full, full + len(piece.positions))
            full += len(piece.positions)
            if piece.name in dropped:
                continue
            sources.append(np.repeat(own[:, None], 3, 1))
            shares.append(np.tile([1.0, 0.0, 0.0], (len(own), 1)))
            faces.append(piece.faces + count)
            faces_uv.append(piece.faces_uv + corners)
            uv.append(piece.uv)
            part.append(np.full(len(piece.faces), index))
            count, corners = count + len(own), corners + len(piece.uv)
        out |= {
            f"lod{level}_source": np.concatenate(sources).astype(np.int32),
            f"lod{level}_weights": np.concatenate(shares).astype(np.float32),
            f"lod{level}_faces": np.concatenate(faces).astype(np.int32),
            f"lod{level}_uv": np.concatenate(uv).astype(np.float32),
            f"lod{level}_faces_uv": np.concatenate(faces_uv).astype(np.int32),
            f"lod{level}_face_part": np.concatenate(part).astype(np.int32),
        }
    return out


def _carried(points: np.ndarray, rest: np.ndarray, skin: Skin) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [p, 3] and weights [p, 3] of the nearest points on the full skin."""
    faces = triangles(skin.faces)
    _, face, closest = igl.point_mesh_squared_distance(points, rest, faces)
    corners = faces[np.asarray(face).ravel()]
    weights = igl.barycentric_coordinates(closest, *(np.ascontiguousarray(rest[corners[:, i]]) for i in range(3)))
    weights = np.clip(weights, 0, 1)
    return corners, weights / weights.sum(1, keepdims=True)
