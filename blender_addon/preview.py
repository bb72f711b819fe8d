"""Renders preview.png: the photo, the head from the front, at three quarters, from the side, with an expression; and
expressions.png: the head with each of a few expressions, from the front and at three quarters.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from . import heads
from .held import held_actions
from .materials import packed_image
from .studio import aim, pixels, render, studio, write_sheet

PANEL = (400, 500)
"""Width and height of one panel in pixels."""

VIEWS = {"front": 0.0, "three-quarter": 38.0, "side": 88.0}
"""Panel -> degrees by which the camera goes round to the head's left."""

EXPRESSION = {
    "mouthSmileLeft": 0.87,
    "mouthSmileRight": 0.83,
    "mouthUpperUpLeft": 0.12,
    "mouthUpperUpRight": 0.12,
    "jawOpen": 0.16,
    "cheekSquintLeft": 0.6,
    "cheekSquintRight": 0.6,
    "eyeSquintLeft": 0.3,
    "eyeSquintRight": 0.3,
}
"""A smile that reaches the eyes and shows the upper teeth."""

EXPRESSIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "jaw open": {"jawOpen": 0.8},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "smile": EXPRESSION,
}
"""What expressions.png shows."""

Shot = tuple[float, dict[str, float]]
"""Degrees by which the camera goes round, and the expression."""


def render_preview(rig: bpy.types.Object, path: Path, photo: bytes | None, progress: Callable[[float], None]) -> None:
    """Write the strip of panels to `path` (PNG). `photo` is the encoded input, left out where there is none.

    The head is shown neutral and then with `EXPRESSION`; its values and actions are put back afterwards.
    """
    panels = [] if photo is None else [_photo_panel(photo)]
    shots: list[Shot] = [(angle, {}) for angle in VIEWS.values()]
    panels += _render_all(rig, [*shots, (0.0, EXPRESSION)], progress)
    write_sheet([panels], path)


def render_expressions(rig: bpy.types.Object, path: Path, progress: Callable[[float], None]) -> None:
    """Write the head with each of `EXPRESSIONS` to `path` (PNG): one row from the front, one at three quarters."""
    angles = VIEWS["front"], VIEWS["three-quarter"]
    panels = _render_all(
        rig, [(angle, shown) for angle in angles for shown in EXPRESSIONS.values()], progress, percent=50
    )
    write_sheet([panels[: len(EXPRESSIONS)], panels[len(EXPRESSIONS) :]], path)


def _render_all(
    rig: bpy.types.Object, shots: list[Shot], progress: Callable[[float], None], percent: int = 100
) -> list[np.ndarray]:
    """A panel for each shot, at `percent` of its size; the head's values and actions are put back afterwards."""
    panels = []
    center, height = _frame(rig)
    with (
        tempfile.TemporaryDirectory(prefix="likeness-") as folder,
        held_actions(rig, heads.mesh_object(rig), animation=False),
        studio(rig, PANEL, center) as scene,
    ):
        scene.render.resolution_percentage = percent
        for index, (angle, expression) in enumerate(shots):
            _express(rig, expression)
            aim(scene, center, height, angle)
            panels.append(render(scene, Path(folder) / f"{index}.png"))
            progress((index + 1) / len(shots))
    return panels


def _express(rig: bpy.types.Object, expression: dict[str, float]) -> None:
    for key in heads.keys(rig)[1:]:
        key.value = expression.get(key.name, 0.0)


def _frame(rig: bpy.types.Object) -> tuple[Vector, float]:
    """Centre and height of the picture in metres: the head with its hair, from any side, and the neck below."""
    points = heads.positions(heads.keys(rig)[0])
    chin = rig.data.bones["jaw"].tail_local.z
    head = points[points[:, 2] > chin]
    low, high = head.min(0), head.max(0)
    height = float(high[2]) - chin
    width = max(high[0] - low[0], high[1] - low[1])
    frame = max(1.42 * height, 1.16 * float(width) * PANEL[1] / PANEL[0])
    middle = float(low[1] + high[1]) / 2
    return Vector((0.0, middle, high[2] + 0.09 * frame - frame / 2)), frame


def _photo_panel(photo: bytes) -> np.ndarray:
    """The photo, cut about its middle to the panel's shape and scaled to it."""
    image = packed_image("photo", photo)
    width, height = image.size
    scale = max(PANEL[0] / width, PANEL[1] / height)
    image.scale(max(round(width * scale), PANEL[0]), max(round(height * scale), PANEL[1]))
    shown = pixels(image)
    bpy.data.images.remove(image)
    top, left = (shown.shape[0] - PANEL[1]) // 2, (shown.shape[1] - PANEL[0]) // 2
    return shown[top : top + PANEL[1], left : left + PANEL[0]]
