import igl
import numpy as np
from trimesh.creation import icosphere

from likeness.core.geometry.loop import loop_matrix


def test_a_mesh_becomes_smooth_as_by_libigl() -> None:
    ball = icosphere(1)
    vertices, triangles = np.array(ball.vertices), np.array(ball.faces).astype(np.int64)
    matrix, finer = loop_matrix(triangles, len(vertices))
    expected, faces = igl.loop(vertices, triangles)
    assert len(finer) == len(faces) == 4 * len(triangles)
    smooth = matrix @ vertices
    np.testing.assert_allclose(np.sort(smooth[:, 0]), np.sort(expected[:, 0]), atol=2e-3)
    np.testing.assert_allclose(matrix.sum(1), 1)


def test_a_border_depends_on_itself_alone() -> None:
    ball = icosphere(2)
    below = ball.vertices[ball.faces][..., 1].max(1) < 0.6
    used, triangles = np.unique(ball.faces[below], return_inverse=True)
    triangles = triangles.reshape(-1, 3)
    matrix, finer = loop_matrix(triangles, len(used))
    border, inner = np.unique(igl.boundary_facets(triangles)[0]), np.unique(igl.boundary_facets(finer)[0])
    assert set(np.flatnonzero(np.asarray(abs(matrix[inner]).sum(0)).ravel())) == set(border)


def test_any_winding_and_more_than_two_triangles_on_an_edge_will_do() -> None:
    triangles = np.array([[0, 1, 2], [0, 1, 3], [1, 0, 4], [2, 5, 0]])
    matrix, finer = loop_matrix(triangles, 6)
    np.testing.assert_allclose(matrix.sum(1), 1)
    assert len(finer) == 16 and finer.max() < matrix.shape[0]
