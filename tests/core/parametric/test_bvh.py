"""BVH files of any order of channels, in any unit, and one clear sentence for each way in which they are broken."""

from pathlib import Path

import numpy as np
import pytest

from likeness.core.errors import InputError
from likeness.core.parametric.bvh import read_bvh
from likeness.core.parametric.rotations import matrix_from_euler

SKELETON = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Left Leg
  {
    OFFSET 10 -90 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 0 20
    }
  }
  JOINT Head
  {
    OFFSET 0 80 0
    CHANNELS 3 Yrotation Xrotation Zrotation
    End Site { OFFSET 0 0 10 }
  }
}
"""
FRAMES = ("1 2 3 0 0 0 0 0 0 0 0 0", "1 2 3 90 0 0 10 20 30 0 0 0", "1 2 3 0 45 0 0 0 0 0 0 5e1")


def write(path: Path, frames: tuple[str, ...] = FRAMES, skeleton: str = SKELETON, head: str | None = None) -> Path:
    head = f"MOTION\nFrames: {len(frames)}\nFrame Time: 0.0166667\n" if head is None else head
    path.write_text(skeleton + head + "\n".join(frames) + "\n")
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "take.bvh"


def test_names_rest_and_places(file: Path) -> None:
    motion = read_bvh(write(file))
    assert motion.names == ("Hips", "Left Leg", "Left Leg end", "Head", "Head end")
    assert (motion.parents, motion.fps, motion.unit) == ((-1, 0, 1, 0, 3), 60, "centimetres")
    np.testing.assert_allclose(motion.rest[[2, 4]], [[0.1, -0.9, 0.2], [0, 0.8, 0.1]])
    np.testing.assert_allclose(motion.positions[0] - (0.01, 0.02, 0.03), motion.rest, atol=1e-9)
    np.testing.assert_allclose(motion.positions[1, 3], [0.01 - 0.8, 0.02, 0.03], atol=1e-9)  # turned about z


def test_rotations_are_in_the_order_of_the_channels(file: Path) -> None:
    motion = read_bvh(write(file))
    turns = np.radians([10.0, 20.0, 30.0])
    np.testing.assert_allclose(
        motion.rotations[1, 1], motion.rotations[1, 0] @ matrix_from_euler("zxy", turns), atol=1e-9
    )
    np.testing.assert_allclose(
        motion.rotations[2, 3], motion.rotations[2, 0] @ matrix_from_euler("yxz", np.radians([0, 0, 50])), atol=1e-9
    )


@pytest.mark.parametrize(("written", "place"), [("0 80 0", 0.8), ("0 0 0", 0.8), ("0 85 0", 0.85), ("0 5 0", 0.85)])
def test_positions_of_joints_replace_the_offset_or_add_to_it(file: Path, written: str, place: float) -> None:
    skeleton = SKELETON.replace(
        "CHANNELS 3 Yrotation Xrotation Zrotation",
        "CHANNELS 6 Xposition Yposition Zposition Yrotation Xrotation Zrotation",
    )
    motion = read_bvh(write(file, (f"0 0 0 0 0 0 0 0 0 {written} 0 0 0",) * 3, skeleton))
    np.testing.assert_allclose(motion.positions[0, 3], [0, place, 0])


def test_windows_lines_tabs_and_capitals(file: Path) -> None:
    write(file)
    expected = read_bvh(file).positions
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n").replace(b" ", b"\t"))
    file.write_bytes(file.read_bytes().replace(b"Left\tLeg", b"Left Leg").replace(b"Zrotation", b"ZROTATION"))
    np.testing.assert_array_equal(read_bvh(file).positions, expected)


@pytest.mark.parametrize(
    ("size", "unit"),
    [(1, "metres"), (100, "centimetres"), (39.37, "inches"), (17.7, "units of CMU's ASF files"), (5e4, "unknown")],
)
def test_the_unit_is_that_of_a_person(file: Path, size: float, unit: str) -> None:
    skeleton = SKELETON
    for number in ("10 -90 0", "0 0 20", "0 80 0", "0 0 10"):
        scaled = " ".join(f"{float(n) * size / 100:.5f}" for n in number.split())
        skeleton = skeleton.replace(f"OFFSET {number}", f"OFFSET {scaled}")
    motion = read_bvh(write(file, skeleton=skeleton))
    assert motion.unit == unit
    assert np.ptp(motion.rest, 0).max() == pytest.approx(1.7, abs=0.01)
    assert bool(motion.warnings) == (unit == "unknown")


@pytest.mark.parametrize(("step", "fps"), [("0.0083333", 120), ("0.0333667", 29.97), ("0.041667", 24), ("0.04", 25)])
def test_rates(file: Path, step: str, fps: float) -> None:
    assert read_bvh(write(file, head=f"MOTION\nFrames: 3\nFrame Time:\t{step}\n")).fps == pytest.approx(fps, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"frames": FRAMES[:1], "head": "MOTION\nFrames: 3\nFrame Time: 0.02\n"}, "cut off: it has 1 of its 3 frames"),
        ({"frames": (*FRAMES[:2], "1 2 3 0")}, "4 numbers in frame 3, where 12 belong"),
        ({"frames": (), "head": "MOTION\nFrames: 0\nFrame Time: 0.02\n"}, "has no frames"),
        ({"head": "MOTION\nFrames: 3\n"}, "Frames and Frame Time do not follow MOTION"),
        ({"head": "MOTION\nFrames:\nFrame Time: 0.02\n"}, "has '-' where a number belongs"),
        ({"head": "MOTION\nFrames: 3\nFrame Time: 0\n"}, "Frame Time of 0 seconds, where more than 0 belongs"),
        ({"head": "MOTION\nFrames: 3\nFrame Time: -0.02\n"}, "Frame Time of -0.02 seconds"),
        ({"head": "MOTION\nFrames: 3\nFrame Time: 1e-9\n"}, "1e+09 frames a second, where 1 to 1000 belong"),
        ({"head": "MOTION\nFrames: 3\nFrame Time: 90\n"}, "0.0111111 frames a second"),
        ({"head": "MOTION\nFrames: 3\nFrame Time: nan\n"}, "not finite"),
        ({"head": ""}, "has no MOTION"),
        ({"frames": (*FRAMES[:2], "1 2 nan 0 0 0 0 0 0 0 0 0")}, "not finite"),
        ({"frames": (*FRAMES[:2], "1 2 0,5 0 0 0 0 0 0 0 0 0")}, "'0,5' where a number belongs"),
        ({"skeleton": SKELETON[: SKELETON.index("JOINT Head")]}, "cut off in its skeleton"),
        ({"skeleton": SKELETON.replace("CHANNELS 3 Zrotation", "CHANNELS 4 Zrotation")}, "Left Leg has 'CHANNELS 4"),
        ({"skeleton": SKELETON.replace("OFFSET 0 80 0", "OFFSET 0 80")}, "bone Head has 'OFFSET 0 80'"),
        ({"skeleton": SKELETON.replace("OFFSET 0 80 0", "OFFSET 0 x 0")}, "'x' where a number belongs"),
        ({"skeleton": SKELETON + SKELETON.replace("HIERARCHY\n", "")}, "more than one skeleton"),
        ({"skeleton": SKELETON.replace("ROOT", "JOINT")}, "JOINT Hips in a wrong place"),
        ({"skeleton": "HIERARCHY\n"}, "cut off in its skeleton"),
        (
            {"skeleton": "HIERARCHY\nROOT A\n{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\n}\n", "frames": ("0",) * 3},
            "without extent",
        ),
    ],
)
def test_broken_files(file: Path, change: dict, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        read_bvh(write(file, **change))
    assert str(error.value).startswith("take.bvh ")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02" * 99, b"PK\x03\x04", "HIERARCHY".encode("utf-16"), b"Hi\n"])
def test_not_a_bvh_at_all(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError, match="not a BVH file"):
        read_bvh(file)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_bvh(tmp_path)


def test_cut_anywhere(file: Path) -> None:
    """But for the last number, which may be shorter."""
    content = write(file).read_bytes()
    for length in range(len(content) - 5):
        file.write_bytes(content[:length])
        with pytest.raises(InputError):
            read_bvh(file)
