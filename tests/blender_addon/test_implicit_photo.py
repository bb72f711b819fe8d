"""The head of a photo, made through the implicit path, opens its mouth in the file it is exported to."""

from pathlib import Path

import bpy
import numpy as np
import pytest
from mathutils import Matrix

from likeness.blender_addon import export
from likeness.blender_addon.axes import to_blender
from likeness.blender_addon.build import build
from likeness.core.avatar import Avatar
from likeness.core.parametric.head import HeadModel
from likeness.core.parametric.parts import carried

from .meshes import evaluated

pytest.importorskip("torch")

from likeness.core.capture.pipeline import CaptureOptions, capture_head

UPPER_LIP, LOWER_LIP = 51, 57
"""Of the 68 landmarks: the middle of the lips' outlines."""
OPEN = 0.3
"""Radians."""


def landmark(avatar: Avatar, model: HeadModel, number: int) -> np.ndarray:
    """Where a landmark lies on the avatar's skin, in Blender's axes."""
    skin = avatar.part("skin")
    at = np.zeros((len(model.v_template), 1), np.float32)
    at[model.landmarks68[number]] = 1
    return to_blender(skin.vertices[carried(skin, at)[:, 0].argmax()])


@pytest.mark.slow
@pytest.mark.parametrize("topology", ["quads", "implicit"])
def test_the_photo_opens_its_mouth(topology: str, astronaut: Path, model: HeadModel, tmp_path: Path) -> None:
    options = CaptureOptions(model="triplane", topology=topology, resolution=96)
    avatar, report = capture_head([astronaut], options=options)
    assert report["errors"]["surface_mm"] < 1
    bpy.ops.wm.read_homefile(use_empty=True)
    path = tmp_path / "head.glb"
    export.export_head(build(avatar), path, "gltf")

    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=str(path))
    (mesh,) = (thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys)
    (rig,) = (thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    rest = evaluated(mesh)
    upper, lower = (
        np.linalg.norm(rest - landmark(avatar, model, lip), axis=1).argmin() for lip in (UPPER_LIP, LOWER_LIP)
    )
    key = mesh.data.shape_keys.key_blocks["jawOpen"]
    key.value = 1.0
    by_key = evaluated(mesh) - rest
    key.value = 0.0
    bone = rig.pose.bones["jaw"]
    hinge = Matrix.Translation(bone.bone.head_local)
    bone.matrix = hinge @ Matrix.Rotation(OPEN, 4, "X") @ hinge.inverted() @ bone.bone.matrix_local
    by_bone = evaluated(mesh) - rest
    for moved in (by_key, by_bone):
        assert moved[lower, 2] < -0.005
        assert np.linalg.norm(moved[upper]) < 0.1 * np.linalg.norm(moved[lower])
