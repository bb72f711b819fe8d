"""The surface of a signed distance field as a mesh, evaluating the field around the surface only.

A coarse look tells how large the surface is, and so the size of the cells. Then coarse to fine: the cells of an octree
that the surface may cross are cut into eight, down to the finest. Then the surface is followed: wherever it leaves the
cells at hand, the cell behind that face is taken in, until it leaves nowhere (Wyvill, McPheeters and Wyvill, "Data
structure for soft objects", 1986). The mesh is that of the dense grid, cell by cell.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ..errors import EngineError, InputError, OutOfMemory
from ..implicit.chunks import in_chunks, is_out_of_memory
from .marching_cubes import CORNERS, FACES, marching_cubes

Field = Callable[[Tensor], Tensor]
"""Points `[N, 3]` in metres to signed distances `[N]`, negative inside."""

RESOLUTIONS = 8, 1024
"""The fewest and the most cells along the surface's longest side."""
COARSEST = 32
"""Cells along the longest side at which the octree begins, or up to twice as many."""
LOOK = 4 * COARSEST
"""Cells along the longest side of the bounds in the coarse look."""
NEIGHBOURS = (-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)
"""The way to the cell behind each of the FACES."""
LIPSCHITZ = 1.2
"""How many times faster than the distance to the surface a field may grow: a learned one is not quite a distance."""


@dataclass(frozen=True)
class Surface:
    """A triangle mesh, counter-clockwise as seen from outside."""

    vertices: Tensor
    """[V, 3] metres."""
    triangles: Tensor
    """[F, 3] int64."""
    evaluations: int = 0
    """How many points the field was evaluated at."""
    nodes: int = 0
    """How many the whole grid of its cells has."""


def extract(field: Field, bounds: Tensor, resolution: int, lipschitz: float = LIPSCHITZ) -> Surface:
    """The surface of `field` within `bounds` [2, 3] (metres), in cubic cells: `resolution` along its longest side.

    How long that is, a coarse look tells first. See `extract_on` for what is found. Runs on the device of `bounds`.

    Raises InputError for a resolution out of RESOLUTIONS; EngineError when there is no surface, OutOfMemory.
    """
    check_resolution(resolution)
    length, evaluations = occupied_length(field, bounds, lipschitz)
    surface = extract_on(field, Grid.within(bounds, length / resolution), lipschitz)
    return replace(surface, evaluations=surface.evaluations + evaluations)


def occupied_length(field: Field, bounds: Tensor, lipschitz: float = LIPSCHITZ) -> tuple[float, int]:
    """Metres: the longest side of what the surface may occupy of `bounds` [2, 3]; and how many points that took.

    Where nothing is known of a surface, the longest side of the bounds.
    """
    longest = float((bounds[1] - bounds[0]).max())
    grid = Grid.within(bounds, longest / LOOK)
    samples = _Samples(field, grid)
    with torch.no_grad():
        places = grid.places(_refine(samples, lipschitz))
    if len(places) == 0:
        return longest, len(samples.ids)
    cells = int((places.amax(0) - places.amin(0)).max()) + 1
    return min(cells * grid.step, longest), len(samples.ids)


def extract_on(field: Field, grid: "Grid", lipschitz: float = LIPSCHITZ) -> Surface:
    """The surface of `field` as the whole `grid` would have it, triangle by triangle.

    No sheet or piece of it is lost, however thin, if |f(x)| <= lipschitz times the distance to the surface; where f
    is steeper, a piece is found as long as it hangs together with one that is. What reaches the grid's border is closed
    there: the mesh is always watertight.

    Raises EngineError when there is no surface, OutOfMemory.
    """
    samples = _Samples(field, grid)
    try:
        with torch.no_grad():
            cells = _follow(samples, _refine(samples, lipschitz))
            nodes = samples.find(cells[:, None] + grid.corners(1))
            vertices, triangles = marching_cubes(grid.positions(samples.ids), samples.values, nodes)
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise OutOfMemory("The memory ran out; choose a lower resolution.") from error
        raise
    if len(triangles) == 0:
        raise EngineError("The field has no surface within its bounds; choose another latent code.")
    return Surface(vertices, triangles, len(samples.ids), grid.nodes)


def check_resolution(resolution: int) -> None:
    """Raises InputError for a resolution out of RESOLUTIONS."""
    low, high = RESOLUTIONS
    if not low <= resolution <= high:
        raise InputError(f"The resolution is {resolution}; choose one from {low} to {high}.")


def largest_component(surface: Surface) -> Surface:
    """The connected piece that has the most vertices; what floats about it and the bubbles within it are left out."""
    edges = surface.triangles[:, [0, 1, 1, 2]].reshape(-1, 2).cpu().numpy().T
    count = len(surface.vertices)
    _, piece = connected_components(coo_matrix((np.ones(edges.shape[1], bool), edges), (count, count)), directed=False)
    kept = torch.from_numpy(piece == np.bincount(piece).argmax()).to(surface.triangles.device)
    index = torch.cumsum(kept, 0) - 1
    triangles = index[surface.triangles[kept[surface.triangles[:, 0]]]]
    return replace(surface, vertices=surface.vertices[kept], triangles=triangles)


def vertex_normals(gradient: Callable[[Tensor], Tensor], vertices: Tensor) -> Tensor:
    """Unit normals `[V, 3]`, outward: the direction of the field's `gradient`, points [N, 3] to [N, 3]."""
    return torch.nn.functional.normalize(in_chunks(gradient, vertices), dim=-1)


@dataclass(frozen=True)
class Grid:
    """Cubic cells and the nodes at their corners. A node's id counts along z, then y, then x; a cell has the id of its
    lowest node, and its size is a stride, in steps.
    """

    origin: Tensor
    """[3] metres."""
    step: float
    """Metres: the size of the finest cells."""
    cells: tuple[int, int, int]
    """How many of the finest along x, y, z: multiples of `coarsest`."""
    coarsest: int
    """The stride of the coarsest cells, a power of two."""

    @classmethod
    def within(cls, bounds: Tensor, step: float) -> "Grid":
        """Cells of `step` metres over `bounds` [2, 3], whose sides grow at their upper ends."""
        counts = [int(np.ceil(length / step - 1e-4)) for length in (bounds[1] - bounds[0]).tolist()]
        coarsest = 1 << max((max(counts) // COARSEST).bit_length() - 1, 0)
        x, y, z = (int(np.ceil(count / coarsest)) * coarsest for count in counts)
        return cls(bounds[0], step, (x, y, z), coarsest)

    @property
    def nodes(self) -> int:
        """How many the whole grid has."""
        x, y, z = self.cells
        return (x + 1) * (y + 1) * (z + 1)

    def ids(self, places: Tensor) -> Tensor:
        """Ids `[...]` of nodes at `places` [..., 3] in steps; also what to add to an id for an offset in steps."""
        _, y, z = self.cells
        return (places[..., 0] * (y + 1) + places[..., 1]) * (z + 1) + places[..., 2]

    def places(self, ids: Tensor) -> Tensor:
        """`[..., 3]` steps from the origin."""
        _, y, z = self.cells
        return torch.stack([ids // ((y + 1) * (z + 1)), ids // (z + 1) % (y + 1), ids % (z + 1)], -1)

    def positions(self, ids: Tensor) -> Tensor:
        """`[..., 3]` metres."""
        return self.origin + self.step * self.places(ids)

    def on_border(self, ids: Tensor) -> Tensor:
        """[...] bool: whether nodes lie on the outside of the grid."""
        places = self.places(ids)
        return ((places == 0) | (places == torch.tensor(self.cells, device=ids.device))).any(-1)

    def corners(self, stride: int) -> Tensor:
        """[8] what to add to a cell's id for the nodes at its CORNERS."""
        return self.ids(stride * torch.tensor(CORNERS, device=self.origin.device))

    def coarse_cells(self) -> Tensor:
        """[C] all cells of the coarsest stride."""
        axes = (torch.arange(0, count, self.coarsest, device=self.origin.device) for count in self.cells)
        return self.ids(torch.cartesian_prod(*axes))


class _Samples:
    """The field at the nodes that were asked for, each evaluated once."""

    def __init__(self, field: Field, grid: Grid) -> None:
        self.field, self.grid = field, grid
        self.ids = torch.empty(0, dtype=torch.int64, device=grid.origin.device)
        """[N] sorted."""
        self.values = torch.empty(0, device=grid.origin.device)
        """[N]"""

    def at(self, ids: Tensor) -> Tensor:
        """Values `[...]` at the nodes `ids` [...]."""
        new = torch.unique(ids[~_contains(self.ids, ids)])
        if len(new):
            merged, order = torch.cat([self.ids, new]).sort()
            self.values = torch.cat([self.values, self._evaluated(new)])[order]
            self.ids = merged
        return self.values[self.find(ids)]

    def find(self, ids: Tensor) -> Tensor:
        """Where `ids`, which were asked for before, lie among `self.ids`."""
        return torch.searchsorted(self.ids, ids)

    def _evaluated(self, ids: Tensor) -> Tensor:
        values = in_chunks(self.field, self.grid.positions(ids))
        # The grid's border is outside: the surface is closed before it, and cells beyond it are never asked for.
        return torch.where(self.grid.on_border(ids), values.clamp(min=self.grid.step / 2), values)


def _refine(samples: _Samples, lipschitz: float) -> Tensor:
    """The finest cells `[C]` that the surface may cross.

    A cell is cut into eight. An eighth that lies within `reach` of a corner has no surface if |f| there is more than
    `lipschitz` times that. A cell whose corners differ in sign although this rules out all of it is kept whole.
    """
    grid = samples.grid
    corners = torch.tensor(CORNERS, device=grid.origin.device)
    reach = torch.where(corners[:, None] == corners, 0.5, 1.0).norm(dim=-1)  # [eighth, corner] in sizes of the cell
    cells, stride = grid.coarse_cells(), grid.coarsest
    while stride > 1:
        values = samples.at(cells[:, None] + grid.corners(stride))
        near = (values.abs()[:, None] <= lipschitz * stride * grid.step * reach).all(-1)
        near |= (_crossed(values < 0) & ~near.any(1))[:, None]
        stride //= 2
        cells = (cells[:, None] + grid.corners(stride))[near]
    return cells


def _follow(samples: _Samples, cells: Tensor) -> Tensor:
    """The finest cells `[C]` that the surface crosses, sorted: those of `cells`, and on from them wherever it leads."""
    grid, device = samples.grid, cells.device
    behind = grid.ids(torch.tensor(NEIGHBOURS, device=device))
    known = cells.sort()[0]
    found = [cells[:0]]
    while len(cells):
        inside = samples.at(cells[:, None] + grid.corners(1)) < 0
        crossed = _crossed(inside)
        cells, inside = cells[crossed], inside[crossed]
        found.append(cells)
        leaves = _crossed(inside[:, torch.tensor(FACES, device=device)])
        cells = (cells[:, None] + behind)[leaves]
        cells = torch.unique(cells[~_contains(known, cells)])
        known = torch.cat([known, cells]).sort()[0]
    return torch.cat(found).sort()[0]


def _crossed(inside: Tensor) -> Tensor:
    """Whether some, not all, of the last axis are inside."""
    return inside.any(-1) & ~inside.all(-1)


def _contains(ids: Tensor, queries: Tensor) -> Tensor:
    """Which of `queries` [...] are among the sorted `ids` [N]."""
    if len(ids) == 0:
        return torch.zeros_like(queries, dtype=torch.bool)
    return ids[torch.searchsorted(ids, queries).clamp(max=len(ids) - 1)] == queries
