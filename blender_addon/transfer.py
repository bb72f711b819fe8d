"""Brings the expression of one head to another: values of shape keys, poses of bones, and the actions of both.

Where more than an action moves the source (see `sampled`), the targets get what it does, frame by frame.
"""

from collections.abc import Iterator, Sequence

import bpy
import numpy as np
from mathutils import Matrix

from ..core.parametric.assembly import psi_name
from ..core.parametric.head import HeadModel
from . import heads
from .actions import Animated, assign, current, curves
from .animate import write_clip
from .sampled import is_indirect, sampled


def has_expression(rig: bpy.types.Object) -> bool:
    """Whether there is anything to transfer: animation, a key that is not 0, a bone that is not at rest."""
    shape_keys = heads.mesh_object(rig).data.shape_keys
    return (
        is_indirect(rig)
        or any(True for _ in _bone_curves(rig))
        or len(curves(shape_keys)) > 0
        or any(abs(key.value) > 1e-6 for key in _settable(shape_keys))
        or any(not _is_rest(bone.matrix_basis) for bone in rig.pose.bones)
    )


def transfer(source: bpy.types.Object, targets: Sequence[bpy.types.Object], model: HeadModel) -> None:
    """Give the heads `targets` the expression of the head `source`, in place of their own.

    Each gets copies of the actions, and FLAME's keys where the source has them; where it stands, it stays, and its own
    NLA tracks are muted. Raises InputError, before it changes anything, when a head cannot be given those keys.
    """
    lacking = [rig for rig in targets if psi_name(0) in heads.keys(source) and psi_name(0) not in heads.keys(rig)]
    for rig in lacking:
        heads.carriers(rig, model)
    for rig in lacking:
        heads.add_psi_keys(rig, model)
    scene = bpy.context.scene
    clip = sampled(source, scene) if is_indirect(source) else None
    for rig in targets:
        for owner in (rig, heads.mesh_object(rig).data.shape_keys):
            for track in owner.animation_data.nla_tracks if owner.animation_data else ():
                track.mute = True
        if clip:
            write_clip(rig, clip, scene.frame_start)
        else:
            _transfer(source, rig)
    if clip:
        scene.frame_set(scene.frame_current)  # the targets follow


def _transfer(source: bpy.types.Object, target: bpy.types.Object) -> None:
    source_keys, target_keys = (heads.mesh_object(rig).data.shape_keys for rig in (source, target))
    copies: dict[bpy.types.Action, bpy.types.Action] = {}  # one action may animate both keys and bones
    _copy_action(source_keys, target_keys, copies)
    copy_values(source_keys, target_keys)
    _copy_action(source, target, copies)
    for bone in target.pose.bones:
        if other := source.pose.bones.get(bone.name):
            turn = _turn(other, bone)
            bone.rotation_mode = other.rotation_mode
            bone.matrix_basis = turn @ other.matrix_basis @ turn.transposed()
            _turn_curves(target, bone, turn)


def copy_values(source: bpy.types.Key, target: bpy.types.Key) -> None:
    """Set the target's keys to the values of the source's of the same names; keys with drivers follow those."""
    for key in _settable(target):
        if other := source.key_blocks.get(key.name):
            key.value = other.value


def _settable(shape_keys: bpy.types.Key) -> Iterator[bpy.types.ShapeKey]:
    data = shape_keys.animation_data
    driven = {driver.data_path for driver in data.drivers} if data else set()
    expressions = (key for key in shape_keys.key_blocks[1:] if key.name != heads.BEFORE)
    return (key for key in expressions if f"{key.path_from_id()}.value" not in driven)


def _copy_action(source: Animated, target: Animated, copies: dict[bpy.types.Action, bpy.types.Action]) -> None:
    """Assign a copy of the source's action, without what moves the whole object."""
    action, slot = current(source)
    if action is None:
        if target.animation_data:
            assign(target, None)
        return
    if action not in copies:
        copies[action] = action.copy()
    copy = copies[action]
    assign(target, copy, copy.slots[slot.identifier] if slot else None)
    if isinstance(target, bpy.types.Object):
        own = curves(target)
        for curve in [curve for curve in own if not _is_of_bone(curve)]:
            own.remove(curve)


def _bone_curves(rig: bpy.types.Object) -> Iterator[bpy.types.FCurve]:
    return (curve for curve in curves(rig) if _is_of_bone(curve))


def _is_of_bone(curve: bpy.types.FCurve) -> bool:
    return curve.data_path.startswith("pose.bones[")


def _is_rest(matrix: Matrix) -> bool:
    return bool(np.allclose(matrix, np.eye(4), atol=1e-6))


def _turn(source: bpy.types.PoseBone, target: bpy.types.PoseBone) -> Matrix:
    """Rotation from the axes of one bone to those of the other: a longer chin tilts the jaw's bone."""
    rest = (bone.bone.matrix_local.to_3x3() for bone in (source, target))
    from_source, to_target = rest
    return (to_target.transposed() @ from_source).to_4x4()


def _turn_curves(rig: bpy.types.Object, bone: bpy.types.PoseBone, turn: Matrix) -> None:
    """Bring the bone's keyed locations and quaternions into its own axes, where all three axes are keyed together.

    A quaternion's vector part turns as a vector does.
    """
    path = bone.path_from_id()
    found = {(curve.data_path, curve.array_index): curve for curve in curves(rig)}
    for name, first in (("location", 0), ("rotation_quaternion", 1)):
        axes = [found[key] for k in range(3) if (key := (f"{path}.{name}", first + k)) in found]
        frames = {tuple(point.co.x for point in curve.keyframe_points) for curve in axes}
        if len(axes) == 3 and len(frames) == 1:
            for part in ("co", "handle_left", "handle_right"):
                _turn_points([curve.keyframe_points for curve in axes], part, np.array(turn)[:3, :3])
            for curve in axes:
                curve.update()


def _turn_points(axes: Sequence[bpy.types.FCurveKeyframePoints], part: str, turn: np.ndarray) -> None:
    points = np.empty((3, 2 * len(axes[0])), np.float32)
    for axis, row in zip(axes, points, strict=True):
        axis.foreach_get(part, row)
    points[:, 1::2] = turn @ points[:, 1::2]
    for axis, row in zip(axes, points, strict=True):
        axis.foreach_set(part, row)
