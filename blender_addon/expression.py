"""The expression of a head: values of its shape keys."""

from collections.abc import Mapping

import bpy

from ..core.parametric.arkit import ARKIT_NAMES, mirrored
from . import heads

DIRECTIONS = frozenset({"jawLeft", "jawRight", "mouthLeft", "mouthRight"})
"""Names that move one middle part to a side: both at once would cancel each other, so they are never mirrored."""


def has_twin(name: str) -> bool:
    """Whether the blendshape is one of two that may act together, one on each side."""
    return mirrored(name) != name and name not in DIRECTIONS


def apply(head: bpy.types.Object, values: Mapping[str, float]) -> None:
    """Set shape keys; with Auto Keying on, they are keyed at the current frame too. Raises InputError."""
    scene = bpy.context.scene
    keys = heads.keys(head)
    for name in values.keys() & set(keys.keys()):
        keys[name].value = values[name]
        if scene.tool_settings.use_keyframe_insert_auto:
            keys[name].keyframe_insert("value", frame=scene.frame_current)


def insert_keyframes(head: bpy.types.Object, frame: float) -> None:
    """Key every blendshape of ARKit. Raises InputError."""
    keys = heads.keys(head)
    for name in ARKIT_NAMES:
        keys[name].keyframe_insert("value", frame=frame)
