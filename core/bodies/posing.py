"""What a body's Avatar does under its armature, computed without Blender: what exported files have to do too."""

import numpy as np

from ..avatar import Avatar
from ..parametric.joint_names import JOINT_NAMES
from ..parametric.lbs import rotation_matrix, skin
from ..parametric.smpl_joints import PARENTS
from .avatar import body_joints


def posed(avatar: Avatar, theta: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Vertices `[V, 3]` metres of all parts of the body, one after the other.

    `theta` `[24, 3]` and `translation` `[3]` are one frame of a `BodyMotion`; correctives are on as the joints turn.
    """
    rotations = rotation_matrix(np.asarray(theta, np.float64))
    values = {name: c.value(rotations[_index(avatar, c.joint)]) for name, c in avatar.correctives.items()}
    unposed = [
        sum((values[name] * moved for name, moved in part.correctives.items()), part.vertices) for part in avatar.parts
    ]
    weights = np.concatenate([part.weights for part in avatar.parts])[:, 1:]  # the root carries no skin
    joints = body_joints(avatar).astype(np.float64)
    return skin(np.concatenate(unposed), joints, PARENTS, weights, np.asarray(theta, np.float64)) + translation


def posed_joints(avatar: Avatar, theta: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Where SMPL's joints `[24, 3]` are in that frame."""
    rest = body_joints(avatar).astype(np.float64)
    return skin(rest, rest, PARENTS, np.eye(len(rest)), np.asarray(theta, np.float64)) + translation


def _index(avatar: Avatar, bone: str) -> int:
    """Of SMPL's joint whose bone it is."""
    return JOINT_NAMES[avatar.joint_names].index(bone)
