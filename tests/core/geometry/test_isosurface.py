"""Surfaces of fields that are known: coarse to fine against the dense grid, and against scikit-image."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from skimage import measure
from torch import Tensor

from likeness.core.errors import EngineError, InputError
from likeness.core.geometry.isosurface import (
    LOOK,
    Grid,
    Surface,
    extract,
    extract_on,
    largest_component,
    occupied_length,
    vertex_normals,
)
from likeness.core.geometry.marching_cubes import marching_cubes

BOUNDS = torch.tensor([[-0.13, -0.16, -0.12], [0.13, 0.16, 0.12]])


def whole(resolution: int) -> Grid:
    """The grid with that many cells along the longest side of BOUNDS."""
    return Grid.within(BOUNDS, 0.32 / resolution)


def ball(points: Tensor, centre: tuple[float, float, float], radius: float) -> Tensor:
    return (points - torch.tensor(centre)).norm(dim=-1) - radius


def disc(points: Tensor, centre: tuple[float, float, float], radius: float, thickness: float) -> Tensor:
    """A disc that lies aslant in the grid, with a round rim."""
    offset = points - torch.tensor(centre)
    along = offset @ torch.nn.functional.normalize(torch.tensor([0.2, 0.1, 1.0]), dim=0)
    across = (offset.square().sum(-1) - along**2).clamp(min=0).sqrt()
    return torch.hypot((across - radius).clamp(min=0), along) - thickness / 2


def face(points: Tensor) -> Tensor:
    """A skull of 18 cm with a nose, an ear 3 mm thick, and lips 2 mm apart that lead into a mouth."""
    skull = ball(points, (0, 0, 0), 0.09)
    nose = ball(points, (0, 0, 0.09), 0.015)
    ear = disc(points, (0.09, 0, 0), 0.03, 0.003)
    slit = points - torch.tensor([0.0, -0.04, 0.085])
    slit = torch.linalg.vector_norm((slit.abs() - torch.tensor([0.02, 0.001, 0.03])).clamp(min=0), dim=-1) - 1e-4
    mouth = ball(points, (0, -0.04, 0.05), 0.02)
    solid = torch.stack([skull, nose, ear]).amin(0)
    return torch.maximum(solid, -torch.minimum(slit, mouth))


FIELDS: dict[str, Callable[[Tensor], Tensor]] = {
    "face": face,
    "thin disc": lambda points: disc(points, (0, 0, 0), 0.07, 0.001),
    "two balls": lambda points: torch.minimum(ball(points, (0, 0.1, 0), 0.03), ball(points, (0, -0.1, 0.01), 0.004)),
    "steep": lambda points: 8 * face(points),
}


def dense(field: Callable[[Tensor], Tensor], grid: Grid) -> Tensor:
    """The field at all nodes `[X, Y, Z]`."""
    return field(grid.positions(torch.arange(grid.nodes))).reshape([count + 1 for count in grid.cells])


def from_every_cell(field: Callable[[Tensor], Tensor], grid: Grid) -> tuple[Tensor, Tensor]:
    """Vertices and triangles."""
    every = grid.ids(torch.cartesian_prod(*(torch.arange(count) for count in grid.cells)))
    positions = grid.positions(torch.arange(grid.nodes))
    return marching_cubes(positions, dense(field, grid).ravel(), every[:, None] + grid.corners(1))


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("resolution", [30, 72])
def test_same_triangles_as_the_dense_grid(name: str, resolution: int) -> None:
    vertices, triangles = from_every_cell(FIELDS[name], whole(resolution))
    surface = extract_on(FIELDS[name], whole(resolution))
    assert torch.equal(surface.vertices, vertices)
    assert torch.equal(surface.triangles, triangles)


@pytest.mark.parametrize("name", FIELDS)
def test_the_surface_has_the_cells_to_itself(name: str) -> None:
    """Within bounds twice as large: the dense grid of the same cells, and as many along the surface as were asked."""
    bounds = 2 * BOUNDS
    length, _ = occupied_length(FIELDS[name], bounds)
    surface = extract(FIELDS[name], bounds, 30)
    vertices, triangles = from_every_cell(FIELDS[name], Grid.within(bounds, length / 30))
    assert torch.equal(surface.vertices, vertices)
    assert torch.equal(surface.triangles, triangles)
    extent = float((vertices.amax(0) - vertices.amin(0)).max())
    assert extent < length < extent + 5 * 0.64 / LOOK


def test_same_surface_as_scikit_image() -> None:
    grid = whole(64)
    theirs, _, _, _ = measure.marching_cubes(dense(face, grid).numpy(), 0.0, spacing=(grid.step,) * 3)
    ours = extract_on(face, grid).vertices.numpy()
    distances = cKDTree(theirs + grid.origin.numpy()).query(ours)[0]
    assert len(ours) == pytest.approx(len(theirs), rel=1e-2)
    assert np.quantile(distances, 0.99) < 2e-3 * grid.step
    assert distances.max() < grid.step / 2, "where a cell can be cut in two ways"


def test_follows_a_surface_that_the_octree_lost() -> None:
    """With a bound far below the field's slope, only a speck of the surface is found at first."""
    found = extract_on(lambda points: 30 * face(points), whole(72), lipschitz=0.5)
    expected = extract_on(face, whole(72))
    assert torch.equal(found.triangles, expected.triangles)
    assert found.evaluations < expected.evaluations


def test_evaluates_a_twentieth_of_the_dense_grid() -> None:
    asked: list[Tensor] = []

    def counting(points: Tensor) -> Tensor:
        asked.append(points.clone())
        return face(points)

    grid = whole(256)
    surface = extract_on(counting, grid)
    points = torch.cat(asked)
    nodes = grid.ids(((points - grid.origin) / grid.step).round().long())
    assert len(points) == surface.evaluations
    assert len(torch.unique(nodes)) == len(nodes), "each node once"
    assert len(nodes) < grid.nodes / 20


def test_a_surface_that_reaches_the_bounds_is_closed_there() -> None:
    surface = extract(lambda points: ball(points, (0, -0.1, 0), 0.1), BOUNDS, 64)
    edges = surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    assert torch.equal(torch.unique(edges, dim=0), torch.unique(edges.flip(1), dim=0))
    assert len(torch.unique(edges, dim=0)) == len(edges)
    assert surface.vertices[:, 1].min() >= BOUNDS[0, 1]


def test_cells_are_cubes_around_the_bounds() -> None:
    grid = whole(100)
    assert max(grid.cells) == 100
    assert torch.equal(grid.origin, BOUNDS[0])
    assert (grid.origin + grid.step * torch.tensor(grid.cells) >= BOUNDS[1] - 1e-6).all()
    assert all(count % grid.coarsest == 0 for count in grid.cells)
    ids = torch.arange(0, 5000, 7)
    assert torch.equal(grid.ids(grid.places(ids)), ids)


@pytest.mark.parametrize("resolution", [-1, 0, 7, 1025, 10_000])
def test_resolutions_that_cannot_be(resolution: int) -> None:
    with pytest.raises(InputError, match=f"The resolution is {resolution}; choose one from 8 to 1024."):
        extract(face, BOUNDS, resolution)


def test_coarsest_and_lowest_resolution() -> None:
    assert len(extract(face, BOUNDS, 8).vertices) > 50


def test_no_surface_is_one_sentence() -> None:
    with pytest.raises(EngineError, match="no surface"):
        extract(lambda points: points.norm(dim=-1) + 1, BOUNDS, 64)


def test_largest_component() -> None:
    both = extract_on(FIELDS["two balls"], whole(64))
    one = largest_component(both)
    alone = extract_on(lambda points: ball(points, (0, 0.1, 0), 0.03), whole(64))
    assert len(alone.vertices) == len(one.vertices) < len(both.vertices)
    assert torch.equal(one.vertices, alone.vertices) and torch.equal(one.triangles, alone.triangles)


def test_normals_point_outward() -> None:
    surface = extract(lambda points: ball(points, (0, 0, 0), 0.1), BOUNDS, 32)
    normals = vertex_normals(lambda points: 3 * points, surface.vertices)
    torch.testing.assert_close(normals, surface.vertices / surface.vertices.norm(dim=-1, keepdim=True))


def test_out_of_memory_goes_on_in_smaller_pieces() -> None:
    def scarce(points: Tensor) -> Tensor:
        if len(points) > 2000:
            raise MemoryError
        return face(points)

    found: Surface = extract(scarce, BOUNDS, 32)
    assert torch.equal(found.triangles, extract(face, BOUNDS, 32).triangles)
