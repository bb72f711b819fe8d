"""Renders the preview.png of a body: standing, from the front, at three quarters, from the side and from behind, and a
moment of its motion.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from ..core.parametric.body_motion import BodyMotion
from ..core.parametric.joint_names import ROOT
from ..core.parametric.smpl_joints import INDEX, JOINTS
from . import heads
from .held import held_actions
from .studio import aim, render, studio, write_sheet

PANEL = (300, 600)
"""Width and height of one panel in pixels."""
VIEWS = {"front": 0.0, "three-quarter": 38.0, "side": 88.0, "back": 180.0}
"""Panel -> degrees by which the camera goes round to the body's left."""
MOVING_VIEW = 30.0
SCALE = 4.0
"""How many times larger than a head's the studio is."""
MARGIN = 0.06
"""Of the picture's height, above and below the body."""

STANDING: Mapping[str, tuple[float, float, float]] = {
    "left_collar": (0, 0, -8),
    "left_shoulder": (12, -8, -62),
    "left_elbow": (0, -18, 0),
    "left_hip": (0, 6, -1),
    "left_ankle": (0, 0, 1),
    "left_hand": (0, 0, -14),
}
"""Degrees of the left side's joints; the right side's are mirrored."""
STRIDING: Mapping[str, tuple[float, float, float]] = {
    "spine2": (3, 8, 0),
    "left_shoulder": (6, 10, -68),
    "right_shoulder": (6, 34, 66),
    "left_elbow": (0, -30, 0),
    "right_elbow": (0, 42, 0),
    "left_hip": (-28, 0, 2),
    "left_knee": (12, 0, 0),
    "left_ankle": (10, 0, 0),
    "right_hip": (18, 0, -2),
    "right_knee": (24, 0, 0),
    "right_ankle": (18, 0, 0),
    "right_foot": (-22, 0, 0),
}


def render_body(
    rig: bpy.types.Object, path: Path, motion: BodyMotion | None, progress: Callable[[float], None]
) -> None:
    """Write the strip of panels to `path` (PNG); the last is of the motion's widest stride, or of a stride if there
    is none. The body's pose and action are put back afterwards.
    """
    standing = _mirrored(STANDING)
    shots = [(angle, standing) for angle in VIEWS.values()]
    shots.append((MOVING_VIEW, _theta(STRIDING) if motion is None else _widest(motion)))
    panels = []
    with (
        tempfile.TemporaryDirectory(prefix="likeness-") as folder,
        held_actions(rig, heads.mesh_object(rig), animation=False),
    ):
        center, height = _frame(rig)
        with studio(rig, PANEL, center, SCALE, floor=True) as scene:
            for index, (angle, theta) in enumerate(shots):
                heads.pose(rig, theta)
                _put_on_floor(rig, scene)
                aim(scene, center, height, angle)
                panels.append(render(scene, Path(folder) / f"{index}.png"))
                progress((index + 1) / len(shots))
    write_sheet([panels], path)


def _put_on_floor(rig: bpy.types.Object, scene: bpy.types.Scene) -> None:
    """Move the posed body so that its lowest point is on the floor and its middle over the floor's."""
    root = rig.pose.bones[ROOT]
    root.location = 0, 0, 0
    layer = scene.view_layers[0]
    layer.update()
    points = heads.evaluated(heads.mesh_object(rig), layer.depsgraph)
    x, y, _ = (points.min(0) + points.max(0)) / 2
    root.location = root.bone.matrix_local.to_3x3().inverted() @ Vector((-x, -y, -points[:, 2].min()))


def _frame(rig: bpy.types.Object) -> tuple[Vector, float]:
    """Centre and height of the picture in metres: the body from head to foot, in the middle of the floor."""
    points = heads.positions(heads.keys(rig)[0])
    top = float(points[:, 2].max())
    return Vector((0.0, 0.0, top / 2)), top * (1 + 2 * MARGIN)


def _widest(motion: BodyMotion) -> np.ndarray:
    """theta `[24, 3]` of the frame in which the thighs are farthest apart, the body turned to the front."""
    apart = np.abs(motion.theta[:, INDEX["left_hip"], 0] - motion.theta[:, INDEX["right_hip"], 0])
    theta = motion.theta[int(apart.argmax())].copy()
    theta[0] = 0
    return theta


def _theta(degrees: Mapping[str, tuple[float, float, float]]) -> np.ndarray:
    """`[24, 3]` radians of the joints named."""
    theta = np.zeros((len(JOINTS), 3), np.float32)
    for name, turn in degrees.items():
        theta[INDEX[name]] = np.radians(turn)
    return theta


def _mirrored(degrees: Mapping[str, tuple[float, float, float]]) -> np.ndarray:
    """`_theta` of the left side's joints on both sides."""
    right = {name.replace("left", "right"): (x, -y, -z) for name, (x, y, z) in degrees.items()}
    return _theta({**degrees, **right})
