"""SMPL's 24 joints: their names, their order, their parents."""

import numpy as np

JOINTS = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle"),
    *("spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder"),
    *("right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hand", "right_hand"),
)
"""left_hand and right_hand lie where the fingers begin, left_foot and right_foot where the toes begin."""
PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""Index of each joint's parent; the pelvis has none."""
INDEX = {name: i for i, name in enumerate(JOINTS)}

_MIDDLE = {
    "pelvis": (0.95, 0.00),
    "spine1": (1.06, -0.01),
    "spine2": (1.18, -0.01),
    "spine3": (1.25, 0.01),
    "neck": (1.45, -0.02),
    "head": (1.54, 0.02),
}
_LEFT = {
    "hip": (0.07, 0.87, 0.00),
    "knee": (0.09, 0.48, 0.00),
    "ankle": (0.09, 0.08, -0.03),
    "foot": (0.11, 0.02, 0.10),
    "collar": (0.07, 1.38, -0.01),
    "shoulder": (0.17, 1.41, -0.02),
    "elbow": (0.43, 1.40, -0.03),
    "wrist": (0.68, 1.40, -0.02),
    "hand": (0.76, 1.39, -0.03),
}


def adult_joints() -> np.ndarray:
    """`[24, 3]` metres: a plausible adult of 1.7 m in T-pose, soles on y = 0, facing +Z, its left at +X.

    Made by hand; it stands in for the body that a motion file was captured on and does not describe.
    """
    joints = np.zeros((len(JOINTS), 3), np.float32)
    for name, (y, z) in _MIDDLE.items():
        joints[INDEX[name]] = 0, y, z
    for name, (x, y, z) in _LEFT.items():
        joints[INDEX[f"left_{name}"]], joints[INDEX[f"right_{name}"]] = (x, y, z), (-x, y, z)
    return joints
