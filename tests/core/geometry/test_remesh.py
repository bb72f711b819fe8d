import numpy as np
import pytest
import trimesh

from likeness.core.geometry.borders import boundary_edges
from likeness.core.geometry.charts import box_charts, pack_charts
from likeness.core.geometry.remesh import quad_remesh
from likeness.core.rendering.rasterise import triangulate


@pytest.fixture(scope="module")
def quads() -> tuple[np.ndarray, np.ndarray]:
    ball = trimesh.creation.icosphere(4)
    return quad_remesh(np.array(ball.vertices), np.array(ball.faces), 0.12)


def test_a_ball_becomes_quads_about_as_wide_as_asked(quads: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, faces = quads
    assert faces.shape[1] == 4
    assert (np.sort(faces, 1)[:, 1:] != np.sort(faces, 1)[:, :-1]).all()
    edges = np.linalg.norm(vertices[faces] - vertices[np.roll(faces, -1, 1)], axis=2)
    assert 0.08 < np.median(edges) < 0.16
    assert np.abs(np.linalg.norm(vertices, axis=1) - 1).max() < 0.02


def test_it_is_closed_and_faces_outwards(quads: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, faces = quads
    triangles = triangulate(faces)[0]
    assert len(boundary_edges(triangles)) == 0
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    assert np.isclose((np.cross(a, b) * c).sum() / 6, 4 / 3 * np.pi, rtol=0.03)


def test_the_same_mesh_gives_the_same_quads(capfd: pytest.CaptureFixture[str]) -> None:
    ball = trimesh.creation.icosphere(3)
    first, second = (quad_remesh(np.array(ball.vertices), np.array(ball.faces), 0.3) for _ in range(2))
    assert (first[0] == second[0]).all()
    assert (first[1] == second[1]).all()
    assert capfd.readouterr().out == ""


def test_charts_of_quads_do_not_overlap(quads: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, faces = quads
    flat, faces_uv, chart = box_charts(vertices, faces)
    uv, _ = pack_charts(flat, chart, 0.01)
    assert uv.min() >= 0
    assert uv.max() <= 1
    corners = uv[faces_uv]
    area = (corners * np.roll(corners, -1, 1)[..., ::-1] * (1, -1)).sum((1, 2)) / 2
    assert (area > 0).all()
    assert area.sum() < 1
