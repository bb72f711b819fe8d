"""Charts for a mesh that has none: pieces that face one way, laid flat and packed into the unit square."""

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

DIRECTIONS = np.concatenate([np.eye(3), -np.eye(3)])
ROUNDS = 12
"""Majority votes among neighbouring faces: more of them give fewer, rounder charts."""


def box_charts(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of triangles or quads `faces` [F, 3 or 4]: flat points `[T, 2]` in metres, their faces `[F, 3 or 4]`, and the
    chart `[T]` that each point is of; not yet packed.

    Each chart is projected along the axis that it faces, so that lengths are kept within a factor of two.
    """
    adjacent = _adjacency(faces)
    label = _labels(vertices, faces, adjacent)
    edges = coo_matrix(adjacent)
    same = label[edges.row] == label[edges.col]
    graph = coo_matrix((np.ones(same.sum()), (edges.row[same], edges.col[same])), adjacent.shape)
    count, chart = connected_components(graph, directed=False)

    corner = chart[:, None] * len(vertices) + faces
    unique, inverse = np.unique(corner, return_inverse=True)
    of_chart, of_vertex = unique // len(vertices), unique % len(vertices)
    chart_label = np.zeros(count, np.int64)
    chart_label[chart] = label
    return _flatten(vertices[of_vertex], chart_label[of_chart]), inverse.reshape(faces.shape), of_chart


def pack_charts(flat: np.ndarray, chart: np.ndarray, margin: float) -> tuple[np.ndarray, float]:
    """Texture coordinates `[T, 2]` in 0..1 of points `flat` [T, 2] of charts `chart` [T], and the square's side in
    metres; `margin` is the gap between charts as a share of the square.
    """
    count = chart.max() + 1
    low = np.full((count, 2), np.inf)
    high = np.full((count, 2), -np.inf)
    np.minimum.at(low, chart, flat)
    np.maximum.at(high, chart, flat)
    place, side = _pack(high - low, margin)
    return ((flat - low[chart] + place[chart]) / side).astype(np.float32), side


def _adjacency(faces: np.ndarray) -> csr_matrix:
    """[F, F] 1 where two faces share an edge."""
    edges = np.sort(np.stack([faces, np.roll(faces, -1, 1)], -1).reshape(-1, 2), 1)
    owner = np.repeat(np.arange(len(faces)), faces.shape[1])
    order = np.lexsort(edges.T)
    edges, owner = edges[order], owner[order]
    twin = np.flatnonzero((edges[1:] == edges[:-1]).all(1))
    a, b = owner[twin], owner[twin + 1]
    ones = np.ones(2 * len(a))
    return coo_matrix((ones, (np.r_[a, b], np.r_[b, a])), (len(faces), len(faces))).tocsr()


def _labels(vertices: np.ndarray, faces: np.ndarray, adjacent: csr_matrix) -> np.ndarray:
    """Index into DIRECTIONS of the way each face is projected, the same over large pieces."""
    corner = vertices[faces]
    # Of a quad by its diagonals, of a triangle by two edges.
    normal = np.cross(corner[:, 2] - corner[:, 0], corner[:, -1] - corner[:, 1])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-20
    facing = normal @ DIRECTIONS.T
    smooth = facing
    for _ in range(ROUNDS):
        smooth = (smooth + adjacent @ smooth) / 4
    label = np.where(facing > 0.2, smooth, -1).argmax(1)
    for _ in range(ROUNDS):
        votes = np.eye(len(DIRECTIONS))[label]
        votes = votes + 1.5 * (adjacent @ votes) + facing
        label = np.where(facing > 0.15, votes, -1).argmax(1)
    return label


def _flatten(points: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Points `[N, 3]` seen along DIRECTIONS[label], unmirrored: `[N, 2]`."""
    axis, negative = label % 3, label >= 3
    x = np.take_along_axis(points, ((axis + 1) % 3)[:, None], 1)[:, 0]
    y = np.take_along_axis(points, ((axis + 2) % 3)[:, None], 1)[:, 0]
    return np.stack([np.where(negative, -x, x), y], -1)


def _pack(sizes: np.ndarray, margin: float) -> tuple[np.ndarray, float]:
    """Lower left corners `[N, 2]` of rectangles `sizes` `[N, 2]` on shelves, and the side of the square they fill."""
    order = np.argsort(-sizes[:, 1])
    side = float(np.sqrt(sizes.prod(1).sum()) + sizes.max())
    for _ in range(40):
        place, top = _shelves(sizes, order, side * 0.97, margin * side)
        if top > side * 0.97:
            break
        side *= 0.97
    place, _ = _shelves(sizes, order, side, margin * side)
    return place, side


def _shelves(sizes: np.ndarray, order: np.ndarray, side: float, gap: float) -> tuple[np.ndarray, float]:
    place = np.zeros_like(sizes)
    x = y = gap
    shelf = 0.0
    for i in order:
        if x + sizes[i, 0] + gap > side:
            if x <= gap:
                return place, np.inf  # one chart alone is wider than the square
            x, y, shelf = gap, y + shelf + gap, 0.0
        if x + sizes[i, 0] + gap > side:
            return place, np.inf
        place[i] = x, y
        x += sizes[i, 0] + gap
        shelf = max(shelf, sizes[i, 1])
    return place, y + shelf + gap
