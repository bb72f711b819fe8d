"""A photo becomes a head in a Blender with a window: the extension's zip is installed, buttons and sliders are real."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

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


def test_from_photo_to_slider(root: Path, astronaut: Path, tmp_path: Path) -> None:
    out, shared = tmp_path / "out", tmp_path / "shared"
    for folder in (out, shared):
        folder.mkdir()
    package = extension_zip(root, shared)
    photo = shared / "astronaut.png"
    photo.write_bytes(astronaut.read_bytes())
    numpy = ["--target", shared / "numpy", "--python-version", "3.13", "--only-binary=:all:", "numpy"]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-warn-conflicts", *numpy], check=True)

    visible = ["--with", shared, "--with", sys.prefix, "--with", sys.base_prefix]
    session = Path(__file__).with_name("session.py")
    options = ["--out", out, "--screenshot", out / "end.png", "--timeout", "300", "--project", root]
    arguments = [package, photo, sys.executable, shared / "numpy"]
    subprocess.run([TOOL, "run", session, *visible, *options, "--", *arguments], check=True)

    seen = json.loads((out / "seen.json").read_text())
    assert seen["after_escape"] == ["CAMERA", "LIGHT"]
    assert seen["active"] == "astronaut"
    assert seen["dragged"]["mouthSmileLeft"] == seen["dragged"]["mouthSmileRight"] > 0.05
    assert (seen["undone"], seen["redone"]) == ({}, seen["dragged"])
    assert seen["identity_undone"]
    assert seen["heads"] == ["Head 7", "astronaut"]
