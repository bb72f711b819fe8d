"""Writes a clip as keyframes of a head, a motion as those of a body.

It is one action for shape keys and bones; before Blender 4.4, one for each.
"""

import bpy
import numpy as np

from ..core.errors import InputError
from ..core.parametric.arkit import ARKIT_NAMES
from ..core.parametric.assembly import psi_name
from ..core.parametric.body_motion import BodyMotion
from ..core.parametric.clip import Clip
from ..core.parametric.joint_names import ROOT
from . import heads
from .actions import own_curves
from .axes import to_blender


def write_clip(rig: bpy.types.Object, clip: Clip, start: int = 1) -> bpy.types.Action:
    """Animate the head by the clip (after `retarget`) from frame `start` on, at the scene's frame rate.

    It replaces the head's animation. Returns the action. Raises InputError when it is no head, or when the clip has psi
    components that the head has no keys for.
    """
    heads.check_kind(rig, "head")
    clip = clip.resampled(_scene_rate())
    return _write_action(rig, clip.source or "Clip", _bone_curves(rig, clip), _key_curves(rig, clip), start)


def write_motion(rig: bpy.types.Object, motion: BodyMotion, start: int = 1) -> bpy.types.Action:
    """Animate the body by a motion that was brought onto it (`core.bodies.motion`) from frame `start` on, at the
    scene's frame rate.

    It replaces the body's animation. The root goes its way over the floor, the pelvis up and down above it. Returns the
    action. Raises InputError when it is no body.
    """
    heads.check_kind(rig, "body")
    motion = motion.resampled(_scene_rate())
    pelvis = heads.joint_bones(rig)[0]
    moved = {ROOT: motion.translation * (1, 0, 1), pelvis: motion.translation * (0, 1, 0)}
    curves = _rotation_curves(rig, motion.theta)
    for name, places in moved.items():
        own = to_blender(places) @ heads.bone_rests(rig, [name])[0]
        curves |= {(f'pose.bones["{name}"].location', axis): own[:, axis] for axis in range(3)}
    return _write_action(rig, motion.source or "Motion", curves, {}, start)


def _scene_rate() -> float:
    render = bpy.context.scene.render
    return float(render.fps / render.fps_base)


Curves = dict[tuple[str, int], np.ndarray]
"""Data path and index -> value at each frame."""


def _write_action(
    rig: bpy.types.Object, name: str, bone_curves: Curves, key_curves: Curves, start: int
) -> bpy.types.Action:
    action = bpy.data.actions.new(name)
    for owner, curves in ((rig, bone_curves), (heads.mesh_object(rig).data.shape_keys, key_curves)):
        fcurves = own_curves(owner, action)
        for (path, index), values in curves.items():
            frames = np.arange(start, start + len(values), dtype=np.float32)
            _write_curve(fcurves.new(path, index=index), frames, values)
    for bone in heads.joint_bones(rig):
        rig.pose.bones[bone].rotation_mode = "QUATERNION"
    return action


def _key_curves(rig: bpy.types.Object, clip: Clip) -> Curves:
    columns: dict[str, np.ndarray] = {}
    if clip.arkit is not None:
        columns.update(zip(ARKIT_NAMES, clip.arkit.T, strict=True))
    if clip.psi is not None:
        columns.update((psi_name(k), column) for k, column in enumerate(clip.psi.T))
    existing = heads.keys(rig)
    if clip.psi is not None and any(name not in existing for name in columns):
        raise InputError(f"{rig.name} has no shape keys for FLAME expressions; add the psi keys first.")
    return {(f'key_blocks["{name}"].value', 0): column for name, column in columns.items() if name in existing}


def _bone_curves(rig: bpy.types.Object, clip: Clip) -> Curves:
    if clip.theta is None:
        return {}
    return _rotation_curves(rig, clip.theta)


def _rotation_curves(rig: bpy.types.Object, theta: np.ndarray) -> Curves:
    """Of `theta` `[F, J, 3]`; from one frame to the next a quaternion never turns into its negative, the same turn."""
    rotations = heads.bone_rotations(rig, theta)
    turned = (rotations[1:] * rotations[:-1]).sum(-1) < 0
    rotations[1:][np.cumsum(turned, 0) % 2 == 1] *= -1
    return {
        (f'pose.bones["{name}"].rotation_quaternion', component): rotations[:, j, component]
        for j, name in enumerate(heads.joint_bones(rig))
        for component in range(4)
    }


def _write_curve(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> None:
    points = curve.keyframe_points
    points.add(len(frames))
    points.foreach_set("co", np.stack([frames, values], 1).astype(np.float32).ravel())
    linear = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value
    points.foreach_set("interpolation", np.full(len(frames), linear, np.int32))
    curve.update()
