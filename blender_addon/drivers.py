"""Drivers of shape keys. Their expressions are simple ones, which Blender runs where scripts are not allowed to."""

import bpy
import numpy as np

from ..core.avatar import Corrective
from .axes import to_blender


def drive_corrective(key: bpy.types.ShapeKey, rig: bpy.types.Object, corrective: Corrective) -> None:
    """Let the bone's turn set the key's value."""
    rest = np.array(rig.data.bones[corrective.joint].matrix_local.to_3x3())
    turn = rest.T @ to_blender(corrective.rotation)  # in the bone's own axes; all turns are about one of them
    axis = int(np.abs(turn).argmax())
    most = float(np.linalg.norm(turn))

    driver = key.driver_add("value").driver
    driver.type = "SCRIPTED"
    variable = driver.variables.new()
    variable.name = "turn"
    variable.type = "TRANSFORMS"
    target = variable.targets[0]
    target.id, target.bone_target = rig, corrective.joint
    target.transform_space = "LOCAL_SPACE"
    target.transform_type = f"ROT_{'XYZ'[axis]}"
    target.rotation_mode = f"SWING_TWIST_{'XYZ'[axis]}"
    angle = f"min(max({'-' if turn[axis] < 0 else ''}turn, 0), {most:.6f})"
    if corrective.order == 1:
        driver.expression = f"sin({angle}) / {np.sin(most):.6f}"
    else:
        driver.expression = f"(1 - cos({angle})) / {1 - np.cos(most):.6f}"


def follow_key(key: bpy.types.ShapeKey, leader: bpy.types.ShapeKey) -> None:
    """Let the key have the leader's value at all times."""
    driver = key.driver_add("value").driver
    driver.type = "SUM"
    variable = driver.variables.new()
    variable.type = "SINGLE_PROP"
    target = variable.targets[0]
    target.id_type = "KEY"
    target.id = leader.id_data
    target.data_path = f"{leader.path_from_id()}.value"
