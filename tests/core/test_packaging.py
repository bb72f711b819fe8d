"""The package, the extension and their versions agree, and the extension's zip holds what it needs and nothing else."""

import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from likeness.core.version import VERSION


def test_every_package_is_listed(root: Path) -> None:
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(("likeness", *path.parent.relative_to(root).parts))
        for folder in ("core", "blender_addon")
        for path in (root / folder).rglob("__init__.py")
    }
    assert set(listed) == found | {"likeness", "likeness.weights"}


def test_the_manifest_has_the_version(root: Path) -> None:
    assert tomllib.loads((root / "blender_manifest.toml").read_text())["version"] == VERSION


def test_the_zip_is_valid_and_holds_the_extension_alone(root: Path, tmp_path: Path) -> None:
    blender = find_spec("bpy")
    if blender is None or not blender.submodule_search_locations:
        pytest.skip("needs bpy")
    (scripts,) = Path(blender.submodule_search_locations[0]).glob("*/scripts")
    tool = [sys.executable, str(scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py")]
    tags = scripts / "modules" / "_bpy_internal" / "extensions" / "tags.py"
    subprocess.run([*tool, "build", "--source-dir", root, "--output-dir", tmp_path], check=True, capture_output=True)
    zip_path = tmp_path / f"likeness-{VERSION}.zip"
    subprocess.run([*tool, "validate", "--valid-tags", tags, zip_path], check=True, capture_output=True)
    names = zipfile.ZipFile(zip_path).namelist()
    assert {name.partition("/")[0] for name in names} <= {
        "LICENSE",
        "__init__.py",
        "blender_addon",
        "blender_manifest.toml",
        "core",
        "weights",
    }
    assert {"__init__.py", "core/engine/requirements.txt", "core/engine/client.py"} <= set(names)
    assert {Path(name).suffix for name in names} <= {"", ".py", ".toml", ".txt", ".safetensors", ".json"}
