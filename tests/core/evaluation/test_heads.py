"""The held-out heads' protocol, the methods that can be run without training data, and the tables."""

from pathlib import Path

import numpy as np
import pytest

from likeness.core.evaluation import heads_methods
from likeness.core.evaluation.heads_methods import LINEAR, Cost, load_method
from likeness.core.evaluation.heads_protocol import REGIONS, HeldOutHead, HeldOutHeads
from likeness.core.evaluation.heads_tables import scores_table, sweep_table
from likeness.core.evaluation.heads_trials import Outcome, Outcomes, Subject
from likeness.core.geometry.surface_metrics import SurfaceScore, TriangleMesh
from likeness.core.implicit.template import Template
from likeness.core.training.implicit.heads import CAP, FACE, HAIR
from likeness.core.training.implicit.template import signed_distance
from likeness.core.weights import weights_path


@pytest.fixture(scope="module")
def mean_head() -> HeldOutHead:
    """The template as if it were a test head."""
    template = Template.load(weights_path("head_template"))
    region = template.regions[template.triangles].max(1)
    return HeldOutHead(TriangleMesh(template.vertices, template.triangles), region, canonical=True)


def test_clouds_lie_on_the_outer_surface_alone(mean_head: HeldOutHead) -> None:
    cloud = mean_head.cloud(2000)
    assert cloud.points.shape == cloud.normals.shape == (2000, 3)
    outer = mean_head.mesh.triangles[np.isin(mean_head.region, REGIONS["head"])]
    distance = signed_distance(cloud.points.astype(np.float64), mean_head.mesh.vertices.astype(np.float64), outer)
    assert np.abs(distance).max() < 1e-6
    outward = cloud.points + 1e-4 * cloud.normals
    inside = signed_distance(
        outward.astype(np.float64),
        mean_head.mesh.vertices.astype(np.float64),
        mean_head.mesh.triangles.astype(np.int64),
    )
    assert (inside > 0).mean() > 0.99


def test_noise_is_as_large_as_it_is_said_to_be_and_normals_suffer_with_it(mean_head: HeldOutHead) -> None:
    clean, noisy, noisier = (mean_head.cloud(5000, noise, seed=3) for noise in (0.0, 5e-4, 2e-3))
    assert (noisy.points - clean.points).std() == pytest.approx(5e-4, rel=0.05)
    agreement = [(cloud.normals * clean.normals).sum(1).mean() for cloud in (clean, noisy, noisier)]
    assert agreement == sorted(agreement, reverse=True)
    assert agreement[1] > 0.95


def test_the_linear_model_finds_a_head_of_its_own_kind(mean_head: HeldOutHead) -> None:
    linear = load_method(LINEAR)
    surface, cost = linear.fit(mean_head.cloud(2000), resolution=64)
    assert mean_head.scores(surface)["face"].chamfer_mm < 0.25
    assert mean_head.scores(surface)["head"].f_score > 0.97
    assert cost.fitting_seconds > 0


def test_missing_weights_of_the_ablation_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(heads_methods, "ablation_folder", lambda: tmp_path)
    with pytest.raises(heads_methods.EngineError, match="triplane-ablation"):
        load_method(next(iter(heads_methods.ABLATION)))


@pytest.fixture
def outcomes() -> Outcomes:
    """Two subjects, two methods."""

    def outcome(value: float) -> Outcome:
        score = SurfaceScore(value, 0.9, 0.5)
        return Outcome({"face": score, "head": SurfaceScore(10 * value, 0.8, 0.4)}, Cost(1.0))

    return {
        Subject(0): {"a": outcome(0.1), "b": outcome(1.0)},
        Subject(1): {"a": outcome(0.3), "b": outcome(2.0)},
    }


def test_tables_hold_the_means_of_face_and_head(outcomes: Outcomes) -> None:
    table = scores_table(["a", "b"], list(outcomes), outcomes)
    assert list(table) == ["a", "b"]
    assert list(table["a"].values()) == ["0.200 / 2.000", "0.900 / 0.800", "0.500 / 0.400"]
    swept = sweep_table(["b"], {"first": [Subject(0)], "both": list(outcomes)}, outcomes)
    assert swept == {"b": {"first": "1.000 / 10.000", "both": "1.500 / 15.000"}}


@pytest.mark.slow
@pytest.mark.needs_data
def test_a_head_with_hair_has_no_surface_within(data: Path) -> None:
    heads = HeldOutHeads(data)
    head = heads.head(42)
    made = heads.generator.mesh("test", 42)
    assert {FACE, HAIR, CAP} <= set(head.region)
    points, _ = head.mesh.sample(5000, np.random.default_rng(0))
    assert np.abs(made.distance(points)).max() < 1e-4
    assert head.scores(head.mesh)["head"].chamfer_mm < 1e-6
