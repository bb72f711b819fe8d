"""The engine's set-up, with installers that only pretend to install."""

import os
import sys
from pathlib import Path

import pytest

from likeness.core.engine import setup
from likeness.core.errors import Cancelled, EngineError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the pretended installers are shell scripts")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH, but for the shell's."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_uv_chooses_torchs_build(path: Path, tmp_path: Path) -> None:
    script(path / "uv", f'echo "$@" | tee -a {tmp_path}/calls')
    heard: list[tuple[str, float]] = []
    interpreter = setup.set_up(tmp_path / "engine", lambda *news: heard.append(news))
    assert interpreter == setup.interpreter_of(tmp_path / "engine")
    create, install = (tmp_path / "calls").read_text().splitlines()
    assert create.startswith("venv")
    assert "--torch-backend=auto" in install
    assert str(setup.REQUIREMENTS) in install
    assert heard[0][0] == create
    assert [fraction for _, fraction in heard] == sorted(fraction for _, fraction in heard)


def test_an_installer_that_fails_is_one_sentence_with_its_last_line(path: Path, tmp_path: Path) -> None:
    script(path / "uv", "echo first; echo no route to host >&2; exit 2")
    with pytest.raises(EngineError, match=r"\(no route to host\); check the internet connection"):
        setup.set_up(tmp_path / "engine", lambda *_: None)


def test_an_exception_of_the_listener_ends_the_installer(path: Path, tmp_path: Path) -> None:
    script(path / "uv", f"echo $$ > {tmp_path}/pid; echo started; exec sleep 60")

    def listener(line: str, fraction: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        setup.set_up(tmp_path / "engine", listener)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_without_uv_a_python_of_the_right_version_makes_the_environment(path: Path, tmp_path: Path) -> None:
    script(path / "python3.12", "echo this is a shim >&2; exit 127")
    (path / "python3.11").symlink_to(sys.executable)
    if sys.version_info[:2] == (3, 11):
        assert setup.find_python() == ["python3.11"]


def test_without_any_python_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "PYTHONS", ((2, 0),))
    with pytest.raises(EngineError, match=r"install one from python\.org"):
        setup.find_python()
