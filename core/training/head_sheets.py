"""The teacher's left half, flattened piece by piece: outer skin, mouth socket, eye socket."""

import itertools
from dataclasses import dataclass

import igl
import numpy as np
import scipy.sparse as sparse
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from ..geometry.flatten import flatten
from .ict import IctModel, triangles

BEND = 0.7
"""Radians that the surface may turn along one edge."""


@dataclass(frozen=True)
class Sheet:
    """A piece of the teacher's left half, flattened."""

    vertices: np.ndarray
    """[n] teacher vertices."""
    faces: np.ndarray
    """[f, 3] into `vertices`."""
    plane: np.ndarray
    """[n, 2] metres."""
    points: np.ndarray
    """[n, 3] metres."""

    def locate(self, plane: np.ndarray, total: int) -> sparse.csr_matrix:
        """Rows over teacher vertices of points given in the plane, `[p, 2]` to `[p, total]`."""
        flat = np.c_[self.plane, np.zeros(len(self.plane))]
        query = np.c_[plane, np.zeros(len(plane))]
        _, face, closest = igl.point_mesh_squared_distance(query, flat, self.faces)
        corners = self.faces[np.asarray(face).ravel()]
        weights = igl.barycentric_coordinates(
            np.asarray(closest), *(np.ascontiguousarray(flat[corners[:, i]]) for i in range(3))
        )
        weights = np.clip(weights, 0, 1)
        weights[weights < 1e-7] = 0
        return weight_rows(self.vertices[corners], weights / weights.sum(1, keepdims=True), total)

    def scale(self) -> np.ndarray:
        """Plane length over surface length at each vertex, `[n]`."""
        flat, solid = igl.doublearea(self.plane, self.faces), igl.doublearea(self.points, self.faces)
        return np.sqrt(_per_vertex(self.faces, flat, len(self.plane)) / _per_vertex(self.faces, solid, len(self.plane)))


def outer_sheet(ict: IctModel) -> Sheet:
    """Both halves flattened at once, glued along the front midline and cut along the back, then made symmetric."""
    vertices, faces = left_half(ict, "outer")
    points = ict.neutral[vertices]
    front = _sections(points, faces)["front"]
    count = len(points)
    twin = np.arange(count)
    others = np.setdiff1d(np.arange(count), front)
    twin[others] = count + np.arange(len(others))
    both = np.concatenate([points, points[others] * [-1, 1, 1]])
    plane = flatten(both, np.concatenate([faces, twin[faces][:, ::-1]]), apex=np.array([0, 0, 0.8]))
    # Turn the front midline upright, then average the halves.
    line = plane[front]
    axis = np.linalg.svd(line - line.mean(0))[2][0]
    axis = axis * np.sign((points[front] - points[front].mean(0))[:, 1] @ (line - line.mean(0)) @ axis)
    plane = (plane - line.mean(0)) @ np.array([[axis[1], -axis[0]], [axis[0], axis[1]]]).T
    left, right = plane[:count], plane[twin]
    return Sheet(vertices, faces, np.stack([left[:, 0] - right[:, 0], left[:, 1] + right[:, 1]], 1) / 2, points)


def outer_boundary(sheet: Sheet) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    sections = _sections(sheet.points, sheet.faces)
    eye = np.asarray(min(igl.boundary_loop_all(sheet.faces), key=len))
    # From the inner corner over the upper lid: the same start on any head.
    eye = np.roll(eye, -int(sheet.points[eye, 0].argmin()))
    if sheet.points[eye[len(eye) // 4], 1] < sheet.points[eye[3 * len(eye) // 4], 1]:
        eye = np.roll(eye[::-1], 1)
    return sections["lips"], np.append(eye, eye[0]), sections


def _sections(points: np.ndarray, faces: np.ndarray) -> dict[str, np.ndarray]:
    """The outer half's boundary from the crown forwards: midline above and below the mouth, lips, neck, back."""
    loop = np.asarray(max(igl.boundary_loop_all(faces), key=len))
    middle = np.abs(points[:, 0]) < 1e-9
    crown = np.flatnonzero(middle)[points[middle, 1].argmax()]
    loop = np.roll(loop, -int(np.flatnonzero(loop == crown)[0]))
    if points[loop[5], 2] < points[loop[-5], 2]:
        loop = np.roll(loop[::-1], 1)
    ends = np.flatnonzero(np.diff(middle[loop].astype(int)))
    upper, lips, lower, neck, back = np.split(loop, ends + 1)
    return {
        "front": np.concatenate([upper, lower]),
        "upper": upper,
        "lips": np.concatenate([upper[-1:], lips, lower[:1]]),
        "lower": lower,
        "neck": np.concatenate([lower[-1:], neck, back[:1]]),
        "back": np.concatenate([back, loop[:1]]),
    }


def left_half(ict: IctModel, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Teacher vertices and local triangles of a part's left half."""
    quads = ict.polygons(part)
    faces = triangles(quads[(ict.neutral[quads][:, :, 0] >= 0).all(1)])
    vertices, local = np.unique(faces, return_inverse=True)
    return vertices, local.reshape(-1, 3)


class SizeField:
    """Wished edge length in the plane: finer where the teacher is finer, coarser over scalp and neck."""

    def __init__(self, sheet: Sheet, density: float, *, finest: float = 1.3e-3, coarsest: float = 6.0e-3):
        edges = igl.edges(sheet.faces)
        length = np.linalg.norm(sheet.points[edges[:, 0]] - sheet.points[edges[:, 1]], axis=1)
        both = edges.ravel()
        count = len(sheet.points)
        mean = np.bincount(both, np.repeat(length, 2), count) / np.maximum(np.bincount(both, minlength=count), 1)
        # A bend of half a radian an edge is as coarse as a silhouette bears: ear rims, nostrils.
        normals = igl.per_vertex_normals(sheet.points, sheet.faces)
        turn = np.arccos(np.clip((normals[edges[:, 0]] * normals[edges[:, 1]]).sum(1), -1, 1)) / length
        bend = np.zeros(count)
        np.maximum.at(bend, both, np.repeat(turn, 2))
        mean = np.minimum(mean, BEND / np.maximum(bend, 1e-6))
        graph = sparse.coo_matrix((np.ones(len(both)), (both, edges[:, ::-1].ravel())), shape=(count, count)).tocsr()
        average = sparse.diags(1 / np.asarray(graph.sum(1)).ravel()) @ graph
        for _ in range(3):
            mean = 0.5 * mean + 0.5 * (average @ mean)
        wished = np.clip(mean, finest, coarsest) * sheet.scale() / density
        low, high = sheet.plane.min(0), sheet.plane.max(0)
        self._low, self._step = low, (high - low) / 255
        grid = np.stack(np.meshgrid(*(np.linspace(low[i], high[i], 256) for i in range(2)), indexing="ij"), -1)
        distance, nearest = cKDTree(sheet.plane).query(grid.reshape(-1, 2), k=6)
        weight = 1 / (distance + 1e-5)
        self._grid = ((wished[nearest] * weight).sum(1) / weight.sum(1)).reshape(256, 256)

    def __call__(self, plane: np.ndarray) -> np.ndarray:
        return map_coordinates(self._grid, ((plane - self._low) / self._step).T, order=1, mode="nearest")

    def resample(self, line: np.ndarray) -> np.ndarray:
        """Points on a polyline [n, 2] in the plane at twice the wished spacing, ends kept."""
        fine = np.concatenate([np.linspace(a, b, 20, endpoint=False) for a, b in itertools.pairwise(line)])
        fine = np.concatenate([fine, line[-1:]])
        cost = np.r_[0, np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1) / (2 * self(fine[:-1])))]
        count = max(round(cost[-1]), 1)
        at = np.interp(np.linspace(0, cost[-1], count + 1), cost, np.arange(len(fine)))
        return np.stack([np.interp(at, np.arange(len(fine)), fine[:, i]) for i in range(2)], 1)


def along(points: np.ndarray, fractions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Segment pairs [k, 2] and weights [k, 2] at fractions of the arc length of a polyline [n, d]."""
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    position = fractions * length[-1]
    segment = np.clip(np.searchsorted(length, position, side="right") - 1, 0, len(points) - 2)
    t = (position - length[segment]) / (length[segment + 1] - length[segment])
    return np.stack([segment, segment + 1], 1), np.stack([1 - t, t], 1)


def weight_rows(columns: np.ndarray, weights: np.ndarray, total: int) -> sparse.csr_matrix:
    """Sparse rows from [p, k] columns and weights."""
    index = np.repeat(np.arange(len(columns)), columns.shape[1])
    return sparse.csr_matrix((weights.ravel(), (index, columns.ravel())), shape=(len(columns), total))


def _per_vertex(faces: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(faces.ravel(), np.repeat(values, 3), count)


def midline_vertices(sheet: Sheet) -> np.ndarray:
    """A socket's vertices along the plane of symmetry, in order."""
    loop = np.asarray(max(igl.boundary_loop_all(sheet.faces), key=len))
    middle = np.abs(sheet.points[loop, 0]) < 1e-9
    start = int(np.flatnonzero(middle & ~np.roll(middle, 1))[0])
    loop, middle = np.roll(loop, -start), np.roll(middle, -start)
    return loop[: int(np.flatnonzero(~middle)[0])] if not middle.all() else loop


def midline(sheet: Sheet, rim: np.ndarray) -> np.ndarray:
    """That line in the plane, [n, 2], starting where the open loop `rim` [m, 2] ends."""
    line = sheet.plane[midline_vertices(sheet)]
    return line if np.linalg.norm(line[0] - rim[-1]) < np.linalg.norm(line[-1] - rim[-1]) else line[::-1]
