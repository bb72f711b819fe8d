"""The outline of bare skin in a photo moves the skull and the ears to where it is, and leaves the face alone."""

import numpy as np
import pytest

from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.face_crop import SIZE as FACE_CROP
from likeness.core.capture.face_crop import face_transform
from likeness.core.capture.landmark_fit import fit_landmarks
from likeness.core.capture.landmarks import IRISES, detect_landmarks
from likeness.core.capture.observation import upright_frame
from likeness.core.capture.outline import Outline, outermost, outline_vertices, outline_witness, seen_outline
from likeness.core.capture.photo import Photo
from likeness.core.capture.points import PointModel
from likeness.core.capture.refine import refine
from likeness.core.capture.segmentation import Masks
from likeness.core.capture.shots import Shot
from likeness.core.capture.skull import LARGEST, own_skull
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.head import SHAPES, HeadModel
from likeness.core.rendering.camera import Camera
from likeness.core.rendering.rasterise import rasterise, triangulate
from likeness.core.training.portraits import similarity

SIZE = (800, 1000)
NOTHING = np.zeros(len(ARKIT_NAMES))
FRONT = np.diag([1.0, -1.0, -1.0])
CAMERA = Camera(2400.0, (400, 500), SIZE, FRONT, np.array([0, 0, 1.2]) - FRONT @ (0, 0.02, 0.06))


@pytest.fixture(scope="module")
def points(model: HeadModel) -> PointModel:
    return PointModel.at(model, outline_vertices(model))


def bald(model: HeadModel, embedding: LandmarkEmbedding, vertices: np.ndarray, landmarks: np.ndarray) -> Outline:
    """What a photo by CAMERA of a bald head of `vertices` [V, 3] shows of its outline."""
    transform = face_transform(landmarks)
    drawn = CAMERA.project(vertices)
    drawn[:, :2] = drawn[:, :2] @ transform[:, :2].T + transform[:, 2]
    skin = triangulate(model.faces[model.face_part == model.parts.index("skin")])[0]
    covered = rasterise(drawn, skin, FACE_CROP).covered.astype(np.float32)
    masks = Masks(transform, covered, 1 - covered, covered, *np.zeros((8, *covered.shape), np.float32))
    return seen_outline(masks, landmarks, embedding.observe(landmarks, SIZE, CAMERA.focal).frame)


def landmarks_of(embedding: LandmarkEmbedding, beta: np.ndarray) -> np.ndarray:
    projected = CAMERA.project(embedding.points(beta, NOTHING))[:, :2]
    return projected[embedding.visible(projected)]


def neutral(model: HeadModel, beta: np.ndarray) -> np.ndarray:
    return model.shaped(beta.astype(np.float32))


def test_rays_meet_the_outermost_point(model: HeadModel, embedding: LandmarkEmbedding, points: PointModel) -> None:
    beta = np.random.default_rng(0).standard_normal(SHAPES)
    outline = bald(model, embedding, neutral(model, beta), landmarks_of(embedding, beta))
    assert len(outline.rays) > 60
    projected = CAMERA.project(points(beta, NOTHING))[:, :2]
    found = outermost(outline, projected)
    assert (found >= 0).all()
    missing = ((outline.points - projected[found]) @ outline.frame.T * outline.outward).sum(1)
    assert np.median(np.abs(missing)) < 0.01
    assert np.percentile(np.abs(missing), 95) < 0.03


def test_the_outline_makes_the_skull_truer(model: HeadModel, embedding: LandmarkEmbedding, points: PointModel) -> None:
    face = model.masks["narrow_face"] > 0.5
    around = np.maximum(model.masks["ears"], model.masks["scalp"]) > 0.5
    errors = []
    for seed in range(3):
        beta = np.random.default_rng(seed).standard_normal(SHAPES)
        landmarks = landmarks_of(embedding, beta)
        (fit,) = fit_landmarks([embedding.observe(landmarks, SIZE, CAMERA.focal)])
        outline = bald(model, embedding, neutral(model, beta), landmarks)
        (refined,) = refine([fit], [[outline_witness(points, outline)]])
        for each in (fit, refined):
            found, truth = neutral(model, each.beta), neutral(model, beta)
            away = np.linalg.norm(similarity(found[face], truth[face])(found) - truth, axis=1)
            errors.append([away[around].mean(), away[face].mean()])
    (skull, front), (refined_skull, refined_front) = np.mean(errors[::2], 0), np.mean(errors[1::2], 0)
    assert refined_skull < 0.95 * skull
    assert refined_front < 1.05 * front


def test_ears_that_no_shape_reaches_are_reached(model: HeadModel, embedding: LandmarkEmbedding) -> None:
    beta = np.zeros(SHAPES)
    landmarks = landmarks_of(embedding, beta)
    (fit,) = fit_landmarks([embedding.observe(landmarks, SIZE, CAMERA.focal)])
    ears = model.masks["ears"][:, None] * np.sign(model.v_template[:, :1]) * (0.006, 0, 0)
    own = own_skull(model, [bald(model, embedding, model.v_template + ears, landmarks)], [fit])
    moved = own.v_template - model.v_template
    rim = np.argsort(-np.abs(model.v_template[:, 0]) * (model.masks["ears"] > 0.9))[:40]
    assert 0.0035 < np.abs(moved[rim, 0]).mean() < 0.008
    assert np.abs(moved[model.masks["narrow_face"] > 0.9]).max() < 0.0005
    assert np.abs(moved).max() <= LARGEST
    assert np.abs(moved[model.mirror] * (-1, 1, 1) - moved).max() < 0.002


def test_hair_tells_nothing_of_the_skull(model: HeadModel, portrait: Photo) -> None:
    shot = Shot(portrait, detect_landmarks(portrait))
    outline = seen_outline(shot.masks, shot.landmarks, upright_frame(*shot.landmarks[list(IRISES)]))
    assert len(outline.rays) == 0
    assert own_skull(model, [], []) is model
