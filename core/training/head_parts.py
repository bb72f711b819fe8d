"""What a head needs besides skin: eyeballs with iris and cornea, teeth, gums, tongue, lashes.

Each piece has a geometry of its own; how it moves with identity and expression is read off the teacher by `source`.
"""

from dataclasses import dataclass

import igl
import numpy as np
import scipy.sparse as sparse
from scipy.spatial import cKDTree

from .head_topology import Skin
from .ict import VERTICES, IctModel, triangles

EYE_RADIUS, IRIS_RADIUS, PUPIL_RADIUS, CORNEA_APEX = 11.9e-3, 6.1e-3, 2.2e-3, 12.3e-3
EYE_SEGMENTS = 40
LID_EDGE = 3
"""Which ring around the eye runs along the front edge of the lids: lashes grow there, lids meet there."""


@dataclass(frozen=True)
class Piece:
    """One part of the head on the mean face."""

    name: str
    positions: np.ndarray
    """[n, 3] metres."""
    source: sparse.csr_matrix
    """[n, V_teacher]: its product with a teacher displacement field is this piece's displacement."""
    faces: np.ndarray
    """[F, 4], triangles repeat their last index."""
    uv: np.ndarray
    faces_uv: np.ndarray


def build_pieces(ict: IctModel, skin: Skin) -> list[Piece]:
    """Every piece, left ones before right ones, in the order of the model's parts after `skin`."""
    left = _eye(ict)
    cornea = _cornea(ict)
    upper_gums, lower_gums, tongue = _gums_and_tongue(ict)
    teeth = slice(*VERTICES["upper_teeth"]), slice(*VERTICES["lower_teeth"])
    quads = ict.polygons("teeth")
    upper, lower = (quads[(quads >= t.start).all(1) & (quads < t.stop).all(1)] for t in teeth)
    return [
        left,
        _mirrored(left, ict, "right_eye"),
        cornea,
        _mirrored(cornea, ict, "right_cornea"),
        _reduced(ict, "teeth_upper", upper, 1400),
        _reduced(ict, "teeth_lower", lower, 1400),
        _reduced(ict, "gums_upper", upper_gums, 600),
        _reduced(ict, "gums_lower", lower_gums, 600),
        _reduced(ict, "tongue", tongue, 1000),
        _lashes(ict, skin),
    ]


def eye_centre(ict: IctModel) -> np.ndarray:
    """Centre of the sphere that the lids slide on: the teacher's eyeball without what lies deep in the head."""
    ball = ict.neutral[slice(*VERTICES["left_eye"])]
    front = ball[ball[:, 2] > ball[:, 2].max() - 8e-3]
    solution = np.linalg.lstsq(np.c_[2 * front, np.ones(len(front))], (front**2).sum(1), rcond=None)[0]
    return solution[:3]


def _polar(radii: np.ndarray, depths: np.ndarray, uv_radii: np.ndarray, centre: np.ndarray, *, closed: bool):
    """A surface of revolution about +Z from its front pole: positions, quads and a polar UV chart.

    `radii`, `depths`, `uv_radii` [k] of the rings after the pole; a `closed` one ends in a pole at the back.
    """
    angle = np.arange(EYE_SEGMENTS) / EYE_SEGMENTS * 2 * np.pi
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)
    rings = [np.c_[r * circle, np.full(EYE_SEGMENTS, z)] for r, z in zip(radii[1:], depths[1:], strict=True)]
    positions = np.concatenate([[[0, 0, depths[0]]], *rings]) + centre
    uv = np.concatenate([[[0.5, 0.5]], *(0.5 + r * circle for r in uv_radii[1:])])
    ring = np.arange(EYE_SEGMENTS)
    after = np.roll(ring, -1)
    first = 1 + ring
    faces = [np.stack([np.zeros_like(ring), first, 1 + after, 1 + after], 1)]
    for k in range(len(radii) - 2):
        a, b = 1 + k * EYE_SEGMENTS, 1 + (k + 1) * EYE_SEGMENTS
        faces.append(np.stack([a + ring, b + ring, b + after, a + after], 1))
    if closed:
        last = 1 + (len(radii) - 2) * EYE_SEGMENTS
        positions = np.concatenate([positions, centre[None] - [[0, 0, EYE_RADIUS]]])
        pole = np.full(EYE_SEGMENTS, len(positions) - 1)
        faces.append(np.stack([last + ring, pole, last + after, last + after], 1))
        uv = np.concatenate([uv, [[0.5, 0.999]]])
    return positions, np.concatenate(faces), uv


def _eye(ict: IctModel) -> Piece:
    """Sclera and iris in one mesh: the iris lies slightly behind the limbus, the pupil a little deeper."""
    limbus = np.arcsin(IRIS_RADIUS / EYE_RADIUS)
    polar = np.concatenate([[limbus * 1.04], np.linspace(limbus * 1.15, np.pi * 0.94, 14)])
    rim = EYE_RADIUS * np.cos(limbus)
    radii = np.concatenate([[0, PUPIL_RADIUS, 2.8e-3, 3.8e-3, 4.9e-3, IRIS_RADIUS], EYE_RADIUS * np.sin(polar)])
    depths = np.concatenate([rim - np.array([0.75, 0.7, 0.55, 0.5, 0.4, 0.1]) * 1e-3, EYE_RADIUS * np.cos(polar)])
    angle = np.concatenate([np.arcsin(radii[:6] / EYE_RADIUS), polar])
    positions, faces, uv = _polar(radii, depths, eye_uv_radius(angle), eye_centre(ict), closed=True)
    return Piece("left_eye", positions, _rigid_source(ict, positions), faces, uv, faces)


def eye_uv_radius(angle: np.ndarray) -> np.ndarray:
    """Distance from (0.5, 0.5) in the eye's UV chart of a point at `angle` radians from the pupil: iris magnified."""
    return 0.49 * (np.asarray(angle) / np.pi) ** 0.6


def _cornea(ict: IctModel) -> Piece:
    """A clear cap over the iris, rising from just outside the limbus."""
    radii = np.linspace(0, IRIS_RADIUS * 1.08, 8)
    edge = np.sqrt(EYE_RADIUS**2 - radii[-1] ** 2) + 5e-5
    depths = edge + (CORNEA_APEX - edge) * (1 - (radii / radii[-1]) ** 2)
    positions, faces, uv = _polar(radii, depths, 0.48 * radii / radii[-1], eye_centre(ict), closed=False)
    return Piece("left_cornea", positions, _rigid_source(ict, positions), faces, uv, faces)


def _rigid_source(ict: IctModel, positions: np.ndarray) -> sparse.csr_matrix:
    """Rows that repeat the affine motion of the teacher's left eyeball."""
    start, stop = VERTICES["left_eye"]
    ball = np.arange(start, stop)[:: (stop - start) // 60]
    basis = np.c_[ict.neutral[ball], np.ones(len(ball))]
    weights = np.c_[positions, np.ones(len(positions))] @ np.linalg.pinv(basis)
    rows = np.repeat(np.arange(len(positions)), len(ball))
    columns = np.tile(ball, len(positions))
    return sparse.csr_matrix((weights.ravel(), (rows, columns)), shape=(len(positions), len(ict.neutral)))


def _mirrored(piece: Piece, ict: IctModel, name: str) -> Piece:
    positions = piece.positions * [-1, 1, 1]
    uv = piece.uv * [-1, 1] + [1, 0]
    source = piece.source[:, np.argsort(mirror_of(ict))]
    return Piece(name, positions, source, piece.faces[:, [1, 0, 3, 2]], uv, piece.faces_uv[:, [1, 0, 3, 2]])


def mirror_of(ict: IctModel) -> np.ndarray:
    """[V] nearest mirrored teacher vertex of the same part."""
    out = np.arange(len(ict.neutral))
    for source, target in [
        ("skin", "skin"),
        ("gums", "gums"),
        ("teeth", "teeth"),
        ("left_eye", "right_eye"),
        ("right_eye", "left_eye"),
        ("lashes", "lashes"),
    ]:
        a, b = slice(*VERTICES[source]), slice(*VERTICES[target])
        out[a] = b.start + cKDTree(ict.neutral[b]).query(ict.neutral[a] * [-1, 1, 1])[1]
    return out


def _gums_and_tongue(ict: IctModel) -> list[np.ndarray]:
    """Polygons of upper gums with palate and throat, lower gums, tongue: one sheet at the teacher's, cut by what moves.

    The jaw carries the lower ones; the tongue is what lies within the lower arch.
    """
    quads = ict.polygons("gums")
    jaw = np.linalg.norm(ict.expression[ict.expression_index("jawOpen")], axis=1)
    upper = (jaw[quads] < 6e-3).any(1)
    x, z = ict.neutral[:, 0], ict.neutral[:, 2]
    within = (x / 0.021) ** 2 + ((z - 0.060) / 0.0395) ** 2 < 1
    tongue = within[quads].all(1) & ~upper
    return [quads[upper], quads[~upper & ~tongue], quads[tongue]]


def _reduced(ict: IctModel, name: str, quads: np.ndarray, target: int) -> Piece:
    """Left half decimated to `target` / 2 triangles, mirrored, welded; vertices stay on the teacher's surface."""
    faces = triangles(quads)
    faces = faces[(ict.neutral[faces][:, :, 0] >= -1e-5).all(1)]
    used, local = np.unique(faces, return_inverse=True)
    local = local.reshape(-1, 3)
    points = ict.neutral[used]
    vertices, reduced, *_ = igl.qslim(points, local.astype(np.int64), target // 2)
    vertices = np.array(vertices)
    vertices[np.abs(vertices[:, 0]) < 2e-4, 0] = 0
    _, face, closest = igl.point_mesh_squared_distance(vertices, points, local)
    corners = local[np.asarray(face).ravel()]
    weights = np.clip(igl.barycentric_coordinates(closest, *(points[corners[:, i]].copy() for i in range(3))), 0, 1)
    rows = np.repeat(np.arange(len(vertices)), 3)
    columns = used[corners].ravel()
    values = (weights / weights.sum(1, keepdims=True)).ravel()
    left = sparse.csr_matrix((values, (rows, columns)), shape=(len(vertices), len(ict.neutral)))
    middle = vertices[:, 0] == 0
    twin = np.arange(len(vertices))
    twin[~middle] = len(vertices) + np.arange((~middle).sum())
    positions = np.concatenate([vertices, vertices[~middle] * [-1, 1, 1]])
    source = sparse.vstack([left, left[~middle][:, np.argsort(mirror_of(ict))]]).tocsr()
    three = np.concatenate([reduced, twin[np.asarray(reduced)][:, ::-1]])
    # Around the arch and up: enough for a gradient, these parts carry no detailed texture.
    azimuth = np.arctan2(positions[:, 0], positions[:, 2] - positions[:, 2].min() + 5e-3) / np.pi + 0.5
    height = (positions[:, 1] - positions[:, 1].min()) / np.ptp(positions[:, 1])
    quads_ = np.c_[three, three[:, 2]]
    return Piece(name, positions, source, quads_, np.stack([azimuth, 0.02 + 0.96 * height], 1), quads_)


def _lashes(ict: IctModel, skin: Skin, *, per_edge: int = 2) -> Piece:
    """Tapered, curved hairs along both lids, longest at the outer third of the upper lid."""
    rng = np.random.default_rng(7)
    loop = (skin.source @ ict.neutral)[skin.eye_rings[LID_EDGE]]
    hairs = []
    centre = eye_centre(ict)
    inner, outer = loop[loop[:, 0].argmin()], loop[loop[:, 0].argmax()]
    across = (outer - inner) / np.linalg.norm(outer - inner)
    for i in range(len(loop)):
        a, b = loop[i], loop[(i + 1) % len(loop)]
        for j in range(per_edge):
            root = a + (b - a) * (j + rng.uniform(0.2, 0.8)) / per_edge
            along = float((root - inner) @ across / np.linalg.norm(outer - inner))
            line = inner + (outer - inner) * along
            upper = root[1] > line[1]
            if not 0.12 < along < 0.97 or (not upper and j):
                continue
            hairs.append(_lash(root, along, upper, centre, rng))
    hair = np.stack(hairs)
    positions = hair.reshape(-1, 3)
    strip = np.array([[0, 1, 3, 2], [2, 3, 5, 4], [4, 5, 6, 6]])
    faces = (strip[None] + 7 * np.arange(len(hair))[:, None, None]).reshape(-1, 4)
    uv = np.tile([[0.4, 0], [0.6, 0], [0.4, 0.33], [0.6, 0.33], [0.4, 0.67], [0.6, 0.67], [0.5, 1.0]], (len(hair), 1))
    start, stop = VERTICES["lashes"]
    sheet = ict.neutral[start:stop]
    left = np.flatnonzero(sheet[:, 0] > 0) + start
    distance, near = cKDTree(ict.neutral[left]).query(positions, k=4)
    weight = 1 / (distance + 1e-4)
    weight /= weight.sum(1, keepdims=True)
    rows = np.repeat(np.arange(len(positions)), 4)
    source = sparse.csr_matrix((weight.ravel(), (rows, left[near].ravel())), shape=(len(positions), len(ict.neutral)))
    half = Piece("lashes", positions, source, faces, uv, faces)
    other = _mirrored(half, ict, "lashes")
    return Piece(
        "lashes",
        np.concatenate([half.positions, other.positions]),
        sparse.vstack([half.source, other.source]).tocsr(),
        np.concatenate([half.faces, other.faces + len(positions)]),
        np.concatenate([half.uv, other.uv]),
        np.concatenate([half.faces_uv, other.faces_uv + len(uv)]),
    )


def _lash(root: np.ndarray, along: float, upper: bool, centre: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One hair: [7, 3], three cross-sections and a tip, bending away from the eye."""
    outward = root - centre
    outward /= np.linalg.norm(outward)
    fan = np.array([(along - 0.42) * 1.1, 0, 0])
    lift = np.array([0, 0.55, 0]) if upper else np.array([0, -0.75, 0])
    grow = np.sin(np.pi * np.clip(along, 0.08, 0.92)) * (0.75 + 0.5 * along)
    length = (8.0e-3 if upper else 4.2e-3) * grow * rng.uniform(0.8, 1.1)
    start = outward * [1, 1, 1.2] + fan + rng.normal(0, 0.05, 3)
    start /= np.linalg.norm(start)
    end = start + lift * 1.6
    side = np.array([1.0, 0.0, 0.0]) - start * start[0]
    side /= np.linalg.norm(side)
    width = 1.3e-4 if upper else 9e-5
    out = []
    point = root - outward * 2e-4
    for k, t in enumerate((0.0, 0.33, 0.67, 1.0)):
        direction = start * (1 - t) + end * t
        if k:
            point = point + direction / np.linalg.norm(direction) * length / 3
        out += [point - side * width * (1 - t), point + side * width * (1 - t)] if k < 3 else [point]
    return np.stack(out)
