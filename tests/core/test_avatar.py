"""The Avatar's file across versions."""

import json
from pathlib import Path

import numpy as np
import pytest

from likeness.core.avatar import FORMAT, Avatar, Corrective, Joint, Part
from likeness.core.errors import InputError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file of an Avatar with one triangle and one corrective."""
    corners = np.eye(3, dtype=np.float32)
    faces = np.array([[0, 1, 2, 2]], np.int32)
    part = Part(
        *("skin", corners, faces, corners[:, :2], faces, np.zeros(1, np.int32), np.ones((3, 1), np.float32)),
        correctives={"corrective_jawOpen": corners},
    )
    corrective = Corrective.of_turn("jaw", np.array([0.4, 0, 0]), order=2)
    joint = Joint("jaw", None, np.zeros(3), np.ones(3))
    path = tmp_path / "ada.npz"
    Avatar("Ada", [joint], [part], [], correctives={"corrective_jawOpen": corrective}).save(path)
    return path


def rewrite(path: Path, format_: int, **fields: object) -> None:
    """Change the file's format and some fields of its avatar; None takes one away."""
    with np.load(path) as file:
        arrays = dict(file)
    meta = json.loads(str(arrays.pop("meta")))
    avatar = {name: value for name, value in {**meta["avatar"], **fields}.items() if value is not None}
    np.savez(path, meta=json.dumps({"format": format_, "avatar": avatar}), **arrays)


def test_what_is_saved_is_loaded(file: Path) -> None:
    avatar = Avatar.load(file)
    assert (avatar.name, avatar.kind, avatar.joint_names) == ("Ada", "head", "")
    np.testing.assert_array_equal(avatar.part("skin").correctives["corrective_jawOpen"], np.eye(3))


def test_heads_of_the_first_format_load(file: Path) -> None:
    new = Avatar.load(file).correctives["corrective_jawOpen"]
    turn = {"joint": "jaw", "rotation": [0.4, 0, 0], "order": 2}
    rewrite(file, 1, kind=None, joint_names=None, correctives={"corrective_jawOpen": turn})
    old = Avatar.load(file)
    assert old.kind == "head"
    assert old.correctives["corrective_jawOpen"].joint == "jaw"
    np.testing.assert_allclose(old.correctives["corrective_jawOpen"].feature, new.feature, atol=1e-6)


def test_files_of_a_later_format_are_refused(file: Path) -> None:
    rewrite(file, FORMAT + 1)
    with pytest.raises(InputError, match="ada.npz was made by a newer Likeness; update Likeness to open it."):
        Avatar.load(file)


def test_damaged_files_are_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(InputError, match="ada.npz is not a Likeness avatar file."):
        Avatar.load(file)
