"""The metrics on surfaces whose distances are known."""

import numpy as np
import pytest
import trimesh

from likeness.core.geometry.surface_metrics import TriangleMesh, compare_surfaces

SAMPLES = 40_000


def sphere(radius: float, subdivisions: int = 5) -> TriangleMesh:
    mesh = trimesh.creation.icosphere(subdivisions, radius)
    return TriangleMesh(np.asarray(mesh.vertices), np.asarray(mesh.faces))


def plane(height: float, tilt: float = 0.0) -> TriangleMesh:
    """A square of 10 cm, in two triangles, its normal up but for `tilt` radians."""
    corners = np.array([[-1, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]]) * 0.05
    corners[:, 1] = height + np.tan(tilt) * corners[:, 0]
    return TriangleMesh(corners, np.array([[0, 1, 2], [0, 2, 3]]))


def everywhere(mesh: TriangleMesh) -> dict[str, np.ndarray]:
    return {"all": np.ones(len(mesh.triangles), bool)}


def test_a_surface_meets_itself() -> None:
    ball = sphere(0.1)
    score = compare_surfaces(ball, ball, everywhere(ball), SAMPLES)["all"]
    assert score.chamfer_mm < 1e-6
    assert score.normal_consistency == pytest.approx(1, abs=1e-3)
    assert score.f_score == 1


def test_concentric_spheres_are_as_far_apart_as_their_radii() -> None:
    truth, ball = sphere(0.1), sphere(0.1 + 0.8e-3)
    score = compare_surfaces(ball, truth, everywhere(truth), SAMPLES)["all"]
    assert score.chamfer_mm == pytest.approx(0.8, abs=0.01)
    assert score.normal_consistency > 0.999
    assert score.f_score == 1
    farther = compare_surfaces(sphere(0.1 + 1.2e-3), truth, everywhere(truth), SAMPLES)["all"]
    assert farther.f_score == 0


def test_normal_consistency_is_the_cosine_between_planes() -> None:
    truth = plane(0)
    score = compare_surfaces(plane(0, tilt=0.5), truth, everywhere(truth), SAMPLES)["all"]
    assert score.normal_consistency == pytest.approx(np.cos(0.5), abs=1e-3)


def test_what_is_missing_costs_recall_and_what_is_too_much_precision() -> None:
    truth = plane(0)
    half = TriangleMesh(truth.vertices, truth.triangles[:1])
    missing = compare_surfaces(half, truth, everywhere(truth), SAMPLES)["all"]
    share = 0.5 + 0.1 * np.sqrt(2) * 1e-3 / 0.01  # half, and what lies within a millimetre of its diagonal
    assert missing.f_score == pytest.approx(2 * share / (1 + share), abs=0.01)
    surplus = compare_surfaces(truth, half, everywhere(half), SAMPLES)["all"]
    assert surplus.f_score == pytest.approx(missing.f_score, abs=0.01)


def test_a_region_is_judged_alone() -> None:
    """A dent in the left half leaves the right half's scores alone."""
    truth = sphere(0.1)
    left = truth.vertices[truth.triangles].mean(1)[:, 0] > 0
    dented = truth.vertices.copy()
    dented[dented[:, 0] > 0.02] *= 0.97
    scores = compare_surfaces(TriangleMesh(dented, truth.triangles), truth, {"left": left, "right": ~left}, SAMPLES)
    assert scores["right"].chamfer_mm < 0.01
    assert scores["right"].f_score > 0.999
    assert scores["left"].chamfer_mm > 1
    assert scores["left"].f_score < 0.5


def test_a_region_out_of_reach_has_no_scores() -> None:
    truth = sphere(0.1)
    far = TriangleMesh(truth.vertices + np.array([1.0, 0, 0]), truth.triangles)
    away = truth.vertices[truth.triangles].mean(1)[:, 0] < -0.09
    assert np.isnan(compare_surfaces(far, truth, {"away": away}, SAMPLES)["away"].chamfer_mm)
