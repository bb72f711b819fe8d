"""A small real Avatar, with everything that a photo gives: textures, a bound part, a photo for the preview."""

import atexit
import os
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import likeness
from likeness.core.avatar import Avatar, Material, Part
from likeness.core.parametric.assembly import head_avatar
from likeness.core.parametric.head import SHAPES, HeadModel

collect_ignore_glob = [] if find_spec("bpy") else ["test_*.py"]
if not find_spec("igl"):  # bodies are made in this process: these need the engine's packages beside bpy
    collect_ignore_glob += ["test_body*.py", "test_head_on_body.py", "test_scene_avatar.py"]
"""Where Blender's module is missing there is nothing to test."""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Blender 4.2's module may crash when Python ends, after every test has passed: end before it does."""
    if "bpy" in sys.modules and sys.modules["bpy"].app.version < (5, 0, 0):
        atexit.register(os._exit, exitstatus)


@pytest.fixture(scope="session")
def model() -> HeadModel:
    """The head model that is shipped."""
    return HeadModel.load()


@pytest.fixture(scope="session")
def beta() -> np.ndarray:
    """Somebody."""
    return (0.6 * np.random.default_rng(3).standard_normal(SHAPES)).astype(np.float32)


@pytest.fixture(scope="module")
def registered() -> Iterator[None]:
    """The extension is known to Blender."""
    likeness.register()
    yield
    likeness.unregister()


@pytest.fixture
def empty_scene(registered: None) -> None:
    """A new file with nothing in it."""
    import bpy

    bpy.ops.wm.read_homefile(use_empty=True)


@pytest.fixture
def avatar_file(model: HeadModel, tmp_path: Path) -> Path:
    """What the fake engine gives: a test may write another."""
    path = tmp_path / "avatar.npz"
    head_avatar(model, np.zeros(100, np.float32), name="Ada").save(path)
    return path


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, avatar_file: Path) -> Callable[[str], None]:
    """Makes the fake engine behave."""
    monkeypatch.setenv("LIKENESS_ENGINE_PYTHON", str(Path(__file__).with_name("fake_engine.py")))
    monkeypatch.setenv("FAKE_ENGINE_AVATAR", str(avatar_file))
    return lambda behaviour: monkeypatch.setenv("FAKE_ENGINE", behaviour)


@pytest.fixture(scope="session")
def avatar(model: HeadModel, beta: np.ndarray) -> Avatar:
    """Skin with colour, roughness and normal maps; a cap of hair with a cut-out texture; translucent brows."""
    stripes = np.zeros((8, 8, 4), np.uint8)
    stripes[..., :3] = (90, 60, 40)
    stripes[:, ::2, 3] = 255
    checker = (np.indices((16, 16)).sum(0) % 2 * 60 + 120).astype(np.uint8)
    skin = Material(
        "skin",
        color_texture=png(np.stack([checker, checker - 30, checker - 50], -1)),
        normal_texture=png(np.full((4, 4, 3), (128, 128, 255), np.uint8)),
        roughness_texture=png(np.full((4, 4, 3), 120, np.uint8)),
        subsurface=0.3,
    )
    hair = Material("hair", color_texture=png(stripes), roughness=0.4, alpha="clip", double_sided=True)
    brows = Material("brows", color_texture=png(stripes), alpha="blend", double_sided=True)
    return head_avatar(
        model,
        beta,
        name="Ada",
        materials={"skin": skin, "hair": hair, "brows": brows},
        extra_parts=[shell(model, beta, "hair", "scalp", 0.01), shell(model, beta, "brows", "narrow_face", 0.001)],
        parameters={"psi": np.zeros(50), "theta": np.zeros((5, 3))},
        source="ada.jpg",
        images={"photo": png(np.full((50, 40, 3), 200, np.uint8))},
    )


def shell(model: HeadModel, beta: np.ndarray, name: str, mask: str, distance: float) -> Part:
    """A part bound to the model: the faces of a mask, moved away from the middle of the head."""
    faces = model.faces[(model.masks[mask][model.faces] > 0.5).all(1) & (model.face_part == model.parts.index("skin"))]
    members, faces = np.unique(faces, return_inverse=True)
    skin = model.shaped(beta)[members]
    outwards = skin - skin.mean(0) + (0, 0.05, 0)
    count = len(members)
    return Part(
        name=name,
        vertices=(skin + distance * outwards / np.linalg.norm(outwards, axis=1, keepdims=True)).astype(np.float32),
        faces=faces.reshape(-1, 4).astype(np.int32),
        uv=np.linspace(0, 1, 2 * count, dtype=np.float32).reshape(-1, 2),
        faces_uv=faces.reshape(-1, 4).astype(np.int32),
        face_material=np.zeros(len(faces) // 4, np.int32),
        weights=np.zeros((count, 0), np.float32),
        binding=np.stack([members] * 3, 1).astype(np.int32),
        binding_weights=np.full((count, 3), 1 / 3, np.float32),
    )


def png(pixels: np.ndarray) -> bytes:
    """A PNG file of `[H, W, 3 or 4]` uint8: Blender's Python has no imaging library."""
    height, width, channels = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
