import numpy as np
import pytest
import torch
from skimage import measure
from torch import Tensor

from likeness.core.geometry.marching_cubes import CORNERS, case_table, marching_cubes


def dense(values: Tensor) -> tuple[Tensor, Tensor]:
    """Marching cubes over all cells of values `[X, Y, Z]`."""
    shape = torch.tensor(values.shape)
    strides = torch.tensor([values.shape[1] * values.shape[2], values.shape[2], 1])
    nodes = torch.cartesian_prod(*(torch.arange(int(n)) for n in shape))
    lowest = nodes[(nodes < shape - 1).all(1)] @ strides
    return marching_cubes(nodes.float(), values.ravel(), lowest[:, None] + torch.tensor(CORNERS) @ strides)


def assert_closed(triangles: Tensor) -> None:
    """Each edge has one triangle on either side, which run along it in opposite ways."""
    edges = torch.cat([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    unique, count = torch.unique(edges, dim=0, return_counts=True)
    assert (count == 1).all()
    assert torch.equal(unique, torch.unique(edges.flip(1), dim=0))


def areas(vertices: Tensor, triangles: Tensor) -> Tensor:
    a, b, c = vertices[triangles].unbind(1)
    return torch.linalg.cross(b - a, c - a).norm(dim=-1) / 2


def sphere(size: int = 24) -> tuple[Tensor, Tensor]:
    """Distances from a sphere in the middle of a grid, and its centre; its surface goes through nodes, too."""
    centre = torch.tensor([size / 2, size / 2, size / 2])
    nodes = torch.cartesian_prod(*[torch.arange(size + 1.0)] * 3)
    return ((nodes - centre).norm(dim=-1) - size / 3).reshape(size + 1, size + 1, size + 1), centre


def test_closed_whatever_the_signs() -> None:
    random = torch.Generator().manual_seed(0)
    values = torch.ones(22, 22, 22)
    values[1:-1, 1:-1, 1:-1] = torch.randn(20, 20, 20, generator=random)  # all 256 cases, side by side
    vertices, triangles = dense(values)
    assert_closed(triangles)
    assert len(torch.unique(vertices, dim=0)) == len(vertices)
    assert areas(vertices, triangles).min() > 0


def test_all_cases_are_there() -> None:
    table, count = case_table()
    assert count.min() == 0 and (count == 0).sum() == 2, "only all in and all out are empty"
    assert torch.equal(count, (table != 0).any(-1).any(-1).long() * count)
    for case in range(256):
        used = set(table[case, : count[case]].ravel().tolist())
        crossed = {
            edge
            for edge, (corner, axis) in enumerate((k, a) for a in range(3) for k in range(8) if not k >> a & 1)
            if (case >> corner & 1) != (case >> (corner | 1 << axis) & 1)
        }
        assert used == crossed


def test_sphere_is_closed_and_faces_outward() -> None:
    values, centre = sphere()
    vertices, triangles = dense(values)
    assert_closed(triangles)
    a, b, c = (vertices[triangles] - centre).unbind(1)
    assert ((torch.linalg.cross(b - a, c - a) * (a + b + c)).sum(-1) > 0).all()
    volume = (a * torch.linalg.cross(b, c)).sum() / 6
    assert volume.item() == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.01)
    assert len(vertices) - len(triangles) / 2 == 2, "Euler's number of a sphere"


def test_a_node_on_the_surface_makes_no_flat_triangle() -> None:
    values, _ = sphere()
    assert (values == 0).any()
    vertices, triangles = dense(values)
    assert areas(vertices, triangles).min() > 1e-8


def test_same_vertices_as_scikit_image() -> None:
    random = torch.Generator().manual_seed(1)
    values, _ = sphere()
    values += 0.3 * torch.rand(values.shape, generator=random)
    ours, triangles = dense(values)
    theirs, faces, _, _ = measure.marching_cubes(values.numpy(), 0.0, gradient_direction="ascent", method="lorensen")

    def ordered(vertices: np.ndarray) -> np.ndarray:
        return vertices[np.lexsort(np.round(vertices, 3).T)]

    assert len(ours) == len(theirs) and len(triangles) == len(faces)
    np.testing.assert_allclose(ordered(ours.numpy()), ordered(theirs), atol=2e-3)  # vertices keep from an edge's ends


def test_nothing_to_cut() -> None:
    vertices, triangles = dense(torch.ones(4, 4, 4))
    assert vertices.shape == (0, 3) and triangles.shape == (0, 3)
