"""Makes the engine's own Python environment: by `uv`, which chooses torch's build for the GPU, or by venv and pip.

Runs inside Blender, so it is written with the standard library alone.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

from ..errors import EngineError

PYTHONS = ((3, 12), (3, 11))
REQUIREMENTS = Path(__file__).with_name("requirements.txt")

Progress = Callable[[str, float], None]


def set_up(folder: Path, progress: Progress) -> Path:
    """Make the environment in `folder`, anew if there is one, and return its interpreter.

    `progress(line, fraction)` gets every line that the installer writes; what it raises ends the installer and goes on
    to the caller. Raises EngineError where no Python 3.11 or 3.12 is found, or the installation fails.
    """
    if uv := shutil.which("uv"):
        _run([uv, "venv", "--clear", "--python", "3.11", str(folder)], progress)
        install = [uv, "pip", "install", "--python", str(interpreter_of(folder)), "--torch-backend=auto"]
    else:
        _run([*find_python(), "-m", "venv", "--clear", str(folder)], progress)
        install = [str(interpreter_of(folder)), "-m", "pip", "install", "--disable-pip-version-check"]
    _run([*install, "-r", str(REQUIREMENTS)], progress)
    progress("The engine is set up", 1.0)
    return interpreter_of(folder)


def interpreter_of(folder: Path) -> Path:
    """The Python of the environment in `folder`."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def find_python() -> list[str]:
    """The command of a Python that can run the engine: one on the PATH, or Blender's own. Raises EngineError."""
    candidates = [[f"python{major}.{minor}"] for major, minor in PYTHONS]
    if os.name == "nt":
        candidates += [["py", f"-{major}.{minor}"] for major, minor in PYTHONS]
    if sys.version_info[:2] in PYTHONS:
        candidates.append([sys.executable])
    for command in candidates:
        if _works(command):
            return command
    raise EngineError(
        "The engine needs Python 3.11 or 3.12, and none was found: install one from python.org, "
        "or install uv (docs.astral.sh/uv), which brings its own."
    )


def _works(command: list[str]) -> bool:
    """Whether the command is there, is of a right version and can make environments; a shim may only pretend to."""
    code = f"import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in {PYTHONS})"
    try:
        return (
            subprocess.run([*command, "-I", "-c", code], capture_output=True, timeout=60, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(command: list[str], progress: Progress) -> None:
    """Run one step of the installation. Its length is unknown, so the fraction only nears 1."""
    last = ""
    try:
        with contextlib.closing(_lines(command)) as lines:
            for count, last in enumerate(lines, 1):
                progress(last, count / (count + 60))
    except (OSError, subprocess.CalledProcessError) as error:
        raise EngineError(
            f"Setting up the engine failed ({last or error}); check the internet connection and try again."
        ) from error


def _lines(command: list[str]) -> Generator[str, None, None]:
    """The lines that a command writes, as it writes them; the command ends with the iteration."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
    assert process.stdout
    try:
        for line in process.stdout:
            if line.strip():
                yield line.strip()
        if code := process.wait():
            raise subprocess.CalledProcessError(code, command)
    finally:
        process.kill()
        process.wait()
