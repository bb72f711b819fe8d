"""Pose correctives of a body as shape keys that bones drive: the few of each joint that matter.

A joint's correctives are linear in the nine numbers of R - I. Turns within its limits, and how they displace the skin,
lie near few directions of these nine: the principal components of the displacements over such turns, which are the best
for any number of components. What a component does one way is one key and what it does the other way another, since
many readers of files keep keys between 0 and 1.
"""

from collections.abc import Sequence

import numpy as np

from ..avatar import Corrective
from ..parametric.body import BodyModel
from ..parametric.joint_limits import random_turns
from ..parametric.lbs import rotation_matrix
from ..parametric.smpl_joints import JOINTS

LEAST = 8e-3
"""Metres: keys that move no vertex as far as this within the joint's limits are left out."""
TURNS = 1000
"""Drawn of each joint."""


def body_correctives(
    model: BodyModel, names: Sequence[str] = JOINTS
) -> tuple[dict[str, Corrective], dict[str, np.ndarray]]:
    """What drives each corrective, and its displacement `[Vm, 3]`, by shape key name (`corrective_left_knee_1`, ...).

    `names` are what the bones of SMPL's joints are called.
    """
    drivers: dict[str, Corrective] = {}
    displacements: dict[str, np.ndarray] = {}
    posedirs = np.asarray(model.posedirs).reshape(len(JOINTS) - 1, 9, -1)
    for joint, bone, directions in zip(JOINTS[1:], names[1:], posedirs, strict=True):
        features, moved = principal_correctives(joint, directions)
        for k, (feature, displacement) in enumerate(zip(features, moved, strict=True), 1):
            drivers[f"corrective_{joint}_{k}"] = Corrective(bone, feature)
            displacements[f"corrective_{joint}_{k}"] = displacement
    return drivers, displacements


def principal_correctives(joint: str, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features `[K, 3, 3]` of a joint's keys and their displacements `[K, V, 3]`, of `directions` `[9, 3 V]`.

    A key's value, the sum of its feature * (R - I) where that is above 0, is 1 at most within the joint's limits.
    """
    turns = random_turns(joint, TURNS, np.random.default_rng(0))
    rotations = (rotation_matrix(turns) - np.eye(3)).reshape(-1, 9)
    axes, scatter, _ = np.linalg.svd(rotations.T @ rotations / TURNS)
    scatter = np.sqrt(np.maximum(scatter, 1e-9 * scatter[0]))
    spread = axes * scatter @ axes.T  # turns are, as far as sums of squares tell, unit normal vectors times this
    moved = spread @ directions
    mixed, _, _ = np.linalg.svd(moved @ moved.T)
    displacements = (mixed.T @ moved).reshape(9, -1, 3)
    features = np.linalg.solve(spread, mixed).T
    kept, moves = [], []
    for feature, displacement in zip(features, displacements, strict=True):
        for sign in (1, -1):
            most = (sign * rotations @ feature).max()
            if most * np.linalg.norm(displacement, axis=-1).max() >= LEAST:
                kept.append(sign * feature.reshape(3, 3) / most)
                moves.append(sign * displacement * most)
    return np.array(kept, np.float32), np.array(moves, np.float32)
