"""The landmark fit finds again what landmarks were made from; its derivatives are right."""

import numpy as np
import pytest

from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.fit import fit_known, fit_shots, head_fit
from likeness.core.capture.landmark_fit import bounded_step, fit_landmarks
from likeness.core.capture.landmarks import COUNT, detect_landmarks, iris_distance
from likeness.core.capture.photo import Photo
from likeness.core.capture.shots import Shot
from likeness.core.capture.skin_tone import SkinTone
from likeness.core.evaluation.synthetic import shape_error_mm
from likeness.core.parametric.arkit import ARKIT_NAMES, INDEX
from likeness.core.parametric.head import SHAPES, HeadModel
from likeness.core.parametric.lbs import rotation_matrix
from likeness.core.rendering.camera import Camera

SIZE = (800, 1000)


def camera(yaw: float) -> Camera:
    turn = np.diag([1.0, -1.0, -1.0]) @ rotation_matrix(np.radians([5.0, yaw, 0.0]))
    return Camera(3200.0, (400, 500), SIZE, turn, np.array([0, 0, 1.2]) - turn @ (0, 0.02, 0.06))


def seen(embedding: LandmarkEmbedding, beta: np.ndarray, arkit: np.ndarray, camera: Camera) -> np.ndarray:
    projected = camera.project(embedding.points(beta, arkit))[:, :2]
    return projected[embedding.visible(projected)]


def expression(**weights: float) -> np.ndarray:
    return np.array([weights.get(name, 0.0) for name in ARKIT_NAMES])


def test_points_are_the_models_own(model: HeadModel, embedding: LandmarkEmbedding) -> None:
    rng = np.random.default_rng(0)
    beta, arkit = rng.standard_normal(SHAPES), rng.uniform(0, 0.5, len(ARKIT_NAMES))
    psi, theta = arkit @ model.arkit_psi, np.tensordot(arkit, model.arkit_theta, 1)
    vertices = model.vertices(beta, psi, theta)
    expected = np.einsum("nk,nkc->nc", embedding.barycentric, vertices[embedding.vertices])
    on_surface = np.abs(embedding.offset).max(1) < 1e-5
    assert on_surface.sum() > 200
    assert np.abs(embedding.points(beta, arkit)[:COUNT] - expected)[on_surface].max() < 1e-4  # metres


def test_derivatives_against_finite_differences(embedding: LandmarkEmbedding) -> None:
    rng = np.random.default_rng(1)
    beta, arkit = rng.standard_normal(SHAPES), rng.uniform(0, 0.5, len(ARKIT_NAMES))
    points = embedding.points
    _, by_beta, by_arkit = points.derivatives(beta, arkit)
    step = 1e-5
    for k in (0, 7, 99):
        d = step * np.eye(SHAPES)[k]
        numeric = (points(beta + d, arkit) - points(beta - d, arkit)) / (2 * step)
        assert np.abs(numeric - by_beta[..., k]).max() < 1e-4 * np.abs(numeric).max()
    for name in ("jawOpen", "eyeLookInLeft", "eyeLookUpRight", "mouthSmileLeft", "browDownRight"):
        d = step * np.eye(len(ARKIT_NAMES))[INDEX[name]]
        numeric = (points(beta, arkit + d) - points(beta, arkit - d)) / (2 * step)
        assert np.abs(numeric - by_arkit[..., INDEX[name]]).max() < 1e-4 * np.abs(numeric).max()


def test_bounded_step() -> None:
    rng = np.random.default_rng(2)
    root = rng.standard_normal((8, 6))
    hessian, gradient = root.T @ root, rng.standard_normal(6)
    free = bounded_step(hessian, gradient, np.full(6, -np.inf), np.full(6, np.inf))
    assert free == pytest.approx(np.linalg.solve(hessian, gradient))
    bound = bounded_step(hessian, gradient, np.zeros(6), np.full(6, 0.1))
    assert (bound >= 0).all()
    assert (bound <= 0.1).all()


@pytest.mark.parametrize("yaw", [0.0, -25.0, 40.0])
def test_recovers_shape_pose_and_expression(model: HeadModel, embedding: LandmarkEmbedding, yaw: float) -> None:
    rng = np.random.default_rng(3)
    beta = rng.standard_normal(SHAPES)
    arkit = expression(jawOpen=0.4, mouthSmileLeft=0.5, mouthSmileRight=0.5, eyeLookInLeft=0.3, eyeLookOutRight=0.3)
    true = camera(yaw)
    landmarks = seen(embedding, beta, arkit, true)
    landmarks += rng.normal(0, 0.005, landmarks.shape) * iris_distance(landmarks)
    (fit,) = fit_landmarks([embedding.observe(landmarks, SIZE, true.focal)])
    assert fit.error < 0.015
    assert shape_error_mm(model, fit.beta, beta) < 0.6 * shape_error_mm(model, 0 * beta, beta)
    turn = np.degrees(np.arccos((np.trace(fit.camera.rotation @ true.rotation.T) - 1) / 2))
    assert turn < 2.5
    assert fit.arkit[INDEX["jawOpen"]] == pytest.approx(0.4, abs=0.15)
    assert fit.arkit[INDEX["mouthSmileLeft"]] == pytest.approx(0.5, abs=0.25)
    gaze = np.tensordot(fit.arkit - arkit, embedding.model.arkit_theta, 1)[3:]
    assert np.degrees(np.abs(gaze)).max() < 6


def test_photos_of_one_head_are_fitted_together(model: HeadModel, embedding: LandmarkEmbedding) -> None:
    rng = np.random.default_rng(4)
    errors = []
    for _ in range(3):
        beta = rng.standard_normal(SHAPES)
        smile, open_ = expression(mouthSmileLeft=0.5, mouthSmileRight=0.5), expression(jawOpen=0.5)
        observations = []
        for yaw, arkit in ((0.0, smile), (-35.0, open_), (30.0, expression())):
            landmarks = seen(embedding, beta, arkit, camera(yaw))
            noise = rng.normal(0, 0.01, landmarks.shape) * iris_distance(landmarks)
            observations.append(embedding.observe(landmarks + noise, SIZE, 3200.0))
        fits = [fit_landmarks(observations[: n + 1]) for n in range(3)]
        assert all((fit.beta == some[0].beta).all() for some in fits for fit in some)
        assert fits[2][1].arkit[INDEX["jawOpen"]] > 0.3 > fits[2][0].arkit[INDEX["jawOpen"]]
        errors.append([shape_error_mm(model, some[0].beta, beta) for some in fits])
    one, two, three = np.mean(errors, 0)
    assert three < two < one


def test_the_same_photos_in_another_order_give_the_same_head(embedding: LandmarkEmbedding) -> None:
    beta = np.random.default_rng(5).standard_normal(SHAPES)
    observations = [
        embedding.observe(seen(embedding, beta, expression(jawOpen=w), camera(yaw)), SIZE, 3200.0)
        for yaw, w in ((0.0, 0.0), (30.0, 0.4))
    ]
    one, other = fit_landmarks(observations), fit_landmarks(observations[::-1])
    assert np.abs(one[0].beta - other[0].beta).max() < 1e-6
    assert np.abs(one[1].arkit - other[0].arkit).max() < 1e-6


def test_a_known_identity_is_held(embedding: LandmarkEmbedding, portrait: Photo) -> None:
    beta = np.random.default_rng(6).standard_normal(SHAPES)
    fit = fit_known(embedding, Shot(portrait, detect_landmarks(portrait)), beta)
    assert np.abs(fit.beta - beta).max() < 1e-5
    assert fit.arkit[INDEX["mouthSmileLeft"]] > 0.2
    assert fit.error < 0.08


def test_neutral_mean_head_stays_itself(embedding: LandmarkEmbedding) -> None:
    landmarks = seen(embedding, np.zeros(SHAPES), expression(), camera(0.0))
    (fit,) = fit_landmarks([embedding.observe(landmarks, SIZE, 3200.0)])
    assert np.linalg.norm(fit.beta) < 0.3
    assert fit.arkit.max() < 0.05


def test_real_photo(model: HeadModel, embedding: LandmarkEmbedding, portrait: Photo) -> None:
    shot = Shot(portrait, detect_landmarks(portrait))
    fit = head_fit(model, shot, fit_shots(model, embedding, SkinTone.load(model), [shot])[0])
    assert fit.error < 0.02
    assert 1.0 < np.linalg.norm(fit.beta) < 8.0
    assert 0.5 < fit.camera.translation[2] < 5
    assert (fit.theta[:2] == 0).all()
    vertices = model.vertices(fit.beta, fit.psi, fit.theta)
    chin, crown = vertices[model.landmarks68[8]], vertices[np.argmax(vertices[:, 1])]
    assert 0.18 < crown[1] - chin[1] < 0.28  # metres
