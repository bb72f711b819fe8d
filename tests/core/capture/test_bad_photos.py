"""Whatever the photo, the head is whole and near the coarse one, or one sentence says why there is none."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likeness.core.avatar import Avatar
from likeness.core.capture.fine import FOLDS
from likeness.core.capture.landmarks import detect_landmarks
from likeness.core.capture.photo import Photo
from likeness.core.capture.pipeline import CaptureOptions, capture_head
from likeness.core.capture.shots import take_shots
from likeness.core.errors import InputError
from likeness.core.parametric.head import HeadModel

from . import bad_photos

WARNINGS: list[tuple[bad_photos.Degradation, str]] = [
    (bad_photos.side_light, "light is too harsh"),
    (bad_photos.blown_highlights, "highlights are blown out"),
    (bad_photos.darkness, "too dark"),
    (bad_photos.sunglasses, "Dark glasses hide the eyes"),
    (bad_photos.surgical_mask, "is covered in part"),
    (bad_photos.black_mask, "is covered in part"),
    (bad_photos.veil, "is covered in part"),
    (bad_photos.motion_blur, "is blurred"),
    (bad_photos.small_face, "the face is too small"),
    (bad_photos.black_and_white, "is black-and-white"),
    (bad_photos.sepia, "is black-and-white"),
    (bad_photos.make_up, ""),
    (bad_photos.painting, ""),
]
"""How a photo is bad, and what the warnings say of it; nothing where the photo is taken as it is."""


def saved(portrait: Photo, how: bad_photos.Degradation, folder: Path) -> Path:
    path = folder / "bad.png"
    Image.fromarray(how(portrait.pixels, detect_landmarks(portrait))).save(path)
    return path


def assert_sound(avatar: Avatar, own: HeadModel) -> None:
    for part in avatar.parts:
        assert all(np.isfinite(values).all() for values in (part.vertices, part.weights, *part.keys.values()))
    assert all(np.isfinite(values).all() for values in avatar.parameters.values())
    for material in avatar.materials:
        if material.name == "brows":  # of no colour that hair has not, whatever the lids are painted with
            assert material.color[0] >= material.color[1] >= material.color[2]
    beta = np.asarray(avatar.parameters["beta"], np.float32)
    assert np.abs(beta).max() < 3
    assert np.linalg.norm(beta) < 7
    skin = avatar.part("skin")
    moved = np.linalg.norm(skin.vertices - own.shaped(beta)[skin.model_vertices], axis=1)
    assert moved.max() <= 2 * FOLDS.bound / 1000


@pytest.mark.slow
@pytest.mark.parametrize(("how", "words"), WARNINGS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_bad_photo_gives_a_sound_head_and_a_reason(
    portrait: Photo,
    own_model: Callable[[Path], HeadModel],
    tmp_path: Path,
    how: bad_photos.Degradation,
    words: str,
) -> None:
    path = saved(portrait, how, tmp_path)
    avatar, report = capture_head([path], options=CaptureOptions(texture_size=512))
    print(report["warnings"])
    assert_sound(avatar, own_model(path))
    assert words in " ".join(report["warnings"])
    assert all(warning.count(".") == 1 + warning.count("bad.png") for warning in report["warnings"])


def test_a_face_of_15_pixels_is_refused(portrait: Photo, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only 1[45] pixels wide; use a photo with 40 or more"):
        take_shots([saved(portrait, bad_photos.tiny_face, tmp_path)])


@pytest.mark.parametrize("how", [bad_photos.black_and_white, bad_photos.sepia])
def test_a_print_s_tone_is_no_skin_s(portrait: Photo, tmp_path: Path, how: bad_photos.Degradation) -> None:
    (shot,), warnings = take_shots([saved(portrait, how, tmp_path)])
    assert warnings == ["bad.png is black-and-white; the colours of skin, hair and eyes are guessed."]
    assert np.ptp(shot.photo.pixels, axis=2).max() == 0
