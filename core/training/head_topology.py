"""The head's own topology: a symmetric quad skin with edge loops around eyes and lips, laid out in one UV chart.

The teacher's left half is flattened; loops are drawn around the eye and the lips, the rest is filled with quads; each
vertex remembers where on the teacher's surface it lies, so that whatever the teacher does can be read off on our mesh.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from scipy.spatial import cKDTree

from ..geometry.flatten import flatten
from ..geometry.quads import quad_mesh
from .head_chart import layout_uv
from .head_sheets import (
    Sheet,
    SizeField,
    along,
    left_half,
    midline,
    midline_vertices,
    outer_boundary,
    outer_sheet,
    weight_rows,
)
from .ict import IctModel

LIP_SPACING = (1.3e-3, 1.4e-3, 1.6e-3, 1.8e-3, 2.0e-3, 2.1e-3)
EYE_SPACING = (1.0e-3, 1.2e-3, 1.4e-3, 1.6e-3, 1.8e-3, 2.0e-3)
"""Distance in metres from each edge loop to the next, outwards."""
LIP_SEGMENTS, EYE_SEGMENTS = 44, 56
"""Edges of the inner loops: half a mouth, one eye. Even: quads around are split in two."""


@dataclass(frozen=True)
class Skin:
    """The skin mesh, every vertex a convex combination of teacher vertices."""

    source: sparse.csr_matrix
    """[V, V_teacher], rows sum to 1."""
    faces: np.ndarray
    """[F, 4] quads."""
    uv: np.ndarray
    """[T, 2] in the unit square."""
    faces_uv: np.ndarray
    """[F, 4]."""
    mirror: np.ndarray
    """[V] index of the mirrored vertex."""
    face_region: np.ndarray
    """[F] 0 outer skin, 1 mouth socket, 2 left eye socket, 3 right eye socket."""
    lip_loop: np.ndarray
    """[2 LIP_SEGMENTS] vertices of the inner lip loop, from the upper midline over the left corner and back."""
    eye_rings: np.ndarray
    """[k, EYE_SEGMENTS] vertices of the loops around the left eye, from behind the lids outwards."""


def build_skin(ict: IctModel, *, density: float = 1.0) -> Skin:
    """Lay our quads over the teacher's skin. `density` scales edge lengths inversely (levels of detail)."""
    outer = outer_sheet(ict)
    lip_loop, eye_loop, outline = outer_boundary(outer)
    half = _Half(ict, density)
    lip_ring, eye_ring = half.add_outer(outer, lip_loop, eye_loop, outline)
    half.add_socket("mouth_socket", lip_ring, region=1)
    half.add_socket("left_eye_socket", eye_ring, region=2)
    return half.mirrored(lip_ring)


class _Half:
    """The left half under construction: rows over teacher vertices, quads, and their place in each sheet's plane."""

    def __init__(self, ict: IctModel, density: float):
        self.ict, self.density, self.total = ict, density, len(ict.neutral)
        self.rows: list[sparse.csr_matrix] = []
        self.count = 0
        self.quads: list[np.ndarray] = []
        self.regions: list[np.ndarray] = []
        self.planes: list[dict[int, np.ndarray]] = []
        self.bounds: list[np.ndarray] = []

    def add_nodes(self, rows: sparse.csr_matrix) -> np.ndarray:
        self.rows.append(rows)
        self.count += rows.shape[0]
        return np.arange(self.count - rows.shape[0], self.count)

    def _segments(self, full: int) -> int:
        return max(2 * round(full * self.density / 2), 8)

    def _ring_nodes(self, sheet: Sheet, loop: np.ndarray, full: int, spacing: tuple[float, ...], *, closed: bool):
        """Ring 0 on the teacher's loop, further rings located in the plane. Ids [k + 1, n] and planes of all."""
        segments = self._segments(full)
        pair, weight = along(sheet.points[loop], np.linspace(0, 1, segments + 1)[: segments if closed else None])
        first = weight_rows(sheet.vertices[loop[pair]], weight, self.total)
        plane0 = (sheet.plane[loop[pair]] * weight[..., None]).sum(1)
        scale = sheet.scale()
        wanted = spacing if self.density > 0.7 else tuple(np.add.reduceat(spacing, np.arange(0, len(spacing), 2)))
        local = cKDTree(sheet.plane)
        rings, steps = [plane0], []
        for step in wanted:
            near = scale[local.query(rings[-1], k=8)[1]].mean(1)
            steps.append(step * near)
            rings = _rings(plane0, steps, closed=closed)
        ids = [self.add_nodes(first)] + [self.add_nodes(sheet.locate(ring, self.total)) for ring in rings[1:]]
        strips = []
        for inner, outer in itertools.pairwise(ids):
            a, b = (np.append(i, i[0]) if closed else i for i in (inner, outer))
            strips.append(np.stack([a[:-1], a[1:], b[1:], b[:-1]], 1))
        return ids, rings, np.concatenate(strips)

    def add_outer(self, sheet, lip_loop, eye_loop, outline) -> tuple[np.ndarray, np.ndarray]:
        """Rings and fill of the outer skin. Returns the innermost ring's nodes of lips and eye."""
        size = SizeField(sheet, self.density)
        lip_ids, lip_rings, lip_strips = self._ring_nodes(sheet, lip_loop, LIP_SEGMENTS, LIP_SPACING, closed=False)
        eye_ids, eye_rings, eye_strips = self._ring_nodes(sheet, eye_loop, EYE_SEGMENTS, EYE_SPACING, closed=True)
        top, bottom = lip_rings[-1][0], lip_rings[-1][-1]
        plane = sheet.plane
        above = size.resample(np.stack([plane[outline["upper"][0]] * [0, 1], top]))
        below = size.resample(np.stack([bottom, plane[outline["lower"][-1]] * [0, 1]]))
        neck = size.resample(plane[outline["neck"]])
        back = size.resample(plane[outline["back"]])
        boundary = np.concatenate([above[:-1], lip_rings[-1][::2][:-1], below[:-1], neck[:-1], back[:-1]])
        points, quads = quad_mesh([boundary, eye_rings[-1][::2]], size)
        known = np.concatenate([_doubled(lip_rings[-1], closed=False), _doubled(eye_rings[-1], closed=True)])
        curve = plane[np.concatenate([outline[name] for name in ("lower", "neck", "back", "upper")])]
        ids = self._weld(sheet, points, quads, known, np.concatenate([lip_ids[-1], eye_ids[-1]]), snap=curve)
        faces = _oriented(np.concatenate([lip_strips, eye_strips, ids[quads]]), self._plane_of(sheet))
        self._add_region(0, faces, sheet)
        self.eye_rings = np.stack(eye_ids)
        return lip_ids[0], eye_ids[0]

    def add_socket(self, part: str, ring: np.ndarray, region: int) -> None:
        """Fill a socket behind the loop `ring`; its own sheet, the loop's nodes shared."""
        vertices, faces = left_half(self.ict, part)
        points = self.ict.neutral[vertices]
        sheet = Sheet(vertices, faces, flatten(points, faces, apex=np.zeros(3)), points)
        size = SizeField(sheet, self.density, finest=2.4e-3, coarsest=5.0e-3)
        rows = sparse.vstack(self.rows).tocsr()[ring]
        rim = rows[:, vertices] @ sheet.plane
        closed = region != 1
        coarse = rim[::2]
        boundary = coarse if closed else np.concatenate([coarse[:-1], size.resample(midline(sheet, rim))[:-1]])
        quad_points, quads = quad_mesh([boundary], size)
        middle = sheet.plane[midline_vertices(sheet)] if not closed else None
        ids = self._weld(sheet, quad_points, quads, _doubled(rim, closed=closed), ring, snap=middle)
        self._add_region(region, _oriented(ids[quads], self._plane_of(sheet)), sheet)

    def _weld(self, sheet, points, quads, known, known_ids, *, snap: np.ndarray | None) -> np.ndarray:
        """Node ids of meshed points: those on a shared loop are its nodes, the rest are new.

        Midpoints of chords along the sheet's own boundary move onto it, the curve `snap`.
        """
        tolerance = 1e-7
        distance, nearest = cKDTree(known).query(points)
        shared = distance < tolerance
        free = points[~shared]
        if snap is not None:
            on_rim = _rim(quads)[~shared]
            free[on_rim] = _snap(free[on_rim], snap)
        ids = np.empty(len(points), int)
        ids[shared] = known_ids[nearest[shared]]
        ids[~shared] = self.add_nodes(sheet.locate(free, self.total))
        if len(np.unique(known_ids)) != len(np.unique(ids[shared])):
            raise ValueError("a shared loop was not met by the quads around it")
        return ids

    def _plane_of(self, sheet: Sheet) -> np.ndarray:
        """[count, 2] plane position of every node so far (nonsense for nodes of other sheets)."""
        full = np.zeros((self.total, 2))
        full[sheet.vertices] = sheet.plane
        return sparse.vstack(self.rows).tocsr() @ full

    def _add_region(self, region: int, faces: np.ndarray, sheet: Sheet) -> None:
        plane = self._plane_of(sheet)
        self.quads.append(faces)
        self.regions.append(np.full(len(faces), region))
        self.planes.append({int(i): plane[i] for i in np.unique(faces)})
        self.bounds.append(np.stack([sheet.plane.min(0), sheet.plane.max(0)]))

    def mirrored(self, lip_ring: np.ndarray) -> Skin:
        """Both halves, welded on the midline, oriented outwards, with UVs."""
        rows = sparse.vstack(self.rows).tocsr()
        position = rows @ self.ict.neutral
        middle = np.abs(position[:, 0]) < 1e-6
        twin = np.arange(self.count)
        twin[~middle] = self.count + np.arange((~middle).sum())
        skin = self.ict.neutral[:14062]
        reflect = np.arange(self.total)
        reflect[:14062] = cKDTree(skin).query(skin * [-1, 1, 1])[1]
        source = sparse.vstack([rows, rows[~middle][:, np.argsort(reflect)]]).tocsr()
        mirror = np.concatenate([twin, np.flatnonzero(~middle)])
        quads = [*self.quads, *(twin[faces][:, ::-1] for faces in self.quads)]
        region = np.concatenate([*self.regions, *(np.where(r == 2, 3, r) for r in self.regions)])
        uv, faces_uv = layout_uv(self.planes, self.bounds, self.quads, middle)
        source = _relaxed(source, np.concatenate(quads), self.ict.neutral)
        loop = np.concatenate([lip_ring, twin[lip_ring][::-1][1:-1]])
        return Skin(source, np.concatenate(quads), uv, faces_uv, mirror, region, loop, self.eye_rings)


def _rings(start: np.ndarray, spacing: list[np.ndarray], *, closed: bool) -> list[np.ndarray]:
    """Loops [n, 2] marching outwards from `start`, smoothed as they go; an open one stays on the midline x = 0."""
    rings = [start]
    centre = start.mean(0) * (1 if closed else [0, 1])
    for step in spacing:
        ring = rings[-1]
        if closed:
            tangent = np.roll(ring, -1, 0) - np.roll(ring, 1, 0)
        else:
            tangent = np.gradient(ring, axis=0)
            tangent[[0, -1], 1] = 0
        normal = np.stack([tangent[:, 1], -tangent[:, 0]], 1)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        if ((ring - centre) * normal).sum() < 0:
            normal = -normal
        ring = ring + step[:, None] * normal
        for _ in range(4):
            if closed:
                ring = ring + 0.25 * (np.roll(ring, 1, 0) + np.roll(ring, -1, 0) - 2 * ring)
            else:
                ring[1:-1] = ring[1:-1] + 0.25 * (ring[:-2] + ring[2:] - 2 * ring[1:-1])
        if not closed:
            ring[[0, -1], 0] = 0
        rings.append(ring)
    return rings


def _relaxed(source: sparse.csr_matrix, faces: np.ndarray, teacher: np.ndarray) -> sparse.csr_matrix:
    """Even out where the surface bends more than a quad can follow (nostril rims): average folded corners' rows."""
    points = source @ teacher
    one, two = (
        np.cross(points[faces[:, b]] - points[faces[:, 0]], points[faces[:, c]] - points[faces[:, 0]])
        for b, c in ((1, 2), (2, 3))
    )
    cosine = (one * two).sum(1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1))
    folded = np.zeros(len(points))
    folded[faces[cosine < 0.7]] = 1
    edges = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    graph = sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(len(points),) * 2).tocsr()
    graph.data[:] = 1
    average = sparse.diags(1 / np.asarray(graph.sum(1)).ravel()) @ graph
    share = sparse.diags(0.5 * np.clip(folded + average @ folded, 0, 1) * (np.abs(points[:, 0]) > 1e-9))
    for _ in range(4):
        source = source + share @ (average @ source - source)
    return source.tocsr()


def _doubled(ring: np.ndarray, *, closed: bool) -> np.ndarray:
    """Where the mesher puts a ring's nodes: every second one stays, those between lie on chords."""
    out = ring.copy()
    after = np.roll(ring, -1, 0) if closed else np.vstack([ring[1:], ring[-1:]])
    out[1::2] = (np.roll(ring, 1, 0)[1::2] + after[1::2]) / 2
    return out


def _rim(quads: np.ndarray) -> np.ndarray:
    """[P] whether a point lies on the boundary of the quads."""
    edges = np.sort(np.concatenate([quads[:, [0, 1]], quads[:, [1, 2]], quads[:, [2, 3]], quads[:, [3, 0]]]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    rim = np.zeros(quads.max() + 1, bool)
    rim[unique[count == 1]] = True
    return rim


def _snap(points: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """The nearest points of a polyline [n, 2] to points [p, 2]."""
    curve = curve[np.r_[True, np.abs(np.diff(curve, axis=0)).sum(1) > 0]]
    a, along = curve[:-1], np.diff(curve, axis=0)
    t = ((points[:, None] - a) * along).sum(-1) / (along**2).sum(-1)
    foot = a + np.clip(t, 0, 1)[..., None] * along
    best = np.linalg.norm(points[:, None] - foot, axis=-1).argmin(1)
    return foot[np.arange(len(points)), best]


def _oriented(faces: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Faces counter-clockwise in the sheet's plane, which is the teacher's outside."""
    p = plane[faces]
    d1, d2 = p[:, 2] - p[:, 0], p[:, 3] - p[:, 1]
    return np.where((d1[:, 0] * d2[:, 1] - d1[:, 1] * d2[:, 0] < 0)[:, None], faces[:, ::-1], faces)
