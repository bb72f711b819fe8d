"""A photo becomes a head, and a seed a body, in a Blender with a window.

The extension's zip is installed, buttons and sliders are real.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TOOL = os.environ.get("LIKENESS_BLENDER_GUI", "")
pytestmark = [
    pytest.mark.gui,
    pytest.mark.skipif(
        not TOOL, reason="no Blender with a window: name its script blender_gui.sh in LIKENESS_BLENDER_GUI"
    ),
    pytest.mark.timeout(600),
]


def extension_zip(root: Path, folder: Path) -> Path:
    """Built by Blender's own tool, from the module bpy."""
    scripts = next(Path(importlib.util.find_spec("bpy").submodule_search_locations[0]).glob("*/scripts"))
    tool = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    subprocess.run([sys.executable, tool, "build", "--source-dir", root, "--output-dir", folder], check=True)
    return next(folder.glob("likeness-*.zip"))


@pytest.fixture
def run(root: Path, astronaut: Path, tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Runs one of the session's `SESSIONS`; gives what it has seen."""
    shared = tmp_path / "shared"
    shared.mkdir()
    photo = shared / "astronaut.png"
    photo.write_bytes(astronaut.read_bytes())
    write_walk(shared / "walk.npz")
    numpy = ["--target", shared / "numpy", "--python-version", "3.13", "--only-binary=:all:", "numpy"]

    def session(name: str) -> dict[str, Any]:
        out = Path(os.environ.get("LIKENESS_GUI_KEEP", tmp_path / "out"))
        out.mkdir(exist_ok=True)
        package = extension_zip(root, shared)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-warn-conflicts", *numpy], check=True)
        script = Path(__file__).with_name("session.py")
        visible = ["--with", shared, "--with", sys.prefix, "--with", sys.base_prefix]
        options = ["--out", out, "--screenshot", out / "end.png", "--timeout", "300", "--project", root]
        arguments = [name, package, photo, sys.executable, shared / "numpy"]
        subprocess.run([TOOL, "run", script, *visible, *options, "--", *arguments], check=True)
        return json.loads((out / "seen.json").read_text())

    return session


def write_walk(path: Path) -> None:
    """Two seconds of a walk on the spot, as AMASS writes it: Z-up."""
    poses, swing = np.zeros((61, 156)), np.sin(np.linspace(0, 2 * np.pi, 61))
    poses[:, 0], poses[:, 3], poses[:, 6] = np.pi / 2, -0.5 * swing, 0.5 * swing
    poses[:, 50], poses[:, 53] = -1.2, 1.2
    trans = np.tile([0.0, 0.0, 0.95], (61, 1))
    np.savez(path, poses=poses, trans=trans, betas=np.zeros(16), mocap_framerate=30.0)


def test_from_photo_to_slider(run: Callable[[str], dict[str, Any]]) -> None:
    seen = run("heads")
    assert seen["after_escape"] == ["CAMERA", "LIGHT"]
    assert seen["active"] == "astronaut"
    assert seen["dragged"]["mouthSmileLeft"] == seen["dragged"]["mouthSmileRight"] > 0.05
    assert (seen["undone"], seen["redone"]) == ({}, seen["dragged"])
    assert seen["identity_undone"]
    assert seen["heads"] == ["Head 7", "astronaut"]


def test_a_body_from_the_seed_to_the_motion(run: Callable[[str], dict[str, Any]]) -> None:
    seen = run("bodies")
    assert (seen["after_escape"], seen["bodies"]) == ([], ["Body 4"])
    assert seen["updated"] == pytest.approx(1.9, abs=0.005)
    assert seen["update_undone"] == seen["height"] < 1.85
    assert seen["motion"].startswith("walk")
