"""The command line from outside: what it prints, how it exits, what it leaves on the disk.

The capture and the Blender build are replaced by processes of the tests' own, which are as real as the true ones to the
command line: they speak over the same pipes, fail and die.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from likeness.core import cli
from likeness.core.cli import avatar as command
from likeness.core.engine.client import Engine
from likeness.core.parametric.clip import Clip
from likeness.core.version import VERSION

CAPTURE = """
import os
from likeness.core.engine.worker import serve
from likeness.core.errors import InputError

def head(*, progress, photos, out, face, model, topology, resolution, refine, texture_size, device):
    progress("detect", 0.0)
    if "faceless" in photos[0]:
        raise InputError("There is no face in faceless.png; choose a photo with one.")
    open(out, "wb").write(b"half")
    if "deadly" in photos[0]:
        os.kill(os.getpid(), 9)
    progress("fit", 0.5)
    report = {"version": "1", "device": "cpu", "errors": {}, "parameters": {"beta": [0.0]}, "warnings": []}
    return {**report, "photos": photos}

def scan(*, progress, file, out, model, topology, resolution, device):
    if "faceless" in file:
        raise InputError("There is no head to be found in faceless.ply; choose a scan with one.")
    open(out, "wb").write(b"half")
    return {"version": "1", "device": "cpu", "unit": "mm", "errors": {}, "parameters": {}, "warnings": []}

serve({"head": head, "scan": scan})
"""
BUILD = """
import sys
from pathlib import Path
avatar, _, out, *options = sys.argv[1:]
print("Blender says something")
print('{"stage": "Building", "fraction": 0.5}', flush=True)
Path(out, "head.glb").write_bytes(b"glb")
if "die" in options:
    import os
    os.abort()
if "bad.csv" in options[-1]:
    sys.exit("A warning of Blender's\\nThe sentence.")
Path(out, "preview.png").write_bytes(b"png")
"""

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs `likeness` with some arguments in an empty folder; returns its exit code and last line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command.Engine, "start", lambda *_: Engine([sys.executable, "-c", CAPTURE]))
    monkeypatch.setattr(command, "BATCH", (sys.executable, "-c", BUILD))

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["likeness", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        output = capsys.readouterr()
        assert "Traceback" not in output.err
        return int(end.value.code or 0), (output.err or output.out).strip().rpartition("\n")[2]

    return run


def test_a_head_appears_with_its_report(run: Run, tmp_path: Path) -> None:
    assert run("head", "photo.png", "--out", "some/folder")[0] == 0
    out = tmp_path / "some" / "folder"
    assert {path.name for path in out.iterdir()} == {"head.glb", "preview.png", "report.json"}
    report = json.loads((out / "report.json").read_text())
    assert {"version", "device", "seconds", "errors", "parameters", "warnings"} <= set(report)
    assert {"detect", "fit", "Building", "total"} <= set(report["seconds"])
    assert list(tmp_path.iterdir()) == [tmp_path / "some"]


def test_several_photos_become_one_head(run: Run, tmp_path: Path) -> None:
    assert run("head", "one.png", "two.png", "--out", "out")[0] == 0
    photos = json.loads((tmp_path / "out" / "report.json").read_text())["photos"]
    assert photos == [str(tmp_path / name) for name in ("one.png", "two.png")]


def test_a_scan_becomes_a_head(run: Run, tmp_path: Path) -> None:
    assert run("scan", "head.ply", "--out", "out")[0] == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"head.glb", "preview.png", "report.json"}
    assert json.loads((tmp_path / "out" / "report.json").read_text())["unit"] == "mm"


def test_a_second_head_replaces_the_first_and_leaves_other_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    (tmp_path / "out" / "head.glb").write_text("old")
    assert run("head", "photo.png", "--out", "out")[0] == 0
    assert (tmp_path / "out" / "head.glb").read_text() == "glb"
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("head",), 2, "Missing argument"),
        (("head", "photo.png"), 2, "Missing option '--out'"),
        (("head", "photo.png", "--out", "out", "--formats", "glb,obj"), 2, "There is no format 'obj'"),
        (("head", "photo.png", "--out", "out", "--face", "0"), 2, "--face"),
        (("head", "photo.png", "--out", "out", "--device", "tpu"), 2, "--device"),
        (("scan", "head.ply"), 2, "Missing option '--out'"),
        (("scan", "head.ply", "--out", "out", "--model", "flame"), 2, "--model"),
        (("scan", "head.ply", "--out", "out", "--formats", "ply"), 2, "There is no format 'ply'"),
        (("scan", "faceless.ply", "--out", "out"), 3, "There is no head to be found in faceless.ply"),
        (("nonsense",), 2, "No such command 'nonsense'"),
        (("train", "nonsense", "--data", "."), 2, "There is no recipe 'nonsense'; there is "),
        (("evaluate", "nonsense", "--data", "."), 2, "There is no evaluation suite 'nonsense'"),
        (("benchmark", "nonsense"), 2, "There is no benchmark suite 'nonsense'"),
        (("head", "faceless.png", "--out", "out"), 3, "There is no face in faceless.png"),
        (("head", "photo.png", "--out", "out", "--animate", "missing.csv"), 3, "There is no file missing.csv."),
        (("head", "photo.png", "--out", "/dev/null"), 3, "/dev/null is a file"),
        (("head", "photo.png", "--out", "/dev/null/out"), 3, "/dev/null"),
        (("head", "deadly.png", "--out", "out"), 4, "The engine stopped unexpectedly (it was killed)"),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_nothing_is_written(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    found, line = run(*arguments)
    assert found == code
    assert line.startswith("likeness: ")
    assert sentence in line
    assert not list(tmp_path.iterdir())


def test_a_blender_that_fails_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command.READERS, "head", lambda _: Clip(30))
    code, line = run("head", "photo.png", "--out", "out", "--animate", "bad.csv")
    assert (code, line) == (4, "likeness: Blender could not build the head (The sentence).")
    assert run("head", "photo.png", "--out", "out", "--animate", "die")[0] == 4
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_place_is_one_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    code, line = run("head", "photo.png", "--out", "out")
    assert code == 3
    assert "Cannot write into out" in line


def test_the_version(run: Run) -> None:
    assert run("--version") == (0, f"likeness {VERSION}")


def test_without_a_command_it_helps(run: Run) -> None:
    assert run()[0] == 0
