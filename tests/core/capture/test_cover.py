"""Cloth and dark glasses are not taken for skin, and nothing else for them."""

import numpy as np
import pytest

from likeness.core.capture.beard import landmark_trust
from likeness.core.capture.landmarks import detect_landmarks
from likeness.core.capture.photo import Photo
from likeness.core.capture.photo_doubt import photo_doubts
from likeness.core.capture.shots import Shot

from . import bad_photos

CHIN, FOREHEAD, CHEEK = 199, 151, 205


@pytest.fixture(scope="module")
def landmarks(portrait: Photo) -> np.ndarray:
    return detect_landmarks(portrait)


def degraded(portrait: Photo, landmarks: np.ndarray, how: bad_photos.Degradation) -> Shot:
    return Shot(Photo(how(portrait.pixels, landmarks), "face.png", None), landmarks)


@pytest.mark.parametrize("how", [bad_photos.surgical_mask, bad_photos.black_mask, bad_photos.veil])
def test_cloth_is_no_skin(portrait: Photo, landmarks: np.ndarray, how: bad_photos.Degradation) -> None:
    shot = degraded(portrait, landmarks, how)
    below = landmarks[[CHIN, CHEEK]]
    assert shot.masks.sample("clothes", below).min() > 0.85
    assert shot.masks.sample("skin", below).max() < 0.1
    assert shot.masks.lips.max() < 0.3
    assert shot.masks.sample("skin", landmarks[[168]])[0] > 0.7  # between the eyes
    trust = landmark_trust(shot.masks, landmarks)
    assert trust[[CHIN, CHEEK]].max() < 0.1
    assert trust[168] > 0.9
    assert photo_doubts(shot) == ["The face in face.png is covered in part; what is under it is guessed."]


def test_dark_glasses_hide_the_eyes(portrait: Photo, landmarks: np.ndarray) -> None:
    shot = degraded(portrait, landmarks, bad_photos.sunglasses)
    assert shot.masks.sample("glasses", landmarks[[468, 473]]).min() > 0.9
    assert shot.masks.sample("skin", landmarks[[FOREHEAD, CHEEK]]).min() > 0.7
    (doubt,) = photo_doubts(shot)
    assert "Dark glasses hide the eyes in face.png" in doubt


def plain(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    return pixels


@pytest.mark.parametrize("how", [plain, bad_photos.make_up, bad_photos.side_light, bad_photos.black_and_white])
def test_other_faces_are_bare(portrait: Photo, landmarks: np.ndarray, how: bad_photos.Degradation) -> None:
    shot = degraded(portrait, landmarks, how)
    assert photo_doubts(shot) == []
    assert landmark_trust(shot.masks, landmarks).min() > 0.5


def test_a_face_that_moved_is_blurred(portrait: Photo, landmarks: np.ndarray) -> None:
    pixels = bad_photos.motion_blur(portrait.pixels, landmarks)
    shot = Shot(Photo(pixels, "face.png", None), landmarks * (len(pixels) / len(portrait.pixels)))
    assert photo_doubts(shot) == ["The face in face.png is blurred; wrinkles and folds were not taken from it."]


def test_a_small_face_is_not_blurred(portrait: Photo, landmarks: np.ndarray) -> None:
    pixels = bad_photos.small_face(portrait.pixels, landmarks)
    assert not Shot(Photo(pixels, "face.png", None), landmarks * (len(pixels) / len(portrait.pixels))).blurred
