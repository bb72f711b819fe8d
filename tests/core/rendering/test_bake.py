import numpy as np
import pytest

from likeness.core.rendering.bake import Bake

QUAD = np.array([[0, 1, 2, 3]])
UV = np.array([[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]])


@pytest.fixture
def plane() -> Bake:
    """A square that faces +Z, u along x, v along y."""
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    return Bake.of(vertices, QUAD, UV, QUAD, 64)


def test_texels_lie_where_their_chart_says(plane: Bake) -> None:
    rows, columns = np.nonzero(plane.covered)
    u, v = (columns + 0.5) / 64, 1 - (rows + 0.5) / 64
    assert np.allclose(plane.points[:, 0], (u - 0.1) / 0.8, atol=1e-6)
    assert np.allclose(plane.points[:, 1], (v - 0.1) / 0.8, atol=1e-6)


def test_the_surface_s_own_normals_are_blue(plane: Bake) -> None:
    image = plane.normal_image(np.tile([0.0, 0, 1], (len(plane.points), 1)))
    assert np.allclose(image[plane.covered], (0.5, 0.5, 1), atol=1e-6)


def test_what_leans_to_u_is_red_and_what_leans_to_v_is_green(plane: Bake) -> None:
    for axis in (0, 1):
        leaning = np.tile(np.eye(3)[axis] * 0.6 + (0, 0, 0.8), (len(plane.points), 1))
        image = plane.normal_image(leaning)[plane.covered]
        assert np.allclose(image[:, axis], 0.8, atol=1e-6)
        assert np.allclose(image[:, 1 - axis], 0.5, atol=1e-6)
