"""The parsing of a photo, on a real one and on a drawn one whose truth is known."""

import cv2
import numpy as np
import pytest

from likeness.core.capture.face_crop import OVAL
from likeness.core.capture.landmarks import detect_landmarks
from likeness.core.capture.photo import Photo
from likeness.core.capture.segmentation import Masks, segment

SHARES = ("background", "skin", "hair", "clothes", "beard", "brows", "eyes", "lips", "mouth_interior")


@pytest.fixture(scope="module")
def landmarks(portrait: Photo) -> np.ndarray:
    return detect_landmarks(portrait)


@pytest.fixture(scope="module")
def masks(portrait: Photo, landmarks: np.ndarray) -> Masks:
    return segment(portrait.pixels, landmarks)


def test_classes_share_each_pixel_out(masks: Masks) -> None:
    total = sum(getattr(masks, name) for name in SHARES)
    assert np.abs(total - 1).max() < 0.02
    assert all(getattr(masks, name).dtype == np.float32 for name in SHARES)


@pytest.mark.parametrize(
    ("name", "pixel"),
    [
        ("skin", (224, 137)),  # cheek
        ("hair", (180, 95)),
        ("hair", (280, 95)),
        ("hair", (215, 68)),  # the fringe
        ("background", (120, 60)),
        ("clothes", (160, 290)),  # the orange suit
        ("mouth_interior", (223, 146)),  # the teeth of a smile
    ],
)
def test_real_photo(masks: Masks, name: str, pixel: tuple[int, int]) -> None:
    assert masks.sample(name, np.array([pixel], np.float32))[0] > 0.5


def test_bare_chin_has_no_beard_and_bare_eyes_no_glasses(masks: Masks) -> None:
    assert masks.beard.max() < 0.3
    assert masks.glasses.max() < 0.3


def test_features_lie_in_the_face(masks: Masks, landmarks: np.ndarray, portrait: Photo) -> None:
    face = np.zeros(portrait.pixels.shape[:2], np.uint8)
    cv2.fillPoly(face, [landmarks[OVAL].astype(np.int32)], 1)
    face = cv2.dilate(face, np.ones((5, 5)))
    for name in ("eyes", "brows", "lips", "mouth_interior"):
        mask = masks.warped(name, face.shape[::-1])
        assert mask.sum() > 10
        assert mask[face == 0].sum() < 0.05 * mask.sum()


def test_sample_and_warped_agree(masks: Masks, portrait: Photo) -> None:
    warped = masks.warped("hair", portrait.pixels.shape[1::-1])
    y, x = np.mgrid[60:160:7, 170:280:7]
    sampled = masks.sample("hair", np.stack([x.ravel(), y.ravel()], -1) + 0.5)
    assert np.abs(sampled - warped[y, x].ravel()).max() < 0.1


def test_scale_does_not_matter(masks: Masks, landmarks: np.ndarray, portrait: Photo) -> None:
    large = cv2.resize(portrait.pixels, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    again = segment(large, landmarks * 3)
    both = (masks.hair > 0.5) & (again.hair > 0.5)
    either = (masks.hair > 0.5) | (again.hair > 0.5)
    assert both.sum() / either.sum() > 0.85
