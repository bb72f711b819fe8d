"""A photo becomes a whole Avatar and an honest report."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from likeness.core.avatar import Avatar
from likeness.core.capture.fine import FOLDS
from likeness.core.capture.pipeline import STAGES, CaptureOptions, capture_head
from likeness.core.errors import InputError, UsageError
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.assembly import with_identity
from likeness.core.parametric.head import HeadModel


@pytest.mark.slow
def test_astronaut(astronaut: Path, own_model: Callable[[Path], HeadModel], tmp_path: Path) -> None:
    stages: list[tuple[str, float]] = []
    avatar, report = capture_head([astronaut], progress=lambda *stage: stages.append(stage))
    passed = {stage: share for stage, share in STAGES.items() if stage != "surface"}  # that is an implicit model's
    assert stages == list(passed.items())
    assert list(report["seconds"]) == list(passed)
    assert report["errors"]["landmarks_iod"] < 0.02
    assert report["warnings"] == []
    assert {name: len(report["parameters"][name]) for name in ("beta", "psi", "theta")} == {
        "beta": 100,
        "psi": 50,
        "theta": 15,
    }
    skin = avatar.part("skin")
    assert set(skin.keys) == set(ARKIT_NAMES)
    neutral = own_model(astronaut).shaped(np.array(report["parameters"]["beta"], np.float32))
    # The photo's folds are in the Basis, its smile, which is ten times as large, is not, but for what stays at rest.
    assert np.abs(skin.vertices - neutral[skin.model_vertices]).max() <= FOLDS.bound / 1000
    assert np.linalg.norm(report["parameters"]["psi"]) > 0.5
    assert avatar.source == "astronaut.png"
    assert {"skin", "left_eye", "right_eye", "teeth_upper", "teeth_lower", "tongue", "hair"} <= {
        part.name for part in avatar.parts
    }
    avatar.save(tmp_path / "head.avatar")
    assert Avatar.load(tmp_path / "head.avatar").parameters == avatar.parameters


@pytest.mark.slow
def test_the_astronaut_and_a_mirror_image(astronaut: Path, tmp_path: Path) -> None:
    mirrored, wall = tmp_path / "mirrored.png", tmp_path / "wall.png"
    Image.open(astronaut).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(mirrored)
    Image.new("RGB", (300, 300), "gray").save(wall)
    avatar, report = capture_head([wall, mirrored, astronaut])
    photos = {photo["name"]: photo for photo in report["photos"]}
    assert set(photos) == {"astronaut.png", "mirrored.png"}
    assert avatar.source == report["photos"][0]["name"]
    assert all(photo["landmarks_iod"] < 0.02 for photo in photos.values())
    assert {"psi", "theta", "camera", "light"} <= set(report["photos"][0])
    assert avatar.parameters["camera"] == report["photos"][0]["camera"]
    assert report["errors"]["landmarks_iod"] == report["photos"][0]["landmarks_iod"]
    assert len(report["warnings"]) == 1
    assert "wall.png" in report["warnings"][0]


def test_no_photo() -> None:
    with pytest.raises(UsageError, match="one at least"):
        capture_head([])


def test_one_photo_of_several_that_cannot_be_read(astronaut: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        capture_head([astronaut, tmp_path / "missing.png"])


def test_a_face_that_is_not_there(astronaut: Path) -> None:
    with pytest.raises(InputError, match="Face 2 does not exist"):
        capture_head([astronaut], options=CaptureOptions(face=2))


def test_maps_have_one_of_three_sizes(astronaut: Path) -> None:
    with pytest.raises(UsageError, match="1024, 2048, 4096"):
        capture_head([astronaut], options=CaptureOptions(texture_size=1000))


@pytest.mark.slow
def test_folds_move_the_neutral_head_and_what_it_wears(astronaut: Path, model: HeadModel) -> None:
    avatar, report = capture_head([astronaut], options=CaptureOptions(texture_size=1024))
    skin = avatar.part("skin")
    beta = np.asarray(avatar.parameters["beta"], np.float32)
    moved = np.linalg.norm(skin.vertices - model.shaped(beta)[skin.model_vertices], axis=1)
    print(f"up to {1000 * moved.max():.2f} mm")
    assert not report["warnings"]
    assert 0.0001 < moved.max() <= 0.003
    other = with_identity(avatar, model, 0 * beta).part("skin")  # another identity keeps the folds
    np.testing.assert_allclose(
        np.linalg.norm(other.vertices - model.shaped(0 * beta)[skin.model_vertices], axis=1), moved, atol=1e-6
    )
