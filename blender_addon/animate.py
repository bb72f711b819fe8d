"""Writes a clip as keyframes of a head: one action for shape keys and bones (before Blender 4.4, one for each)."""

import bpy
import numpy as np

from ..core.errors import InputError
from ..core.parametric.arkit import ARKIT_NAMES
from ..core.parametric.assembly import psi_name
from ..core.parametric.clip import Clip
from ..core.parametric.head import JOINTS
from .actions import own_curves
from .heads import bone_rotations, keys, mesh_object


def write_clip(rig: bpy.types.Object, clip: Clip, start: int = 1) -> bpy.types.Action:
    """Animate the head by the clip (after `retarget`) from frame `start` on, at the scene's frame rate.

    It replaces the head's animation. Returns the action. Raises InputError when the clip has psi components that the
    head has no keys for.
    """
    render = bpy.context.scene.render
    clip = clip.resampled(render.fps / render.fps_base)
    frames = np.arange(start, start + len(clip), dtype=np.float32)
    key_curves = _key_curves(rig, clip)
    bone_curves = _bone_curves(rig, clip)
    shape_keys = mesh_object(rig).data.shape_keys
    action = bpy.data.actions.new(clip.source or "Clip")
    for owner, curves in ((rig, bone_curves), (shape_keys, key_curves)):
        fcurves = own_curves(owner, action)
        for (path, index), values in curves.items():
            _write_curve(fcurves.new(path, index=index), frames, values)
    for name in JOINTS:
        rig.pose.bones[name].rotation_mode = "QUATERNION"
    return action


Curves = dict[tuple[str, int], np.ndarray]
"""Data path and index -> value at each frame."""


def _key_curves(rig: bpy.types.Object, clip: Clip) -> Curves:
    columns: dict[str, np.ndarray] = {}
    if clip.arkit is not None:
        columns.update(zip(ARKIT_NAMES, clip.arkit.T, strict=True))
    if clip.psi is not None:
        columns.update((psi_name(k), column) for k, column in enumerate(clip.psi.T))
    existing = keys(rig)
    if clip.psi is not None and any(name not in existing for name in columns):
        raise InputError(f"{rig.name} has no shape keys for FLAME expressions; add the psi keys first.")
    return {(f'key_blocks["{name}"].value', 0): column for name, column in columns.items() if name in existing}


def _bone_curves(rig: bpy.types.Object, clip: Clip) -> Curves:
    if clip.theta is None:
        return {}
    rotations = bone_rotations(rig, clip.theta)
    return {
        (f'pose.bones["{name}"].rotation_quaternion', component): rotations[:, j, component]
        for j, name in enumerate(JOINTS)
        for component in range(4)
    }


def _write_curve(curve: bpy.types.FCurve, frames: np.ndarray, values: np.ndarray) -> None:
    points = curve.keyframe_points
    points.add(len(frames))
    points.foreach_set("co", np.stack([frames, values], 1).astype(np.float32).ravel())
    linear = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value
    points.foreach_set("interpolation", np.full(len(frames), linear, np.int32))
    curve.update()
