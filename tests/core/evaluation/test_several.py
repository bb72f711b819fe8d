"""Synthetic photos of a known head show what they are said to show."""

import numpy as np
import pytest

from likeness.core.capture.camera_fit import yaw_of
from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.landmark_fit import fit_landmarks
from likeness.core.evaluation.several import Lender, imitated, photo_camera, table
from likeness.core.evaluation.synthetic import Sitter
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.head import SHAPES, HeadModel


@pytest.fixture(scope="module")
def lender() -> Lender:
    """A portrait whose detector errs by a tenth of the distance between the eyes, to the right."""
    embedding = LandmarkEmbedding.load(HeadModel.load())
    camera = photo_camera(np.random.default_rng(0), 0.0)
    projected = camera.project(embedding.points(np.zeros(SHAPES), np.zeros(len(ARKIT_NAMES))))[:, :2]
    observation = embedding.observe(projected[embedding.visible(projected)], camera.size, camera.focal)
    errors = np.tile([0.1, 0.0], (len(observation.points), 1))
    return Lender(Sitter(errors, np.ones(9), np.zeros(1), np.ones(1)), observation)


@pytest.mark.parametrize("yaw", [0.0, 40.0])
def test_errors_are_lent_relative_to_the_head(lender: Lender, yaw: float) -> None:
    camera = photo_camera(np.random.default_rng(1), yaw)
    beta, arkit = np.random.default_rng(2).standard_normal(SHAPES), np.zeros(len(ARKIT_NAMES))
    seen = imitated(lender, beta, arkit, camera)
    projected = camera.project(seen.model(beta, arkit))[:, :2]
    shift = np.linalg.norm(seen.points - projected[seen.visible(projected)], axis=1)
    expected = 0.1 * 0.0639 * camera.focal / camera.translation[2]
    assert shift == pytest.approx(expected, rel=0.15)
    assert shift == pytest.approx(shift[0])


def test_the_camera_is_turned_as_asked(lender: Lender) -> None:
    camera = photo_camera(np.random.default_rng(3), 30.0)
    (fit,) = fit_landmarks([imitated(lender, np.zeros(SHAPES), np.zeros(len(ARKIT_NAMES)), camera)])
    assert np.degrees(yaw_of(fit.camera)) == pytest.approx(np.degrees(yaw_of(camera)), abs=2)
    assert abs(np.degrees(yaw_of(camera))) == pytest.approx(30, abs=2)


def test_tables_compare_with_their_first_row() -> None:
    rows = table([{"one": 1.0, "two": 2.0}, {"one": 3.0, "two": 1.0}])
    assert rows["one"]["mean"] == 2.0
    assert rows["two"]["of the first"] == 0.75
