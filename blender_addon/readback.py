"""Reads an exported .glb or .fbx back into a Blender without a window, to tell what a reader of it sees.

    python -m likeness.blender_addon.readback FILE --fps N --frames 1,20,40 --out FILE.npz

The .npz has `vertices` [F, V, 3] and `joints` [F, J, 3] in metres and Likeness' axes, V of all meshes with vertices as
the file splits them, `names` [J] of the bones, and `keys` [K] of the shape keys, without the neutral one.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from . import heads
from .axes import from_blender


def read_back(path: Path, fps: float, frames: list[int]) -> dict[str, Any]:
    """The arrays of the .npz (see above)."""
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = round(fps), round(fps) / fps
    if path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path))
    else:
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    (rig,) = (thing for thing in scene.objects if thing.type == "ARMATURE")
    meshes = [thing for thing in scene.objects if thing.type == "MESH" and thing.data.shape_keys]
    names = [bone.name for bone in rig.data.bones]
    vertices, joints = [], []
    for frame in frames:
        scene.frame_set(frame)
        vertices.append(from_blender(np.concatenate([heads.evaluated(mesh) for mesh in meshes])))
        tops = [rig.matrix_world @ rig.pose.bones[name].head for name in names]
        joints.append(from_blender(np.array(tops, np.float32)))
    keys = [key.name for key in meshes[0].data.shape_keys.key_blocks][1:]
    texts = {"names": np.array(names), "keys": np.array(keys)}
    return {"vertices": np.stack(vertices), "joints": np.stack(joints), **texts}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--fps", type=float, required=True)
    parser.add_argument("--frames", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    numbers = [int(frame) for frame in options.frames.split(",")]
    np.savez(options.out, **read_back(options.file, options.fps, numbers))
    sys.stdout.flush()
    os._exit(0)  # Blender 4.2 as a module may crash while the interpreter ends
