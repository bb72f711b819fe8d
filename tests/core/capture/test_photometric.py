"""The shades of a face tell of its shape; light and skin tone do not pass for it."""

from dataclasses import replace

import numpy as np
import pytest

from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.face_surface import FaceSurface
from likeness.core.capture.landmark_fit import LandmarkFit, fit_landmarks
from likeness.core.capture.landmarks import detect_landmarks
from likeness.core.capture.photo import Photo
from likeness.core.capture.photometric import Shades, evidence, explain, irradiance, photo_shades, sample, shade_witness
from likeness.core.capture.refine import refine
from likeness.core.capture.segmentation import segment
from likeness.core.capture.skin_tone import SkinTone
from likeness.core.errors import EngineError
from likeness.core.evaluation.synthetic import SIZE, shape_error_mm
from likeness.core.parametric.arkit import ARKIT_NAMES, INDEX
from likeness.core.parametric.head import SHAPES, HeadModel
from likeness.core.rendering.camera import Camera
from likeness.core.rendering.shading import sh_basis

LIGHT = np.array([2.6, 0.5, 0.6, 0.45, 0.1, -0.1, 0.05, 0.15, 0.05])
FRONT = Camera(3200.0, (400, 500), SIZE, np.diag([1.0, -1.0, -1.0]), np.array([0, 0.02, 1.26]))


@pytest.fixture(scope="module")
def surface(model: HeadModel) -> FaceSurface:
    return FaceSurface.of(model)


@pytest.fixture(scope="module")
def tone(model: HeadModel) -> SkinTone:
    return SkinTone.load(model)


def fitted(embedding: LandmarkEmbedding, beta: np.ndarray) -> LandmarkFit:
    """The head by its landmarks, neutral and from the front."""
    projected = FRONT.project(embedding.points(beta, np.zeros(len(ARKIT_NAMES))))[:, :2]
    return fit_landmarks([embedding.observe(projected[embedding.visible(projected)], SIZE, FRONT.focal)])[0]


def lit(surface: FaceSurface, beta: np.ndarray, tone: np.ndarray | float) -> Shades:
    normals = surface.normals(surface.positions(beta, np.zeros(len(ARKIT_NAMES))))
    luminance = np.log(irradiance(sh_basis(normals), LIGHT)) + tone
    return lambda _: (luminance, np.ones(len(luminance)))


def test_normals_turn_as_finite_differences_say(surface: FaceSurface) -> None:
    rng = np.random.default_rng(0)
    beta, arkit = rng.standard_normal(SHAPES), np.zeros(len(ARKIT_NAMES))
    arkit[INDEX["jawOpen"]] = 0.3
    by_beta = surface.normals_by_beta(surface.positions(beta, arkit), beta, arkit)
    for k in (0, 5, 40, 99):
        step = 0.2 * np.eye(SHAPES)[k]
        one, other = (surface.normals(surface.positions(beta + d, arkit)) for d in (step, -step))
        numeric = (one - other) / 0.4
        assert np.linalg.norm((numeric - by_beta[..., k])[surface.bare > 0.5]) < 0.003 * np.linalg.norm(numeric)


def test_light_and_tone_explain_a_face_of_known_shape(
    surface: FaceSurface, tone: SkinTone, embedding: LandmarkEmbedding
) -> None:
    beta = np.random.default_rng(1).standard_normal(SHAPES)
    fit = replace(fitted(embedding, beta), beta=beta, arkit=np.zeros(len(ARKIT_NAMES)), camera=FRONT)
    samples = sample(surface, lit(surface, beta, tone.mean + tone.modes[:, 0]), fit)
    assert (samples.weight > 0.05).sum() > 0.3 * len(surface.vertices)
    assert explain(samples, tone, surface.bare.sum()).error < 0.01
    assert explain(samples, SkinTone.unknown(len(tone.mean), 0.12), surface.bare.sum()).error > 0.03


def test_evidence_points_to_the_shape_that_is_lit(
    surface: FaceSurface, tone: SkinTone, embedding: LandmarkEmbedding
) -> None:
    beta = np.random.default_rng(2).standard_normal(SHAPES)
    start = fitted(embedding, np.zeros(SHAPES))
    told = evidence(surface, lit(surface, beta, tone.mean), tone, start)
    assert np.linalg.eigvalsh(told.precision).min() > -1e-6 * np.linalg.eigvalsh(told.precision).max()
    towards = told.vector - told.precision @ start.beta
    assert towards @ (beta - start.beta) > 0


def test_a_hidden_face_is_left_to_the_landmarks(
    surface: FaceSurface, tone: SkinTone, embedding: LandmarkEmbedding
) -> None:
    fits = [fitted(embedding, np.zeros(SHAPES))]
    hidden = np.zeros(len(tone.mean))
    assert refine(fits, [[shade_witness(surface, tone, lambda _: (hidden, hidden))]]) is fits


def test_shades_bring_heads_nearer(
    model: HeadModel, surface: FaceSurface, tone: SkinTone, embedding: LandmarkEmbedding
) -> None:
    rng = np.random.default_rng(3)
    errors = []
    for _ in range(4):
        beta = rng.standard_normal(SHAPES)
        skin = tone.mean + tone.modes @ rng.standard_normal(tone.modes.shape[1])
        fit = fitted(embedding, beta)
        (refined,) = refine([fit], [[shade_witness(surface, tone, lit(surface, beta, skin))]])
        errors.append([shape_error_mm(model, found.beta, beta) for found in (fit, refined)])
    before, after = np.mean(errors, 0)
    assert after < 0.95 * before


def test_real_photo(surface: FaceSurface, tone: SkinTone, embedding: LandmarkEmbedding, portrait: Photo) -> None:
    landmarks = detect_landmarks(portrait)
    height, width = portrait.pixels.shape[:2]
    (fit,) = fit_landmarks([embedding.observe(landmarks, (width, height), portrait.focal)])
    shades = photo_shades(portrait, segment(portrait.pixels, landmarks))
    (refined,) = refine([fit], [[shade_witness(surface, tone, shades)]])
    before, after = (explain(sample(surface, shades, f), tone, surface.bare.sum()).error for f in (fit, refined))
    assert after < before
    assert refined.error < fit.error + 0.003
    assert 0.1 < np.linalg.norm(refined.beta - fit.beta) < 4


def test_tones_of_another_head_are_refused(model: HeadModel) -> None:
    with pytest.raises(EngineError, match="belongs to another head model"):
        SkinTone.load(replace(model, v_template=model.v_template + 1))
