"""`likeness body` from outside: what it refuses, with one sentence and nothing on the disk."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from likeness.core import cli

Run = Callable[..., tuple[int, str]]
HIERARCHY = """HIERARCHY
ROOT Hips
{{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT {bone}
  {{
    OFFSET 0 10 0
    CHANNELS 3 Zrotation Yrotation Xrotation
    End Site
    {{
      OFFSET 0 10 0
    }}
  }}
}}
MOTION
Frames: {frames}
Frame Time: {time}
{rows}
"""
ROW = "0 90 0 0 0 0 0 0 0\n"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `likeness body` with some arguments in a folder of motions; returns its exit code and last line."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["likeness", "body", *arguments, "--out", "out"])
        with pytest.raises(SystemExit) as end:
            cli.main()
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return int(end.value.code or 0), output.err.strip().rpartition("\n")[2]

    return run


def write_motions(folder: Path) -> None:
    for name, bone, frames, time, rows in (
        ("cut", "Head", 3, 0.01, ROW),
        ("none", "Head", 0, 0.01, ""),
        ("unknown", "Tentacle", 1, 0.01, ROW),
        ("nan", "Head", 1, 0.01, ROW.replace("90", "nan")),
        ("still", "Head", 1, 0, ROW),
    ):
        text = HIERARCHY.format(bone=bone, frames=frames, time=time, rows=rows)
        (folder / f"{name}.bvh").write_text(text)
    (folder / "skeleton.bvh").write_text(HIERARCHY.partition("MOTION")[0].format(bone="Head"))
    (folder / "walk.fbx").write_text("")
    poses, trans, rate = np.zeros((5, 156)), np.zeros((5, 3)), np.array(120.0)
    arrays = {"poses": poses, "trans": trans, "betas": np.zeros(16), "mocap_framerate": rate}
    for name, changed in {
        "good": {},
        "short": {"betas": np.zeros(3)},
        "giant": {"betas": np.full(16, 1e4)},
        "empty": {"poses": poses[:0], "trans": trans[:0]},
        "infinite": {"trans": trans + np.inf},
        "rateless": {"mocap_framerate": np.array(0.0)},
    }.items():
        np.savez(folder / f"{name}.npz", **{**arrays, **changed})
    (folder / "damaged.npz").write_bytes((folder / "good.npz").read_bytes()[:300])


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--seed", "-1"), 2, "Invalid value for '--seed'"),
        (("--seed", "me"), 2, "Invalid value for '--seed'"),
        (("--beta", "1,two"), 2, "Beta takes numbers with commas between them, not '1,two'."),
        (("--joint-names", "biped"), 2, "'biped' is not one of 'smpl', 'mixamo', 'unreal', 'vrm'"),
        (("--formats", "obj"), 2, "There is no format 'obj'"),
        (("--motion", "nowhere.bvh"), 3, "There is no file nowhere.bvh."),
        (("--motion", "walk.fbx"), 3, "walk.fbx is not a motion that Likeness reads; it takes .bvh, .npz."),
        (("--motion", "cut.bvh"), 3, "cut.bvh is cut off: it has 1 of its 3 frames."),
        (("--motion", "skeleton.bvh"), 3, "skeleton.bvh has no MOTION"),
        (("--motion", "none.bvh"), 3, "none.bvh has no frames."),
        (("--motion", "unknown.bvh"), 3, "unknown.bvh lacks bones that a body needs"),
        (("--motion", "nan.bvh"), 3, "nan.bvh holds numbers that are not finite"),
        (("--motion", "still.bvh"), 3, "still.bvh has a Frame Time of 0 seconds"),
        (("--motion", "short.npz"), 3, "short.npz has betas of shape [3]"),
        (("--motion", "giant.npz"), 3, "giant.npz has a beta of 1e+04"),
        (("--motion", "empty.npz"), 3, "empty.npz has no frames."),
        (("--motion", "infinite.npz"), 3, "infinite.npz has numbers in trans that are not finite"),
        (("--motion", "rateless.npz"), 3, "rateless.npz has 0 frames a second"),
        (("--motion", "damaged.npz"), 3, "damaged.npz is damaged or of another format."),
        (("--resolution", "9999"), 3, "The resolution is 9999; choose one from"),
        (("--sex", "2"), 3, "Sex is 2, where 0 to 1 belongs."),
        (("--age", "9", "--height", "2.1"), 3, "A height of 2.10 m was given, where people of 9 years"),
        (("--beta", "-1,99"), 3, "A beta of 99 was given, where bodies are within 5 of 0."),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_nothing_is_written(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    write_motions(tmp_path)
    before = set(tmp_path.iterdir())
    found, line = run(*arguments)
    assert (found, line[:10]) == (code, "likeness: ")
    assert sentence in line
    assert set(tmp_path.iterdir()) == before
