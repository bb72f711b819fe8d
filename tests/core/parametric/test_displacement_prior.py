"""What relief is expected: what was seen, its mirror image in part, and the mean far from both."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from likeness.core.errors import EngineError
from likeness.core.parametric.displacement_prior import DisplacementPrior
from likeness.core.weights import card

SIDE = 20


@pytest.fixture(scope="module")
def prior() -> DisplacementPrior:
    """Texels 2 mm apart in a plane, half of them on each side of the face."""
    y, x = np.mgrid[:SIDE, :SIDE] * 2.0
    points = np.stack([x - x.mean(), y, 0 * x], -1).reshape(-1, 3)
    mean, deviation = np.full(SIDE**2, 0.1), np.full(SIDE**2, 0.2)
    return DisplacementPrior(
        SIDE, np.arange(SIDE**2), points, mean, deviation, np.array([3.0]), np.array([0.98]), symmetry=0.5
    )


def test_what_was_seen_is_expected(prior: DisplacementPrior) -> None:
    everywhere = np.arange(SIDE**2)
    height = prior.mean + 0.1 * np.exp(-0.5 * (prior.points**2).sum(1) / 6**2)
    found = prior.expected(height, np.ones(SIDE**2), everywhere)
    assert np.abs(found - height).max() < 0.01


def test_the_other_side_is_expected_in_part(prior: DisplacementPrior) -> None:
    left = prior.points[:, 0] < 0
    height = np.where(left, 0.3, 0.0)
    far = np.flatnonzero(prior.points[:, 0] > 10)
    found = prior.expected(height, left.astype(float), far)
    assert found == pytest.approx(prior.mean[far] + 0.5 * 0.2, abs=0.02)


def test_nothing_seen_is_the_mean(prior: DisplacementPrior) -> None:
    assert prior.expected(0 * prior.mean, 0 * prior.mean, np.arange(5)) == pytest.approx(prior.mean[:5])


def test_the_likelihood_is_that_of_the_gaussian(prior: DisplacementPrior) -> None:
    own = replace(prior, shares=np.zeros(1))
    height = np.random.default_rng(0).normal(0, 0.2, SIDE**2)
    seen = height > 0
    wanted = -0.5 * (((height - 0.1) / 0.2) ** 2 + np.log(2 * np.pi * 0.2**2))[seen].sum()
    assert own.log_likelihood(height, seen) == pytest.approx(wanted)


def test_what_is_shipped_tells_more_than_what_is_simpler() -> None:
    prior, figures = DisplacementPrior.load(), card("displacement_prior")["metrics"]
    assert 0 < prior.symmetry < 1
    assert prior.shares.sum() < 1
    assert (prior.deviation > 0).all()
    assert figures["nats_prior"] > max(
        figures[f"nats_{name}"] for name in ("isotropic", "isotropic_smooth", "texelwise")
    )
    assert figures["hidden_mm_prior"] < 0.9 * min(figures["hidden_mm_mirrored"], figures["hidden_mm_flat"])


def test_weights_of_another_version_are_refused(tmp_path) -> None:
    save_file({"mean": np.zeros(2, np.float32)}, tmp_path / "prior.safetensors")
    with pytest.raises(EngineError, match="not of this version"):
        DisplacementPrior.load(tmp_path / "prior.safetensors")
