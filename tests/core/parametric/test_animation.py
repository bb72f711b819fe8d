"""Clips from ARKit tables and FLAME sequences in the layouts that recorders and trackers write; what is refused."""

import csv
import pickle

import numpy as np
import pytest
import torch

from likeness.core.errors import InputError
from likeness.core.parametric.animation import SUFFIXES, demo_clip, read_clip
from likeness.core.parametric.arkit import ARKIT_NAMES, INDEX
from likeness.core.parametric.clip import FLAME, LIKENESS, Clip
from likeness.core.parametric.lbs import rotation_matrix
from likeness.core.parametric.rotations import axis_angle_from_6d, axis_angle_from_euler, axis_angle_from_matrix

COLUMNS = [name[0].upper() + name[1:] for name in ARKIT_NAMES]
ROTATIONS = [f"{part}{turn}" for part in ("Head", "LeftEye", "RightEye") for turn in ("Yaw", "Pitch", "Roll")]
HEADER = ["Timecode", "BlendShapeCount", *COLUMNS, *ROTATIONS]


def timecode(frame, fps=60):
    second, frame = divmod(frame + 30, fps)
    return f"12:59:{second:02d}:{frame:02d}.417"


def rows(frames=100, fps=60):
    rng = np.random.default_rng(0)
    return [[timecode(t, fps), 61, *rng.random(52).round(4), *(0.1, 0.2, 0.3), *[0] * 6] for t in range(frames)]


def write(path, header, body, **options):
    with path.open("w", newline="") as file:
        csv.writer(file, **options).writerows([header, *body])
    return path


def test_a_live_link_file(tmp_path):
    body = rows()
    clip = read_clip(write(tmp_path / "take.csv", HEADER, body))
    assert (clip.fps, len(clip), clip.warnings, clip.basis) == (60, 100, (), LIKENESS)
    np.testing.assert_allclose(clip.arkit, np.array([row[2:54] for row in body], float), atol=1e-6)
    assert clip.seconds == pytest.approx(99 / 60)


def test_the_head_turns_on_the_neck(tmp_path):
    """Yaw goes to the character's left, pitch up, roll to its right; +Y is up and +Z out of the face."""
    turns = {"HeadYaw": ([0, 0, 1], 0, 1), "HeadPitch": ([0, 0, 1], 1, 1), "HeadRoll": ([0, 1, 0], 0, -1)}
    for name, (direction, axis, sign) in turns.items():
        body = [[*row[:54], *[0] * 9] for row in rows(70)]
        for row in body:
            row[HEADER.index(name)] = 0.3
        clip = read_clip(write(tmp_path / "turn.csv", HEADER, body))
        assert not clip.theta[:, [0, 2, 3, 4]].any()
        moved = rotation_matrix(clip.theta[5, 1].astype(float)) @ direction
        assert moved[axis] == pytest.approx(sign * np.sin(0.3), abs=1e-6)


@pytest.mark.parametrize("fps", [24, 25, 30, 50, 60])
def test_the_rate_is_that_of_the_timecode(tmp_path, fps):
    assert read_clip(write(tmp_path / "take.csv", HEADER, rows(200, fps))).fps == fps


def test_the_rate_can_be_given(tmp_path):
    assert read_clip(write(tmp_path / "take.csv", HEADER, rows()), fps=24).fps == 24


def test_a_take_over_midnight(tmp_path):
    body = rows(120)
    for row in body:
        row[0] = row[0].replace("12:59:00", "23:59:59").replace("12:59:01", "00:00:00").replace("12:59:02", "00:00:01")
    clip = read_clip(write(tmp_path / "take.csv", HEADER, body))
    assert (clip.fps, len(clip), clip.warnings) == (60, 120, ())


def test_a_timecode_that_stutters(tmp_path):
    body = rows()
    body[50][0] = body[49][0]
    assert len(read_clip(write(tmp_path / "take.csv", HEADER, body))) == 100


def test_every_second_frame_of_the_timecode_is_half_the_rate(tmp_path):
    clip = read_clip(write(tmp_path / "take.csv", HEADER, rows(200)[::2]))
    assert (clip.fps, len(clip), clip.warnings) == (30, 100, ())


def test_columns_are_found_by_name(tmp_path):
    body = rows()
    order = np.random.default_rng(1).permutation(len(HEADER))
    header = [HEADER[i].replace("Left", "_L").upper() for i in order]
    clip = read_clip(write(tmp_path / "take.csv", header, [[row[i] for i in order] for row in body]))
    np.testing.assert_allclose(clip.arkit, np.array([row[2:54] for row in body], float), atol=1e-6)


def test_missing_columns_are_zero_with_a_warning(tmp_path):
    keep = [i for i, name in enumerate(HEADER) if name not in ("TongueOut", "CheekPuff", *ROTATIONS)]
    clip = read_clip(write(tmp_path / "take.csv", [HEADER[i] for i in keep], [[r[i] for i in keep] for r in rows()]))
    assert not clip.arkit[:, [INDEX["tongueOut"], INDEX["cheekPuff"]]].any()
    assert clip.theta is None
    assert len(clip.warnings) == 1
    assert "2 of the 52 columns" in clip.warnings[0]


def test_dropped_frames_are_interpolated_with_a_warning(tmp_path):
    body = rows()
    expected = (np.array(body[49][2:54], float) + np.array(body[51][2:54], float)) / 2
    clip = read_clip(write(tmp_path / "take.csv", HEADER, body[:50] + body[51:]))
    assert len(clip) == 100
    np.testing.assert_allclose(clip.arkit[50], expected, atol=1e-6)
    assert "lost 1 frame while" in clip.warnings[0]


@pytest.mark.parametrize("gap", ["", "nan", "inf"])
def test_frames_without_values_are_interpolated_with_a_warning(tmp_path, gap):
    body = rows()
    expected = (np.array(body[49][2:54], float) + np.array(body[51][2:54], float)) / 2
    body[50][2:] = [gap] * len(body[50][2:])
    clip = read_clip(write(tmp_path / "take.csv", HEADER, body))
    np.testing.assert_allclose(clip.arkit[50], expected, atol=1e-6)
    assert "lacks values in 1 frame;" in clip.warnings[0]


def test_a_column_without_values_is_zero(tmp_path):
    body = [[*row[:53], "", *row[54:]] for row in rows()]
    clip = read_clip(write(tmp_path / "take.csv", HEADER, body))
    assert not clip.arkit[:, INDEX["tongueOut"]].any()
    assert clip.arkit[:, INDEX["jawOpen"]].any()


def test_short_rows_and_blank_lines(tmp_path):
    body = rows()
    body[50] = [body[50][0], 0]
    path = write(tmp_path / "take.csv", HEADER, body)
    path.write_text(path.read_text() + "\n\n")
    clip = read_clip(path)
    assert len(clip) == 100
    assert np.isfinite(clip.arkit).all()


def test_a_table_without_timecodes(tmp_path):
    clip = read_clip(write(tmp_path / "take.csv", ["jawOpen", "eyeBlink_L"], [[0.5, 1], [0.25, 0]]))
    assert clip.fps == 60
    np.testing.assert_allclose(clip.arkit[:, INDEX["jawOpen"]], [0.5, 0.25])
    assert any("no usable timecodes" in warning for warning in clip.warnings)


def test_a_byte_order_mark(tmp_path):
    path = write(tmp_path / "take.csv", COLUMNS, [row[2:54] for row in rows()])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_clip(path).arkit[:, 0].any()


BAD_TABLES = {
    "empty": (b"", "is empty"),
    "blank lines": (b"\n\n", "is empty"),
    "header alone": (",".join(HEADER).encode(), "no frames"),
    "wrong columns": (b"time,x,y\n1,2,3\n", "has no ARKit columns"),
    "not a number": (b"jawOpen\n0.1\nwide\n", "'wide' in column jawOpen of frame 2"),
    "no value at all": (b"jawOpen\nnan\nnan\n", "no frame with values"),
    "not UTF-8": (b"jawOpen\n\xff\xfe\xfa\n", "not a CSV text file"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0", "not a CSV text file"),
    "null bytes": (b"\0" * 100, "has no ARKit columns|not a CSV text file"),
}


@pytest.mark.parametrize("bad", BAD_TABLES)
def test_bad_tables_are_one_sentence(tmp_path, bad):
    content, message = BAD_TABLES[bad]
    path = tmp_path / "täke.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_clip(path)
    assert "täke.csv" in str(error.value)
    assert "\n" not in str(error.value)


# FLAME sequences


@pytest.fixture
def motion():
    rng = np.random.default_rng(0)
    return {"exp": rng.normal(size=(7, 50)), "theta": rng.normal(0, 0.2, (7, 5, 3)), "eyelids": rng.random((7, 2))}


def six(axis_angles):
    """The first two rows of each rotation, as metrical-tracker keeps them."""
    return rotation_matrix(axis_angles)[..., :2, :].reshape(*axis_angles.shape[:-2], -1)


def assert_reads(clip, motion, joints, eyelids=False):
    assert (clip.basis, len(clip), clip.arkit) == (FLAME, 7, None)
    np.testing.assert_allclose(clip.psi, motion["exp"], atol=1e-6)
    np.testing.assert_allclose(clip.theta[:, joints], motion["theta"][:, joints], atol=1e-5)
    assert not np.delete(clip.theta, joints, 1).any()
    if eyelids:
        np.testing.assert_allclose(clip.eyelids, motion["eyelids"], atol=1e-6)


def deca(motion):
    pose = motion["theta"][:, [0, 2]].reshape(7, 6)
    return {"shape": np.zeros((7, 100)), "exp": motion["exp"], "pose": pose, "cam": np.zeros((7, 3))}


@pytest.mark.parametrize("suffix", ["npz", "pkl", "npy", "mat", "pt"])
def test_deca_stacked(tmp_path, motion, suffix):
    path, content = tmp_path / f"codes.{suffix}", deca(motion)
    if suffix == "npz":
        np.savez(path, **content)
    elif suffix == "npy":
        np.save(path, content, allow_pickle=True)
    elif suffix == "mat":
        pytest.importorskip("scipy.io").savemat(path, content)
    elif suffix == "pt":
        torch.save({name: torch.tensor(value) for name, value in content.items()}, path)
    else:
        path.write_bytes(pickle.dumps(content))
    clip = read_clip(path)
    assert_reads(clip, motion, [0, 2])
    assert clip.fps == 25
    assert "does not say its frame rate" in clip.warnings[0]


def test_deca_one_file_a_frame_in_natural_order(tmp_path, motion):
    folder = tmp_path / "codes"
    folder.mkdir()
    content = deca(motion)
    for t in range(7):
        np.savez(folder / f"frame{t + 7}.npz", **{name: value[t : t + 1] for name, value in content.items()})
    (folder / "notes.txt").write_text("")
    (folder / ".hidden.npz").write_text("")
    assert_reads(read_clip(folder, fps=30), motion, [0, 2])


def test_a_list_of_frames(tmp_path, motion):
    path = tmp_path / "codes.pkl"
    content = deca(motion)
    path.write_bytes(pickle.dumps([{name: value[t] for name, value in content.items()} for t in range(7)]))
    assert_reads(read_clip(path), motion, [0, 2])


def test_emoca_folders(tmp_path, motion):
    content = deca(motion)
    for t in range(7):
        frame = tmp_path / "video" / f"{t:06d}_000"
        frame.mkdir(parents=True)
        for name in ("shape", "exp", "pose"):
            np.save(frame / f"{name}.npy", content[name][t])
    assert_reads(read_clip(tmp_path / "video"), motion, [0, 2])


def test_emoca_codes(tmp_path, motion):
    content = deca(motion)
    np.savez(tmp_path / "codes.npz", expcode=content["exp"], posecode=content["pose"], shapecode=content["shape"])
    assert_reads(read_clip(tmp_path / "codes.npz"), motion, [0, 2])


def test_smirk(tmp_path, motion):
    names = {"pose_params": motion["theta"][:, 0], "jaw_params": motion["theta"][:, 2], "cam": np.zeros((7, 3))}
    codes = {"expression_params": motion["exp"], "eyelid_params": motion["eyelids"], "shape_params": np.zeros((7, 300))}
    np.savez(tmp_path / "smirk.npz", **names, **codes)
    assert_reads(read_clip(tmp_path / "smirk.npz"), motion, [0, 2], eyelids=True)


def test_vhap(tmp_path, motion):
    t = motion["theta"]
    names = {"rotation": t[:, 0], "neck_pose": t[:, 1], "jaw_pose": t[:, 2], "eyes_pose": t[:, 3:].reshape(7, 6)}
    np.savez(tmp_path / "tracked.npz", expr=motion["exp"], shape=np.zeros(300), translation=np.zeros((7, 3)), **names)
    assert_reads(read_clip(tmp_path / "tracked.npz"), motion, [0, 1, 2, 3, 4])


def test_metrical_tracker(tmp_path, motion):
    for t in range(7):
        theta = motion["theta"][t]
        flame = {
            "exp": motion["exp"][t],
            "jaw": six(theta[2:3]),
            "eyes": six(theta[3:]),
            "eyelids": motion["eyelids"][t],
        }
        flame = {name: np.asarray(value, np.float32)[None] for name, value in flame.items()}
        torch.save({"flame": flame, "camera": {"R": torch.eye(3)[None]}, "frame_id": t}, tmp_path / f"{t:05d}.frame")
    assert_reads(read_clip(tmp_path), motion, [2, 3, 4], eyelids=True)


def test_fps_in_the_file(tmp_path, motion):
    np.savez(tmp_path / "codes.npz", **deca(motion), fps=30)
    clip = read_clip(tmp_path / "codes.npz")
    assert (clip.fps, clip.warnings) == (30, ())


WRONG_ENTRIES = {
    "nothing of FLAME": ({"vertices": np.zeros((7, 3))}, "holds no FLAME parameters"),
    "a pose of four": ({"pose": np.zeros((7, 4))}, "pose of 4 numbers a frame, where 6"),
    "a jaw of four": ({"jaw_pose": np.zeros((7, 4))}, "4 numbers a frame for jaw_params, where 3"),
    "one eyelid": ({"exp": np.zeros((7, 50)), "eyelids": np.zeros((7, 1))}, "1 eyelid values a frame"),
    "lengths that differ": ({"exp": np.zeros((7, 50)), "pose": np.zeros((6, 6))}, "different lengths: 6 and 7"),
    "rotations that differ": ({"neck_pose": np.zeros((7, 3)), "jaw_pose": np.zeros((6, 3))}, "different lengths"),
    "not finite": ({"exp": np.full((7, 50), np.nan)}, "not finite"),
    "empty": ({"exp": np.zeros((0, 50))}, "empty"),
    "text": ({"exp": np.array(["smile"])}, "not of numbers"),
}


@pytest.mark.parametrize("wrong", WRONG_ENTRIES)
def test_wrong_entries_are_one_sentence(tmp_path, wrong):
    content, message = WRONG_ENTRIES[wrong]
    np.savez(tmp_path / "codes.npz", **content)
    with pytest.raises(InputError, match=message) as error:
        read_clip(tmp_path / "codes.npz")
    assert "codes.npz" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(200)], ids=["empty", "a picture"])
def test_files_that_are_something_else(tmp_path, suffix, content):
    path = tmp_path / f"clip{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"clip{suffix}"):
        read_clip(path)


def test_places_without_a_clip(tmp_path):
    with pytest.raises(InputError, match=r"no file absent\.csv"):
        read_clip(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="no files of FLAME parameters"):
        read_clip(tmp_path)
    (tmp_path / "song.mp3").write_bytes(b"")
    with pytest.raises(InputError, match="not an animation that Likeness reads"):
        read_clip(tmp_path / "song.mp3")


def test_frames_of_different_kinds(tmp_path, motion):
    np.savez(tmp_path / "1.npz", exp=motion["exp"][:1])
    np.savez(tmp_path / "2.npz", exp=motion["exp"][:1, :20])
    with pytest.raises(InputError, match="different kinds"):
        read_clip(tmp_path)


# Clips and rotations


def test_the_preview_animation():
    clip = demo_clip()
    assert (clip.fps, clip.seconds, clip.warnings) == (30, 6, ())
    for channel in (clip.arkit, clip.theta):
        np.testing.assert_allclose(channel[[0, -1]], 0, atol=1e-6)
        assert np.isfinite(channel).all()
    assert clip.arkit.min() >= 0
    assert clip.arkit.max() <= 1
    for name in ("eyeBlinkLeft", "browInnerUp", "jawOpen", "mouthSmileLeft", "eyeLookOutLeft", "eyeLookOutRight"):
        assert clip.arkit[:, INDEX[name]].max() > 0.4, name
    assert np.abs(np.diff(clip.arkit, 2, axis=0)).max() < 0.5
    assert np.abs(np.diff(clip.theta, axis=0)).max() < 0.05
    assert not clip.theta[:, [0, 2, 3, 4]].any()


def test_resampling():
    clip = Clip(60, arkit=np.linspace(0, 1, 61, dtype=np.float32)[:, None] * np.ones(52, np.float32))
    slow = clip.resampled(24)
    assert (slow.fps, len(slow), slow.psi) == (24, 25, None)
    np.testing.assert_allclose(slow.arkit[:, 7], np.linspace(0, 1, 25), atol=1e-6)
    assert len(clip.resampled(60)) == 61
    assert len(Clip(30).resampled(60)) == 0


def test_rotations_there_and_back():
    rng = np.random.default_rng(0)
    axes = rng.normal(size=(300, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    angles = np.concatenate([rng.uniform(0, np.pi - 1e-3, 290), [0, 1e-8, 1e-4], [np.pi - 1e-5] * 7])
    vectors = axes * angles[:, None]
    matrices = rotation_matrix(vectors)
    np.testing.assert_allclose(axis_angle_from_matrix(matrices), vectors, atol=2e-6)
    np.testing.assert_allclose(axis_angle_from_6d(matrices[:, :2].reshape(-1, 6)), vectors, atol=2e-6)


def test_euler_angles_alone_are_axis_angles():
    zero, angle = np.zeros(1), np.full(1, 0.4)
    for k, angles in enumerate([(angle, zero, zero), (zero, angle, zero), (zero, zero, angle)]):
        np.testing.assert_allclose(axis_angle_from_euler(*angles)[0], 0.4 * np.eye(3)[k], atol=1e-6)
