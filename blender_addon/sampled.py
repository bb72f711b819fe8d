"""What a head does over the scene's frames, whatever makes it: NLA strips, drivers and constraints too."""

import bpy
import numpy as np
from mathutils import Matrix

from ..core.parametric.arkit import ARKIT_NAMES
from ..core.parametric.assembly import psi_name
from ..core.parametric.clip import Clip
from ..core.parametric.head import EXPRESSIONS, JOINTS
from . import heads, pose

PSI_NAMES = [psi_name(component) for component in range(EXPRESSIONS)]


def is_indirect(rig: bpy.types.Object) -> bool:
    """Whether something other than one action moves the face: what that does cannot be copied as an action."""
    shape_keys = heads.mesh_object(rig).data.shape_keys
    return (
        any(_has_strips(owner) for owner in (rig, shape_keys))
        or any(not constraint.mute for bone in rig.pose.bones for constraint in bone.constraints)
        or not _driven(shape_keys).isdisjoint(f'key_blocks["{name}"].value' for name in (*ARKIT_NAMES, *PSI_NAMES))
        or any(path.startswith("pose.bones[") for path in _driven(rig))
    )


def _has_strips(owner: bpy.types.Object | bpy.types.Key) -> bool:
    """Whether NLA strips play on the owner."""
    data = owner.animation_data
    return data is not None and any(track.strips and not track.mute for track in data.nla_tracks)


def _driven(owner: bpy.types.Object | bpy.types.Key) -> set[str]:
    """Data paths that have a driver."""
    return {curve.data_path for curve in owner.animation_data.drivers} if owner.animation_data else set()


def sampled(rig: bpy.types.Object, scene: bpy.types.Scene) -> Clip:
    """The head's keys and joints at each frame of the scene's range; the frame is put back."""
    keys, names = heads.keys(rig), [*ARKIT_NAMES, *(name for name in PSI_NAMES if name in heads.keys(rig))]
    now, values, theta = scene.frame_current, [], []
    for frame in range(scene.frame_start, scene.frame_end + 1):
        scene.frame_set(frame)
        values.append([keys[name].value for name in names])
        theta.append([pose.turn(rig.pose.bones[name], _local(rig, name)) for name in JOINTS])
    scene.frame_set(now)
    arkit, psi = np.split(np.array(values, np.float32), [len(ARKIT_NAMES)], 1)
    fps = scene.render.fps / scene.render.fps_base
    return Clip(fps, arkit, psi if psi.size else None, np.array(theta, np.float32), source=rig.name)


def _local(rig: bpy.types.Object, name: str) -> Matrix:
    """The bone's own matrix with what its constraints add."""
    bone = rig.pose.bones[name]
    return rig.convert_space(pose_bone=bone, matrix=bone.matrix, from_space="POSE", to_space="LOCAL")
