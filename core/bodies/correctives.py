"""Pose correctives of a body as shape keys that bones drive: the few of each joint that matter.

A joint's correctives are linear in the nine numbers of R - I. Turns within its limits, and how they displace the skin,
lie near few directions of these nine: the principal components of the displacements over such turns, which are the best
for any number of keys. Each component is a key, and what drives it is linear in R - I too.
"""

from collections.abc import Sequence

import numpy as np

from ..avatar import Corrective
from ..parametric.body import BodyModel
from ..parametric.joint_limits import random_turns
from ..parametric.lbs import rotation_matrix
from ..parametric.smpl_joints import JOINTS

LEAST = 2e-3
"""Metres: root mean square over the turns of how far a key moves the vertex that it moves most; keys that move less
are left out."""
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
            drivers[f"corrective_{joint}_{k}"] = Corrective(bone, feature, (-1.0, 1.0))
            displacements[f"corrective_{joint}_{k}"] = displacement
    return drivers, displacements


def principal_correctives(joint: str, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features `[K, 3, 3]` of a joint's keys and their displacements `[K, V, 3]`, of `directions` `[9, 3 V]`.

    A key's value, the sum of its feature * (R - I), is within -1 and 1 for turns within the joint's limits.
    """
    turns = random_turns(joint, TURNS, np.random.default_rng(0))
    rotations = (rotation_matrix(turns) - np.eye(3)).reshape(-1, 9)
    scatter, axes = np.linalg.eigh(rotations.T @ rotations / TURNS)
    scatter = np.sqrt(np.maximum(scatter, 1e-9 * scatter[-1]))
    spread = axes * scatter @ axes.T  # turns are, as far as sums of squares tell, unit normal vectors times this
    moved = spread @ directions
    energy, mixed = np.linalg.eigh(moved @ moved.T)
    mixed = mixed[:, np.argsort(-energy)]
    displacements = (mixed.T @ moved).reshape(9, -1, 3)
    features = np.linalg.solve(spread, mixed)
    values = rotations @ features
    largest = values[np.abs(values).argmax(0), np.arange(9)]  # its sign too: keys are positive where they do most
    kept = np.linalg.norm(displacements, axis=-1).max(1) >= LEAST
    features = (features / largest).T.reshape(9, 3, 3)
    return features[kept].astype(np.float32), (displacements * largest[:, None, None])[kept].astype(np.float32)
