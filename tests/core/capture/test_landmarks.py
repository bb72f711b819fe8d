"""Faces are found at any size and turn, and nothing else is taken for one."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from likeness.core.capture.landmarks import COUNT, detect_landmarks, iris_distance, mirror
from likeness.core.capture.photo import Photo
from likeness.core.errors import InputError


@pytest.fixture(scope="module")
def landmarks(portrait: Photo) -> np.ndarray:
    return detect_landmarks(portrait)


def error(found: np.ndarray, expected: np.ndarray) -> float:
    """Mean distance over the inter-ocular distance."""
    return float(np.linalg.norm(found - expected, axis=1).mean()) / iris_distance(expected)


def pasted(portrait: Photo, scale: float, corner: tuple[int, int], size: tuple[int, int] = (1200, 900)) -> Image.Image:
    side = round(512 * scale)
    image = Image.new("RGB", size, (90, 120, 90))
    image.paste(Image.fromarray(portrait.pixels).resize((side, side), Image.Resampling.LANCZOS), corner)
    return image


def test_mirror_is_an_involution_that_swaps_the_eyes(landmarks: np.ndarray) -> None:
    permutation = mirror()
    assert sorted(permutation) == list(range(COUNT))
    assert (permutation[permutation] == np.arange(COUNT)).all()
    assert (permutation[[33, 61, 468, 10]] == [263, 291, 473, 10]).all()


def test_mirrored_photo(portrait: Photo, landmarks: np.ndarray) -> None:
    found = detect_landmarks(Photo(portrait.pixels[:, ::-1].copy(), "mirrored", None))
    assert error((512, 0) + found[mirror()] * (-1, 1), landmarks) < 0.02


@pytest.mark.parametrize("scale", [0.5, 4.0])
def test_size(portrait: Photo, landmarks: np.ndarray, scale: float) -> None:
    size = (1200, 900) if scale < 1 else (3000, 2500)
    found = detect_landmarks(Photo(np.array(pasted(portrait, scale, (640, 420), size)), "scaled", None))
    assert error((found - (640, 420)) / scale, landmarks) < 0.03


@pytest.mark.parametrize("turn", [35, 90, 180, 270])
def test_turn(portrait: Photo, landmarks: np.ndarray, turn: int) -> None:
    turned = np.array(Image.fromarray(portrait.pixels).rotate(turn, Image.Resampling.BICUBIC))
    found = detect_landmarks(Photo(turned, "turned", None)) - 256
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    assert error(found @ np.array([[cos, sin], [-sin, cos]]) + 256, landmarks) < 0.05


def test_several_faces_are_counted_from_the_largest(portrait: Photo, landmarks: np.ndarray) -> None:
    image = pasted(portrait, 1.0, (650, 300))
    image.paste(Image.fromarray(portrait.pixels).resize((300, 300)), (50, 50))
    photo = Photo(np.array(image), "two.png", None)
    assert error(detect_landmarks(photo) - (650, 300), landmarks) < 0.03
    assert error((detect_landmarks(photo, 2) - 50) * 512 / 300, landmarks) < 0.05
    with pytest.raises(InputError, match="Face 3 does not exist: two.png shows 2"):
        detect_landmarks(photo, 3)


def test_no_face() -> None:
    for name in ("coffee", "chelsea"):  # a cup, a cat
        with pytest.raises(InputError, match="No face was found in"):
            detect_landmarks(Photo(getattr(data, name)(), name, None))


def test_tiny_face(portrait: Photo) -> None:
    with pytest.raises(InputError, match="pixels wide|No face"):
        detect_landmarks(Photo(np.array(pasted(portrait, 0.22, (500, 300))), "far.png", None))  # 20 pixels wide
