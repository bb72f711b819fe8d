"""Angles of the jaw and the eyes, read from and written to the bones in FLAME's terms."""

from dataclasses import dataclass

import bpy
from mathutils import Matrix, Quaternion, Vector

from .axes import TO_BLENDER


@dataclass(frozen=True)
class Channel:
    """One slider: the component of the axis-angle of one or more bones."""

    label: str
    bones: tuple[str, ...]
    axis: int
    """0, 1, 2: FLAME's x (left of the character), y (up), z (out of the face)."""
    sign: int
    low: float
    high: float
    """Radians."""


CHANNELS = {
    "jaw_open": Channel("Jaw Open", ("jaw",), 0, 1, 0.0, 0.6),
    "jaw_side": Channel("Jaw Sideways", ("jaw",), 1, 1, -0.2, 0.2),
    "jaw_roll": Channel("Jaw Roll", ("jaw",), 2, 1, -0.1, 0.1),
    "gaze_up": Channel("Eyes Up", ("left_eye", "right_eye"), 0, -1, -0.5, 0.5),
    "gaze_side": Channel("Eyes Sideways", ("left_eye", "right_eye"), 1, 1, -0.6, 0.6),
}


def angle(head: bpy.types.Object, channel: str) -> float:
    """The angle of a channel in radians; of several bones, the first one's."""
    c = CHANNELS[channel]
    bone = head.pose.bones.get(c.bones[0])
    return c.sign * turn(bone, bone.matrix_basis)[c.axis] if bone else 0.0


def set_angle(head: bpy.types.Object, channel: str, value: float) -> None:
    """Turn the bones of a channel; with Auto Keying on, they are keyed at the current frame too."""
    c = CHANNELS[channel]
    scene = bpy.context.scene
    for bone in filter(None, map(head.pose.bones.get, c.bones)):
        vector = turn(bone, bone.matrix_basis)
        vector[c.axis] = c.sign * value
        bone.rotation_mode = "QUATERNION"
        bone.rotation_quaternion = _rotation(bone, vector)
        if scene.tool_settings.use_keyframe_insert_auto:
            bone.keyframe_insert("rotation_quaternion", frame=scene.frame_current)


def reset(head: bpy.types.Object) -> None:
    """Close the jaw and let the eyes look ahead."""
    for channel in CHANNELS:
        set_angle(head, channel, 0.0)


def _frame(bone: bpy.types.PoseBone) -> Matrix:
    """From FLAME's axes to the bone's own."""
    return bone.bone.matrix_local.to_3x3().inverted() @ Matrix(TO_BLENDER)


def turn(bone: bpy.types.PoseBone, local: Matrix) -> Vector:
    """FLAME's axis-angle of the bone where its own matrix is `local`."""
    rotation = local.to_quaternion()
    if rotation.w < 0:
        rotation.negate()
    return _frame(bone).inverted() @ rotation.to_exponential_map()


def _rotation(bone: bpy.types.PoseBone, axis_angle: Vector) -> Quaternion:
    return Quaternion(_frame(bone) @ axis_angle)
