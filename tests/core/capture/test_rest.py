"""A face at rest is the person's: eyes do not stare, the mouth is not stern."""

import numpy as np
import pytest

from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.landmark_fit import LandmarkFit, as_fit
from likeness.core.capture.rest import SMILES, SQUINTS, own_rest
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.head import SHAPES, HeadModel
from likeness.core.rendering.camera import Camera

UPPER, LOWER = 37, 41
"""Of the 68 points, on the right eye."""
BETA = np.zeros(SHAPES)


def posed(embedding: LandmarkEmbedding, squint: float = 0.0, smile: float = 0.0) -> LandmarkFit:
    arkit = np.array([squint * ("Squint" in name) + smile * ("mouthSmile" in name) for name in ARKIT_NAMES])
    camera = Camera(1600.0, (400, 500), (800, 1000), np.diag([1.0, -1.0, -1.0]), np.array([0, 0, 1.0]))
    projected = camera.project(embedding.points(BETA, arkit))[:, :2]
    return as_fit(BETA, arkit, camera, embedding.observe(projected[embedding.visible(projected)], camera.size, 1600.0))


def opening(model: HeadModel, fit: LandmarkFit | None = None) -> float:
    """Metres between the lids, at rest or as in a photo."""
    arkit = fit.arkit if fit else np.zeros(len(ARKIT_NAMES))
    vertices = model.shaped(BETA.astype(np.float32), (arkit @ model.arkit_psi).astype(np.float32))
    return float(vertices[model.landmarks68[UPPER], 1] - vertices[model.landmarks68[LOWER], 1])


def test_half_of_the_squint_stays(model: HeadModel, embedding: LandmarkEmbedding) -> None:
    fit = posed(embedding, 0.8)
    own, (rest,) = own_rest(model, [fit])
    wide, shown = opening(model), opening(model, fit)
    assert opening(own) == pytest.approx(wide + SQUINTS["eyeSquintLeft"] * (shown - wide), abs=2e-5)
    assert opening(own, rest) == pytest.approx(shown, abs=2e-5)
    assert 0.0002 < np.abs(own.v_template - model.v_template).max() < 0.004
    assert not np.abs((own.v_template - model.v_template)[model.masks["lips"] > 0.5]).any()


def test_a_photo_that_does_not_squint_tells_the_rest(model: HeadModel, embedding: LandmarkEmbedding) -> None:
    own, fits = own_rest(model, [posed(embedding, 0.8), posed(embedding, 0.0)])
    assert np.array_equal(own.v_template, model.v_template)
    assert fits[0].arkit.max() == pytest.approx(0.8)


def test_a_fifth_of_the_smile_stays(model: HeadModel, embedding: LandmarkEmbedding) -> None:
    fit = posed(embedding, smile=0.9)
    own, (rest,) = own_rest(model, [fit])
    corners = model.landmarks68[[48, 54]]
    smiling = model.shaped(BETA.astype(np.float32), (fit.arkit @ model.arkit_psi).astype(np.float32))
    lifted = (own.v_template - model.v_template)[corners, 1] / (smiling - model.v_template)[corners, 1]
    assert lifted == pytest.approx(SMILES["mouthSmileLeft"], abs=0.01)
    again = own.shaped(BETA.astype(np.float32), (rest.arkit @ model.arkit_psi).astype(np.float32))
    assert np.abs(again - smiling).max() < 2e-5
