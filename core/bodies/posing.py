"""What a body's Avatar does under its armature, computed without Blender: what exported files have to do too."""

import numpy as np

from ..avatar import Avatar
from ..parametric.joint_names import JOINT_NAMES
from ..parametric.lbs import rotation_matrix, skin
from ..parametric.smpl_joints import INDEX, JOINTS, PARENTS
from .avatar import body_joints


def posed(avatar: Avatar, theta: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Vertices `[V, 3]` metres of all parts of the body, one after the other, its face at rest.

    `theta` `[24, 3]` and `translation` `[3]` are one frame of a `BodyMotion`; correctives are on as the joints turn.
    """
    rotations = rotation_matrix(np.asarray(theta, np.float64))
    turns = dict(zip(JOINT_NAMES[avatar.joint_names], rotations, strict=True))
    values = {name: c.value(turns[c.joint]) for name, c in avatar.correctives.items() if c.joint in turns}
    unposed = [
        sum((values[name] * moved for name, moved in part.correctives.items() if name in values), part.vertices)
        for part in avatar.parts
    ]
    weights = np.concatenate([part.weights for part in avatar.parts])[:, 1:]  # the root carries no skin
    weights, face = np.split(weights, [len(JOINTS)], 1)
    weights[:, INDEX["head"]] += face.sum(1)
    joints = body_joints(avatar).astype(np.float64)
    return skin(np.concatenate(unposed), joints, PARENTS, weights, np.asarray(theta, np.float64)) + translation


def posed_joints(avatar: Avatar, theta: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Where SMPL's joints `[24, 3]` are in that frame."""
    rest = body_joints(avatar).astype(np.float64)
    return skin(rest, rest, PARENTS, np.eye(len(rest)), np.asarray(theta, np.float64)) + translation
