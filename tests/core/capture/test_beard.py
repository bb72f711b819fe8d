"""A beard leaves the chin's shape alone, and shows in the skin's maps."""

from dataclasses import replace

import numpy as np
import pytest

from likeness.core.capture.beard import LEAST_TRUST, beard_share, landmark_trust
from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.landmark_fit import fit_landmarks
from likeness.core.capture.segmentation import Masks
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.head import SHAPES, HeadModel
from likeness.core.rendering.camera import Camera

from .synthetic import draw

SIZE = (512, 640)
CHIN = [152, 148, 176, 149, 150, 377, 400, 378, 379]
BEARD = 14.0
"""Pixels, 9 mm, by which a beard hangs below the chin."""


@pytest.fixture(scope="module")
def masks(model: HeadModel) -> Masks:
    """A head with a beard over the lower half of its face and under it."""
    scene = draw(model, np.full((len(model.v_template), 3), (0.5, 0.3, 0.2), np.float32))
    mouth = scene.camera.project(model.v_template[model.landmarks68[57]][None])[0, 1]
    beard = ((np.arange(SIZE[1])[:, None] > mouth) & (scene.masks.person > 0.5)).astype(np.float32)
    return replace(scene.masks, beard=beard, skin=scene.masks.skin * (1 - beard))


@pytest.fixture(scope="module")
def camera(model: HeadModel) -> Camera:
    return draw(model, np.ones((len(model.v_template), 3), np.float32)).camera


def face(embedding: LandmarkEmbedding, camera: Camera) -> np.ndarray:
    """Landmarks [478, 2] of the mean head."""
    points = camera.project(embedding.points(np.zeros(SHAPES), np.zeros(len(ARKIT_NAMES))))[:, :2]
    return points[embedding.visible(points)]


def test_trusts_landmarks_in_a_beard_less(embedding: LandmarkEmbedding, camera: Camera, masks: Masks) -> None:
    trust = landmark_trust(masks, face(embedding, camera))
    assert np.allclose(trust[CHIN], LEAST_TRUST, atol=0.05)
    assert np.allclose(trust[[4, 10, 33, 263, 168]], 1)
    bare = replace(masks, beard=np.zeros_like(masks.beard))
    assert np.allclose(landmark_trust(bare, face(embedding, camera)), 1)


def test_a_beard_makes_the_chin_less_long(
    model: HeadModel, embedding: LandmarkEmbedding, camera: Camera, masks: Masks
) -> None:
    """Landmarks of the mean head whose chin is where a beard ends."""
    landmarks = face(embedding, camera)
    landmarks[CHIN, 1] += BEARD
    plain = embedding.observe(landmarks, SIZE, camera.focal)
    tip = model.landmarks68[8]
    longer = [
        model.v_template[tip, 1] - model.shaped(fit_landmarks([used])[0].beta)[tip, 1]
        for used in (plain, plain.trusted(landmark_trust(masks, landmarks)))
    ]
    print(f"chin {1000 * longer[0]:.1f} mm lower with all landmarks trusted, {1000 * longer[1]:.1f} mm with fewer")
    assert abs(longer[1]) < 0.5 * abs(longer[0])


def test_share_follows_the_mask_and_its_mirror_image(model: HeadModel, camera: Camera, masks: Masks) -> None:
    points = camera.project(model.v_template)[:, :2]
    left = model.v_template[:, 0] > -1e-4
    share = beard_share(model, masks, points, left.astype(float))
    chin = model.landmarks68[[6, 7, 8, 9, 10]]
    assert (share[chin] > 0.8).all()
    assert (share[model.landmarks68[27:48]] == 0).all()
