from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from trimesh.creation import icosphere

from likeness.core.training.figures.figure import Surface
from likeness.core.training.figures.garments import GAP, Garment
from likeness.core.training.figures.occupancy import COUNTS, occupancy_samples, occupied
from likeness.core.training.figures.views import normal_maps


def ball(radius: float, subdivisions: int = 3) -> tuple[np.ndarray, np.ndarray]:
    mesh = icosphere(subdivisions, radius)
    return np.array(mesh.vertices), np.array(mesh.faces).astype(np.int64)


@pytest.fixture
def shell() -> Garment:
    """A sphere of 20 cm; the first of two bones has the upper half."""
    points, triangles = ball(0.2)
    upper = (points[:, 1] > 0).astype(float)
    return Garment(points, csr_matrix(np.stack([upper, 1 - upper], 1)), triangles)


def test_a_cut_ends_on_the_border_and_keeps_weights_whole(shell: Garment) -> None:
    cut = shell.cut(shell.points[:, 1] - 0.05)
    assert cut.points[:, 1].max() == pytest.approx(0.05, abs=1e-9)
    assert len(cut.points) < len(shell.points)
    np.testing.assert_allclose(cut.weights.sum(1), 1)
    assert np.linalg.norm(cut.points, axis=1).min() > 0.19


def test_nothing_is_cut_where_nothing_lies_beyond(shell: Garment) -> None:
    cut = shell.cut(np.full(len(shell.points), -1.0))
    np.testing.assert_array_equal(cut.points[cut.triangles], shell.points[shell.triangles])


def test_cloth_under_the_skin_is_pushed_off_it(shell: Garment) -> None:
    skin = ball(0.21)
    radius = np.linalg.norm(shell.pushed_out(shell.points, *skin), axis=1)
    np.testing.assert_allclose(radius, 0.21 + GAP, atol=1.5e-3)


def test_lining_is_left_out(shell: Garment) -> None:
    lined = replace(shell, triangles=np.concatenate([shell.triangles, shell.triangles[:30, ::-1]]))
    np.testing.assert_array_equal(lined.unlined(*ball(0.18)).triangles, shell.triangles)


def test_cloth_off_the_skin_stays(shell: Garment) -> None:
    np.testing.assert_array_equal(shell.pushed_out(shell.points, *ball(0.18)), shell.points)


def test_loosened_cloth_stands_further_out(shell: Garment) -> None:
    radius = np.linalg.norm(shell.loosened(*ball(0.18), 0.02).points, axis=1)
    np.testing.assert_allclose(radius, 0.22, atol=2e-3)


@pytest.fixture
def dressed() -> Surface:
    """A ball of skin, the upper half of which is left out under a cap of cloth."""
    vertices, triangles = ball(0.2, 4)
    cap = 1.05 * vertices
    height = vertices[triangles].mean(1)[:, 1]
    skin, cloth = triangles[height < 0.02], triangles[height > -0.02]
    part = np.repeat([0, 2], [len(skin), len(cloth)])
    return Surface(np.concatenate([vertices, cap]), np.concatenate([skin, cloth + len(vertices)]), part)


def test_what_skin_and_an_open_sheet_enclose_is_inside(dressed: Surface) -> None:
    up = np.array([[0, y, 0] for y in (-0.25, -0.203, -0.19, 0.0, 0.1, 0.2, 0.207, 0.22, 0.3)])
    assert occupied(dressed, up).tolist() == [False, False, True, True, True, True, True, False, False]


def test_samples_lie_where_they_are_said_to(dressed: Surface) -> None:
    samples = occupancy_samples(dressed, np.random.default_rng(0))
    for name, count in COUNTS.items():
        assert samples[f"{name}_points"].shape == (count, 3)
        assert samples[f"{name}_inside"].shape == (count,)
    off = np.abs(np.linalg.norm(samples["near_points"], axis=1) - 0.2)
    assert np.percentile(off, 95) < 0.03
    radius = np.linalg.norm(samples["box_points"], axis=1)
    assert samples["box_inside"][radius < 0.19].all() and not samples["box_inside"][radius > 0.22].any()


def test_maps_face_the_viewer(dressed: Surface) -> None:
    normals, parts = normal_maps(dressed, 64)
    seen = parts >= 0
    np.testing.assert_allclose(np.linalg.norm(normals[seen], axis=-1), 1, atol=1e-5)
    assert (normals[0][seen[0]][:, 2] >= 0).all() and (normals[1][seen[1]][:, 2] <= 0).all()
    rows = np.nonzero(parts[0] == 2)[0]
    assert rows.mean() < 32 < np.nonzero(parts[0] == 0)[0].mean()
