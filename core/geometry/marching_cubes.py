"""Marching cubes on any set of cells, in torch, on any device.

Lorensen and Cline, "Marching Cubes: A High Resolution 3D Surface Construction Algorithm", 1987. The table of cases is
not listed but derived: the surface cuts each face of a cube along lines that keep the inside corners of that face
apart, and these lines close to loops, which are filled. What happens on a face depends on its four corners alone, so
that two cells always agree on the face between them: the surface has no hole, and no edge has more than two triangles.
"""

import functools

import torch
from torch import Tensor

CORNERS = tuple((k & 1, k >> 1 & 1, k >> 2 & 1) for k in range(8))
"""Corner k of the unit cube, x, y, z."""
EDGES = tuple((corner, axis) for axis in range(3) for corner in range(8) if not corner >> axis & 1)
"""The cube's 12 edges: the corner that each begins at, and the axis along which it goes up."""
FACES = tuple(
    tuple(side << axis | corner for corner in ((0, u, u | v, v), (0, v, u | v, u))[1 - side])
    for axis in range(3)
    for u, v in [(1 << (axis + 1) % 3, 1 << (axis + 2) % 3)]
    for side in (0, 1)
)
"""The corners of the 6 faces (low and high x, y, z), counter-clockwise as seen from outside the cube."""
NEAREST = 1e-3
"""Share of an edge that a vertex keeps from the edge's ends, so that no triangle shrinks to nothing."""

_BETWEEN = {frozenset((corner, corner | 1 << axis)): edge for edge, (corner, axis) in enumerate(EDGES)}


def marching_cubes(positions: Tensor, values: Tensor, cells: Tensor) -> tuple[Tensor, Tensor]:
    """Vertices `[V, 3]` and triangles `[F, 3]` (int64) of the surface where `values` change their sign.

    `positions` [N, 3] and `values` [N] (negative inside) are of nodes, `cells` [C, 8] the nodes at the CORNERS of
    axis-aligned cells. Triangles are counter-clockwise as seen from outside. Vertices lie on the cells' edges, are
    shared by all cells at an edge, and come in the order of their nodes; triangles in the order of their cells.
    """
    corner, axis = torch.tensor(EDGES, device=cells.device).T
    inside = values[cells] < 0
    case = (inside << torch.arange(8, device=cells.device)).sum(1)
    table, count = (part.to(cells.device) for part in case_table())
    cell = torch.repeat_interleave(torch.arange(len(cells), device=cells.device), count[case])
    edge = table[case][torch.arange(table.shape[1], device=cells.device) < count[case][:, None]]

    # An edge is known by the node that it begins at and its axis, which all cells around it agree on.
    begin, end = cells[cell[:, None], corner[edge]], cells[cell[:, None], corner[edge] | 1 << axis[edge]]
    key = 3 * begin + axis[edge]
    crossed = torch.zeros(3 * len(values), dtype=torch.bool, device=cells.device)
    crossed[key] = True
    triangles = (torch.cumsum(crossed, 0) - 1)[key]
    a = torch.nonzero(crossed)[:, 0] // 3
    b = torch.empty_like(a)
    b[triangles] = end

    share = (values[a] / (values[a] - values[b])).clamp(NEAREST, 1 - NEAREST)[:, None]
    return torch.lerp(positions[a], positions[b], share.to(positions.dtype)), triangles


@functools.cache
def case_table() -> tuple[Tensor, Tensor]:
    """The triangles of the 256 cases (bit k: corner k is inside), as edges `[256, 5, 3]`, and how many `[256]`."""
    triangles = [[triangle for loop in _loops(case) for triangle in _filled(loop)] for case in range(256)]
    count = torch.tensor([len(listed) for listed in triangles])
    table = torch.zeros(256, int(count.max()), 3, dtype=torch.int64)
    for case, listed in enumerate(triangles):
        table[case, : len(listed)] = torch.tensor(listed, dtype=torch.int64).reshape(-1, 3)
    return table, count


def _loops(case: int) -> list[list[int]]:
    """The closed lines, as edges that they cross in turn, in which the surface cuts the cube's faces.

    Going round a face, a line leads from the edge where the inside is entered to the one where it is left. An edge that
    is entered on one of its two faces is left on the other, so that each line goes on until it is closed.
    """
    following = {}
    for face in FACES:
        inside = [case >> corner & 1 for corner in face]
        for i in range(4):
            if inside[i] and not inside[i - 1]:
                length = next(n for n in range(1, 4) if not inside[(i + n) % 4])
                entered = _BETWEEN[frozenset((face[i - 1], face[i]))]
                following[entered] = _BETWEEN[frozenset((face[(i + length - 1) % 4], face[(i + length) % 4]))]
    loops = []
    while following:
        first, edge = following.popitem()
        loop = [first]
        while edge != first:
            loop.append(edge)
            edge = following.pop(edge)
        loops.append(loop)
    return loops


def _filled(loop: list[int]) -> list[tuple[int, int, int]]:
    """A fan of triangles whose inner sides lie in no face of the cube, where the next cell might have them too."""
    size = len(loop)
    for start in range(size):
        fan = loop[start:] + loop[:start]
        if not any(_on_one_face(fan[0], fan[i]) for i in range(2, size - 1)):
            return [(fan[0], fan[i], fan[i + 1]) for i in range(1, size - 1)]
    raise AssertionError("every loop of the 256 cases has such a fan")


def _on_one_face(a: int, b: int) -> bool:
    ends = [{EDGES[edge][0], EDGES[edge][0] | 1 << EDGES[edge][1]} for edge in (a, b)]
    return any(ends[0] | ends[1] <= set(face) for face in FACES)
