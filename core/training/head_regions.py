"""Regions of the head by name: soft masks over vertices, from the teacher's markup and from where things are."""

import numpy as np
from scipy.interpolate import splev, splprep
from scipy.spatial import cKDTree
from skimage.measure import points_in_poly

from ..geometry.smoothstep import smoothstep
from .head_parts import EYE_RADIUS, IRIS_RADIUS, LID_EDGE, Piece
from .head_topology import Skin
from .ict import LANDMARKS, VERTICES, IctModel


def build_masks(ict: IctModel, skin: Skin, pieces: list[Piece]) -> dict[str, np.ndarray]:
    """Region name -> [V] float32 in 0..1 over all vertices, skin first."""
    points = skin.source @ ict.neutral
    plane = vertex_uv(skin)
    marks = plane[landmark_vertices(ict, skin)]
    outside = _region(skin, 0) > 0.5
    masks = {
        "face": _teacher_range(ict, skin, "face"),
        "narrow_face": _teacher_range(ict, skin, "narrow_face"),
        "mouth_socket": _region(skin, 1),
        "eye_sockets": np.maximum(_region(skin, 2), _region(skin, 3)),
        "scalp": _scalp(points) * outside,
        "neck": smoothstep(-(points[:, 1] + 0.45 * points[:, 2]), 0.07, 0.10) * outside,
        "lips": _inside(plane, _spline(marks[48:60]), 1.5e-3) * outside,
        "brows": np.maximum(_band(plane, marks[17:22], 0.009), _band(plane, marks[22:27], 0.009)) * outside,
        "ears": _ears(plane, points) * outside,
        "eyelids": smoothstep(-_distance(points, points[lid_edges(skin).ravel()]), -8e-3, -4e-3) * outside,
    }
    rest = sum(len(piece.positions) for piece in pieces)
    masks = {name: np.concatenate([mask, np.zeros(rest)]).astype(np.float32) for name, mask in masks.items()}
    masks["iris"] = np.concatenate([np.zeros(len(points)), *(_iris(piece) for piece in pieces)]).astype(np.float32)
    return masks


def landmark_vertices(ict: IctModel, skin: Skin) -> np.ndarray:
    """[68] our vertices nearest to the markup's; where they lie with the jaw open tells touching lips apart."""
    both = np.concatenate([ict.neutral, ict.neutral + ict.expression[ict.expression_index("jawOpen")]], 1)
    return cKDTree(skin.source @ both).query(both[LANDMARKS])[1]


def lid_edges(skin: Skin) -> np.ndarray:
    """[2, EYE_SEGMENTS] vertices along the front edges of the left and the right lids."""
    left = skin.eye_rings[LID_EDGE]
    return np.stack([left, skin.mirror[left]])


def vertex_uv(skin: Skin) -> np.ndarray:
    """[V, 2] one UV of each skin vertex (either side of a seam)."""
    plane = np.zeros((len(skin.mirror), 2))
    plane[skin.faces[::-1].ravel()] = skin.uv[skin.faces_uv[::-1].ravel()]
    return plane


def _teacher_range(ict: IctModel, skin: Skin, name: str) -> np.ndarray:
    inside = np.zeros(len(ict.neutral))
    inside[slice(*VERTICES[name])] = 1
    return np.asarray(skin.source @ inside)


def _region(skin: Skin, region: int) -> np.ndarray:
    """1 on vertices whose every face lies in the region."""
    mask = np.zeros(len(skin.mirror))
    mask[skin.faces[skin.face_region == region]] = 1
    mask[skin.faces[skin.face_region != region]] = 0
    return mask


def _scalp(points: np.ndarray) -> np.ndarray:
    """Above a hairline given by its height at each azimuth around the skull: forehead, temples, over the ears, nape."""
    azimuth = np.degrees(np.arctan2(np.abs(points[:, 0]), points[:, 2] - 0.01))
    line = np.interp(
        azimuth, [0, 30, 48, 62, 85, 100, 115, 140, 180], np.array([103, 101, 92, 78, 60, 50, 20, -45, -62]) * 1e-3
    )
    return smoothstep(points[:, 1] - line, -4e-3, 8e-3)


def _spline(points: np.ndarray) -> np.ndarray:
    spline, _ = splprep(np.vstack([points, points[:1]]).T, s=0, per=True)
    return np.stack(splev(np.linspace(0, 1, 100), spline), 1)


def _distance(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return cKDTree(targets).query(points)[0]


def _inside(plane: np.ndarray, polygon: np.ndarray, soft: float) -> np.ndarray:
    signed = np.where(points_in_poly(plane, polygon), 1, -1) * _distance(plane, polygon)
    return smoothstep(signed, -soft, soft)


def _band(plane: np.ndarray, line: np.ndarray, half_width: float) -> np.ndarray:
    """A soft band around a curve, in the unit of the UV chart."""
    spline, _ = splprep(line.T, s=0, k=3)
    curve = np.stack(splev(np.linspace(0, 1, 60), spline), 1)
    return 1 - smoothstep(_distance(plane, curve), 0.6 * half_width, 1.4 * half_width)


def _ears(plane: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The auricles: an ellipse of the UV chart around where they stand out furthest."""
    centre = plane[np.where(points[:, 1] > -0.05, points[:, 0], 0).argmax()]
    local = (np.stack([0.5 + np.abs(plane[:, 0] - 0.5), plane[:, 1]], 1) - centre) / [0.042, 0.072]
    return 1 - smoothstep(np.linalg.norm(local, axis=1), 0.9, 1.1)


def _iris(piece: Piece) -> np.ndarray:
    if not piece.name.endswith("_eye"):
        return np.zeros(len(piece.positions))
    front = piece.positions - piece.positions.mean(0)
    radius = np.linalg.norm(piece.positions[:, :2] - piece.positions[0, :2], axis=1)
    return ((radius < IRIS_RADIUS + 1e-5) & (front[:, 2] > 0.3 * EYE_RADIUS)).astype(float)
