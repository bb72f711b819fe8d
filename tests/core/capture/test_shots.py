"""Which photos a head is made from, and what is said of the others."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likeness.core.capture.shots import take_shots
from likeness.core.errors import InputError, UsageError


@pytest.fixture
def wall(tmp_path: Path) -> Path:
    """A photo without a face."""
    path = tmp_path / "wall.png"
    Image.fromarray(np.full((300, 400, 3), 150, np.uint8)).save(path)
    return path


def test_a_photo_without_a_face_is_left_out_if_another_has_one(astronaut: Path, wall: Path) -> None:
    shots, warnings = take_shots([wall, astronaut])
    assert [shot.photo.name for shot in shots] == ["astronaut.png"]
    assert len(warnings) == 1
    assert warnings[0].startswith("wall.png is left out: No face was found")


def test_photos_without_any_face_are_refused(wall: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.png"
    Image.fromarray(np.full((300, 400, 3), 90, np.uint8)).save(other)
    with pytest.raises(InputError, match=r"No face was found in wall\.png"):
        take_shots([wall, other])


def test_the_same_photo_twice_counts_once(astronaut: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.png"
    copy.write_bytes(astronaut.read_bytes())
    shots, warnings = take_shots([astronaut, copy])
    assert len(shots) == 1
    assert warnings == ["copy.png was given twice; it is used once."]


def test_one_that_cannot_be_read_is_named(astronaut: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.png"
    torn.write_bytes(astronaut.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"torn\.png is damaged"):
        take_shots([astronaut, torn])


def test_no_photos() -> None:
    with pytest.raises(UsageError, match="one at least"):
        take_shots([])


def test_a_face_that_is_not_there(astronaut: Path) -> None:
    with pytest.raises(InputError, match="Face 2 does not exist"):
        take_shots([astronaut], face=2)
