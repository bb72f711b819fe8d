"""npz files of AMASS in the layouts of SMPL, SMPL-H and SMPL-X, and one clear sentence for each that is broken."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likeness.core.errors import InputError
from likeness.core.parametric.lbs import rotation_matrix
from likeness.core.parametric.smpl_joints import INDEX, adult_joints
from likeness.core.parametric.smpl_motion import read_smpl_motion

FRAMES = 20


def entries(width: int = 156) -> dict[str, Any]:
    """A body that stands on z = 0, faces -Y, and walks there."""
    poses = np.random.default_rng(0).normal(0, 0.05, (FRAMES, width))
    poses[:, :3] = np.pi / 2, 0, 0
    trans = np.stack([np.zeros(FRAMES), -np.linspace(0, 1, FRAMES), np.full(FRAMES, 0.9)], 1)
    return {"poses": poses, "trans": trans, "betas": np.ones(16), "gender": "neutral", "mocap_framerate": 120.0}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "take.npz"


@pytest.mark.parametrize(("width", "joints"), [(72, 24), (156, 22), (165, 22)])
def test_layouts(file: Path, width: int, joints: int) -> None:
    arrays = entries(width)
    np.savez(file, **arrays)
    motion = read_smpl_motion(file)
    assert (motion.fps, len(motion), motion.theta.shape, motion.source) == (120, FRAMES, (FRAMES, 24, 3), "take.npz")
    expected = arrays["poses"][:, 3 : 3 * joints].reshape(FRAMES, -1, 3)
    np.testing.assert_allclose(motion.theta[:, 1:joints], expected, atol=1e-6)
    assert not motion.theta[:, joints:].any()
    np.testing.assert_array_equal(motion.beta, np.ones(16))


def test_z_up_becomes_y_up(file: Path) -> None:
    np.savez(file, **entries())
    motion = read_smpl_motion(file)
    np.testing.assert_allclose(motion.theta[:, 0], 0, atol=1e-6)  # upright, facing +Z
    np.testing.assert_allclose(motion.translation[[0, -1]], [[0, 0.9, 0], [0, 0.9, 1]], atol=1e-6)
    places = motion.posed(adult_joints())[1]
    assert (places[:, INDEX["head"], 1] > places[:, 0, 1]).all()
    assert not motion.warnings


def test_y_up_stays_with_a_warning(file: Path) -> None:
    arrays = entries()
    arrays["poses"][:, :3] = 0, 0.3, 0
    np.savez(file, **arrays)
    motion = read_smpl_motion(file)
    np.testing.assert_allclose(rotation_matrix(motion.theta[:, 0])[:, 1, 1], 1, atol=1e-6)
    np.testing.assert_allclose(motion.translation, arrays["trans"], atol=1e-6)
    assert "upright along Y" in motion.warnings[0]


def test_other_entries_are_never_touched(file: Path) -> None:
    """AMASS' files of SMPL-X hold pickled objects beside the motion."""

    class Trap:
        def __reduce__(self) -> tuple:
            return os.abort, ()

    arrays = entries(165) | {"mocap_frame_rate": 100, "marker_meta": np.array([Trap()], object)}
    del arrays["mocap_framerate"]
    np.savez(file, **arrays)
    assert read_smpl_motion(file).fps == 100


def test_a_pickle_among_the_poses_is_refused(file: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return os.abort, ()

    np.savez(file, **(entries() | {"poses": np.array([Trap()], object)}))
    with pytest.raises(InputError, match="refused and nothing in it was run"):
        read_smpl_motion(file)


def test_betas_may_be_missing_or_a_row(file: Path) -> None:
    arrays = entries()
    np.savez(file, **(arrays | {"betas": np.ones((1, 10))}))
    assert read_smpl_motion(file).beta.shape == (10,)
    del arrays["betas"]
    np.savez(file, **arrays)
    assert read_smpl_motion(file).beta is None


NAN = np.full((FRAMES, 156), np.nan)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"poses": None}, "has no poses; a motion of SMPL has"),
        ({"trans": None}, "has no trans"),
        ({"mocap_framerate": None}, "does not say its frame rate"),
        ({"mocap_framerate": 0.0}, "0 frames a second, where 1 to 1000 belong"),
        ({"mocap_framerate": -30.0}, "-30 frames a second"),
        ({"mocap_framerate": 1e9}, "1e+09 frames a second"),
        ({"mocap_framerate": np.nan}, "not finite"),
        ({"mocap_framerate": np.ones(2)}, "2 numbers for mocap_framerate"),
        ({"mocap_framerate": "fast"}, "mocap_framerate that are not numbers"),
        ({"poses": np.zeros((0, 156)), "trans": np.zeros((0, 3))}, "has no frames"),
        ({"poses": np.zeros((FRAMES, 100))}, "poses of 100 numbers a frame, where one of 72, 156, 165 belongs"),
        ({"poses": np.zeros(156)}, "poses of shape [156]"),
        ({"poses": np.zeros((2, 2, 2, 39))}, "poses of shape [2, 2, 2, 39]"),
        ({"poses": NAN}, "numbers in poses that are not finite"),
        ({"poses": np.full((FRAMES, 156), "x")}, "poses that are not numbers"),
        ({"trans": np.zeros((FRAMES - 1, 3))}, "trans of shape [19, 3], where [20, 3] belongs"),
        ({"trans": np.zeros((FRAMES, 2))}, "trans of shape [20, 2]"),
        ({"trans": np.full((FRAMES, 3), np.inf)}, "numbers in trans that are not finite"),
        ({"betas": np.ones(3)}, "betas of shape [3], where 10 to 400 numbers belong"),
        ({"betas": np.ones(5000)}, "betas of shape [5000]"),
        ({"betas": np.zeros((0, 10))}, "betas of shape [0, 10]"),
        ({"betas": np.full(10, np.nan)}, "numbers in betas that are not finite"),
        ({"betas": np.full(10, 1e6)}, "a beta of 1e+06, where people are within 20 of 0"),
    ],
)
def test_broken_files(file: Path, change: dict, sentence: str) -> None:
    np.savez(file, **{name: value for name, value in (entries() | change).items() if value is not None})
    with pytest.raises(InputError) as error:
        read_smpl_motion(file)
    assert str(error.value).startswith("take.npz ")
    assert sentence in str(error.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_cut_or_spoilt_files(file: Path, save: Any) -> None:
    save(file, **entries())
    content = file.read_bytes()
    for length in range(0, len(content), 997):
        file.write_bytes(content[:length])
        with pytest.raises(InputError):
            read_smpl_motion(file)
    rng = np.random.default_rng(0)
    for _ in range(100):  # read, or refused in a sentence
        spoilt = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            spoilt[place] = rng.integers(256)
        file.write_bytes(spoilt)
        with suppress(InputError):
            read_smpl_motion(file)


@pytest.mark.parametrize("content", [b"", b"HIERARCHY\n", b"\x80\x04N.", b"\x93NUMPY\x01\x00"])
def test_not_an_npz_at_all(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError, match="damaged or of another format"):
        read_smpl_motion(file)
