"""What is learned of the teacher's bodies: shape basis, joint regressor, skinning weights, pose correctives."""

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from ...parametric import lbs
from ...parametric.body import POSE_FEATURES
from ...parametric.smpl_joints import JOINTS, PARENTS
from .poses import MIRRORED_JOINTS
from .posing import Rig, Standing

INFLUENCES = 4
NEIGHBOURS = 1000
"""Vertices around a joint that may place it."""
RIDGE = 1e-3
REACH = 0.03
"""Of `Rig.bending`: where a joint bends less, its share in the correctives fades out."""
DAMPING = 0.2
"""Beside the squares of the blended rotations, which are 1 where a limb is straight."""
REFLECT = np.array([-1, 1, 1])


def mirror_of(template: np.ndarray) -> np.ndarray:
    """[V] the vertex at each vertex's mirror image."""
    return cKDTree(template).query(template * REFLECT)[1]


def shape_basis(samples: np.ndarray, count: int, shown: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean [V, 3] and principal components [V, 3, count] of samples [N, V, 3], one standard deviation each.

    The components are those of the first `shown` vertices; the rest follow. The positive sense is the taller body.
    """
    mean = samples.mean(0, dtype=np.float64)
    offsets = (samples - mean.astype(np.float32)).reshape(len(samples), -1)
    seen = offsets[:, : 3 * shown]
    values, vectors = np.linalg.eigh((seen @ seen.T).astype(np.float64))
    chosen = vectors[:, np.argsort(values)[::-1][:count]]
    components = (chosen.T.astype(np.float32) @ offsets / np.sqrt(len(samples))).reshape(count, -1, 3)
    top = mean[:shown, 1].argmax()
    components *= np.where(components[:, top, 1] < 0, -1, 1)[:, None, None]
    return mean, components.transpose(1, 2, 0)


def joint_regressor(samples: np.ndarray, joints: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """[24, V] non-negative rows that sum to 1 and place the joints [N, 24, 3] of samples [N, V, 3] (sparse: few
    vertices of those around a joint are needed); left and right are mirror images.
    """
    rows = np.zeros((len(JOINTS), samples.shape[1]))
    mean, places = samples.mean(0), joints.mean(0)
    for joint in range(len(JOINTS)):
        near = np.argsort(np.linalg.norm(mean - places[joint], axis=1))[:NEIGHBOURS]
        away = (samples[:, near] - joints[:, joint, None]).transpose(0, 2, 1).reshape(-1, len(near))
        heavy = 10 * np.sqrt(len(away))
        row, _ = nnls(np.concatenate([away, np.full((1, len(near)), heavy)]), np.append(np.zeros(len(away)), heavy))
        rows[joint, near] = row / row.sum()
    return (rows + rows[MIRRORED_JOINTS][:, mirror]) / 2


def skinning_weights(summed: np.ndarray, mirror: np.ndarray | None) -> np.ndarray:
    """[V, 24] of at most four influences, made symmetric where `mirror` is given."""
    weights = summed if mirror is None else (summed + summed[mirror][:, MIRRORED_JOINTS]) / 2
    # Strictly above the fifth: of two mirrored joints that tie for the fourth place on the midline, neither is kept.
    fifth = np.sort(weights, 1)[:, -INFLUENCES - 1, None]
    kept = np.where(weights > fifth, weights, 0)
    return kept / kept.sum(1, keepdims=True)


class Correctives:
    """Ridge regression of what skinning leaves of the teacher's posed bodies on the turns of the joints nearby."""

    def __init__(self, rig: Rig, weights: np.ndarray) -> None:
        self.rig, self.weights = rig, weights
        self.gram = np.zeros((POSE_FEATURES, POSE_FEATURES))
        self.moment = np.zeros((POSE_FEATURES, weights.shape[0] * 3))
        self.seen = 0

    def learn(self, body: Standing, joints: np.ndarray, theta: np.ndarray) -> None:
        """See one body posed about its joints [24, 3]."""
        feature = lbs.pose_feature(theta)
        self.gram += np.outer(feature, feature)
        left = left_over(body.vertices, self.rig.pose(body, theta, joints), joints, self.weights, theta)
        self.moment += feature[:, None] * left.ravel()
        self.seen += 1

    def solve(self) -> np.ndarray:
        """posedirs [207, 3 V]. A joint's ridge rises without bound where it bends nothing: were it cut off at some
        weight instead, a step would be seen there, and joints far away would stand in for what is not linear.
        """
        bending = self.rig.bending()
        near = bending > REACH / 30
        patterns, which = np.unique(near, axis=0, return_inverse=True)
        out = np.zeros((POSE_FEATURES, len(near), 3))
        moment = self.moment.reshape(out.shape)
        for number, pattern in enumerate(patterns):
            rows, columns = np.flatnonzero(np.repeat(pattern, 9)), np.flatnonzero(which.ravel() == number)
            ridge = RIDGE * self.seen * (1 + (REACH / bending[np.ix_(columns, pattern)]) ** 2)
            gram = self.gram[np.ix_(rows, rows)] + np.repeat(ridge, 9, axis=1)[:, :, None] * np.eye(len(rows))
            found = np.linalg.solve(gram, moment[np.ix_(rows, columns)].transpose(1, 0, 2))
            out[np.ix_(rows, columns)] = found.transpose(1, 0, 2)
        return out.reshape(POSE_FEATURES, -1)


def left_over(
    rest: np.ndarray, posed: np.ndarray, joints: np.ndarray, weights: np.ndarray, theta: np.ndarray
) -> np.ndarray:
    """[V, 3] what linear skinning of `rest` leaves of `posed`, before the skinning that would carry it.

    Where a joint bends far, blended rotations hardly reach some directions; undone exactly, they would ask for
    displacements so large that half-bent limbs, where correctives are a mixture of those, had steps.
    """
    rotation, translation = lbs.joint_transforms(joints, PARENTS, theta)
    blended = (weights @ rotation.reshape(len(joints), 9)).reshape(-1, 3, 3)
    left = posed - (blended @ rest[..., None])[..., 0] - weights @ translation
    back = blended.transpose(0, 2, 1)
    return np.linalg.solve(back @ blended + DAMPING * np.eye(3), back @ left[..., None])[..., 0]


def symmetric_correctives(posedirs: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The mean of posedirs [207, 3 V] and of what they become in a mirror."""
    table = posedirs.reshape(len(JOINTS) - 1, 3, 3, -1, 3)
    flipped = table[MIRRORED_JOINTS[1:] - 1] * np.outer(REFLECT, REFLECT)[:, :, None, None]
    return ((table + flipped[:, :, :, mirror] * REFLECT) / 2).reshape(posedirs.shape)
