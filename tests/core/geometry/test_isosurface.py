"""Surfaces of fields that are known: coarse to fine against the dense grid, and against scikit-image."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from skimage import measure
from torch import Tensor

from likeness.core.errors import EngineError, InputError
from likeness.core.geometry.isosurface import Grid, Surface, extract, largest_component, vertex_normals
from likeness.core.geometry.marching_cubes import marching_cubes

BOUNDS = torch.tensor([[-0.13, -0.16, -0.12], [0.13, 0.16, 0.12]])


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


def dense(field: Callable[[Tensor], Tensor], resolution: int) -> tuple[Grid, Tensor]:
    """The grid, and the field at all of its nodes `[X, Y, Z]`."""
    grid = Grid.within(BOUNDS, resolution)
    shape = tuple(count + 1 for count in grid.cells)
    return grid, field(grid.positions(torch.arange(int(np.prod(shape))))).reshape(shape)


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("resolution", [30, 72])
def test_same_triangles_as_the_dense_grid(name: str, resolution: int) -> None:
    grid, values = dense(FIELDS[name], resolution)
    every = grid.ids(torch.cartesian_prod(*(torch.arange(count) for count in grid.cells)))
    nodes = every[:, None] + grid.corners(1)
    vertices, triangles = marching_cubes(grid.positions(torch.arange(values.numel())), values.ravel(), nodes)
    surface = extract(FIELDS[name], BOUNDS, resolution)
    assert torch.equal(surface.vertices, vertices)
    assert torch.equal(surface.triangles, triangles)


def test_same_surface_as_scikit_image() -> None:
    grid, values = dense(face, 64)
    theirs, _, _, _ = measure.marching_cubes(values.numpy(), 0.0, spacing=(grid.step,) * 3)
    ours = extract(face, BOUNDS, 64).vertices.numpy()
    distances = cKDTree(theirs + grid.origin.numpy()).query(ours)[0]
    assert len(ours) == pytest.approx(len(theirs), rel=1e-2)
    assert np.quantile(distances, 0.99) < 2e-3 * grid.step
    assert distances.max() < grid.step / 2, "where a cell can be cut in two ways"


def test_follows_a_surface_that_the_octree_lost() -> None:
    """With a bound far below the field's slope, only a speck of the surface is found at first."""
    found = extract(lambda points: 30 * face(points), BOUNDS, 72, lipschitz=0.5)
    expected = extract(face, BOUNDS, 72)
    assert torch.equal(found.triangles, expected.triangles)
    assert found.evaluations < expected.evaluations


def test_evaluates_a_twentieth_of_the_dense_grid() -> None:
    asked: list[Tensor] = []

    def counting(points: Tensor) -> Tensor:
        asked.append(points.clone())
        return face(points)

    surface = extract(counting, BOUNDS, 256)
    points, grid = torch.cat(asked), Grid.within(BOUNDS, 256)
    nodes = grid.ids(((points - grid.origin) / grid.step).round().long())
    assert len(points) == surface.evaluations
    assert len(torch.unique(nodes)) == len(nodes), "each node once"
    assert len(nodes) < np.prod([count + 1 for count in grid.cells]) / 20


def test_a_surface_that_reaches_the_bounds_is_closed_there() -> None:
    surface = extract(lambda points: ball(points, (0, -0.1, 0), 0.1), BOUNDS, 64)
    edges = surface.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    assert torch.equal(torch.unique(edges, dim=0), torch.unique(edges.flip(1), dim=0))
    assert len(torch.unique(edges, dim=0)) == len(edges)
    assert surface.vertices[:, 1].min() >= BOUNDS[0, 1]


def test_cells_are_cubes_around_the_bounds() -> None:
    grid = Grid.within(BOUNDS, 100)
    assert grid.step == pytest.approx(0.32 / 100)
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
    both = extract(FIELDS["two balls"], BOUNDS, 64)
    one = largest_component(both)
    alone = extract(lambda points: ball(points, (0, 0.1, 0), 0.03), BOUNDS, 64)
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
