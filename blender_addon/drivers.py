"""Drivers of shape keys. Their expressions are simple ones, which Blender runs where scripts are not allowed to."""

import bpy
import numpy as np

from ..core.avatar import Corrective
from .axes import TO_BLENDER


def drive_corrective(key: bpy.types.ShapeKey, rig: bpy.types.Object, corrective: Corrective) -> None:
    """Let the bone's turn set the key's value."""
    driver = key.driver_add("value").driver
    driver.type = "SCRIPTED"
    for component in "wxyz":
        variable = driver.variables.new()
        variable.name = component
        variable.type = "TRANSFORMS"
        target = variable.targets[0]
        target.id, target.bone_target = rig, corrective.joint
        target.transform_space = "LOCAL_SPACE"
        target.transform_type = f"ROT_{component.upper()}"
        target.rotation_mode = "QUATERNION"
    to_bone = TO_BLENDER.T @ np.array(rig.data.bones[corrective.joint].matrix_local.to_3x3())
    driver.expression = f"min(max({_of_quaternion(to_bone.T @ corrective.feature @ to_bone)}, 0), 1)"


def _of_quaternion(feature: np.ndarray) -> str:
    """The sum of `feature` [3, 3] * (R - I) as an expression of the quaternion of R; in 256 characters, Blender's
    limit, with what is around it.
    """
    f = 2 * feature
    xx, yy, zz = -f[1, 1] - f[2, 2], -f[0, 0] - f[2, 2], -f[0, 0] - f[1, 1]
    xy, xz, yz = f[0, 1] + f[1, 0], f[0, 2] + f[2, 0], f[1, 2] + f[2, 1]
    xw, yw, zw = f[2, 1] - f[1, 2], f[0, 2] - f[2, 0], f[1, 0] - f[0, 1]
    rows = {"x": {"x": xx, "y": xy, "z": xz, "w": xw}, "y": {"y": yy, "z": yz, "w": yw}, "z": {"z": zz, "w": zw}}
    sums = {
        row: "".join(f"{value:+.5f}*{column}" for column, value in columns.items()) for row, columns in rows.items()
    }
    return "+".join(f"{row}*({total})" for row, total in sums.items())


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
