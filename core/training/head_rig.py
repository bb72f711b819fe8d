"""Joints and skinning weights of the mean head."""

from dataclasses import dataclass

import numpy as np

from ..geometry.smoothstep import smoothstep
from ..parametric import lbs
from .head_assembly import Assembled
from .ict import VERTICES, IctModel

PARENTS = (-1, 0, 1, 1, 1)
JAW, LEFT_EYE, RIGHT_EYE = 2, 3, 4


@dataclass(frozen=True)
class Rig:
    """Joints and weights of the mean head."""

    joints: np.ndarray
    """[5, 3] metres."""
    parents: tuple[int, ...]
    weights: np.ndarray
    """[V, 5]."""
    jaw_open: np.ndarray
    """[3] axis-angle of the jaw at jawOpen = 1."""

    def posed(self, vertices: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Skinning alone, no correctives."""
        return lbs.skin(vertices, self.joints, self.parents, self.weights, theta)

    def unposed(self, displacement: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """A displacement [V, 3] of posed vertices, before the skinning that would carry it."""
        rotation, _ = lbs.joint_transforms(self.joints, self.parents, theta)
        blended = np.einsum("vj,jab->vab", self.weights, rotation)
        return np.linalg.solve(blended, displacement[..., None])[..., 0]


def build_rig(ict: IctModel, head: Assembled, jaw_open: np.ndarray) -> Rig:
    """Joints and skinning weights. The jaw's axis and angle are those of the teacher's lower teeth."""
    teeth = slice(*VERTICES["lower_teeth"])
    before = ict.neutral[teeth]
    rotation, shift = rigid_motion(before, before + ict.expression[ict.expression_index("jawOpen")][teeth])
    angle = np.arctan2(rotation[2, 1], rotation[1, 1])
    jaw = np.zeros(3)
    jaw[1:] = np.linalg.solve((np.eye(3) - rotation)[1:, 1:], shift[1:])
    eyes = [head.rest[head.part(f"{side}_eye")] for side in ("left", "right")]
    # The front pole comes first and the back pole last: their mean is the eyeball's centre.
    centres = [(eye[1:41].mean(0) * [1, 1, 0]) + [0, 0, eye[-1, 2] + np.ptp(eye[:, 0]) / 2] for eye in eyes]
    joints = np.array([[0, -0.17, -0.03], [0, -0.125, -0.035], jaw, *centres])
    weights = np.zeros((len(head.rest), 5))
    neck = smoothstep(_tilted_height(head.rest), -0.175, -0.115)
    share = jaw_weights(head.rest, jaw_open, jaw, rotation)
    for name, fixed in {"teeth_lower": 1, "gums_lower": 1, "teeth_upper": 0, "lashes": 0}.items():
        share[head.part(name)] = fixed
    for joint, side in ((3, "left"), (4, "right")):
        for piece in ("eye", "cornea"):
            mine = head.part(f"{side}_{piece}")
            weights[mine, joint] = 1
            share[mine] = 0
    weights[:, JAW] = (share + share[head.mirror]) / 2 * neck
    weights[:, 1] = neck * (1 - weights[:, 2:].sum(1))
    weights[:, 0] = 1 - weights[:, 1:].sum(1)
    return Rig(joints, PARENTS, weights, np.array([angle, 0, 0]))


def rigid_motion(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation [3, 3] and translation [3] that best carry `before` to `after` (Kabsch)."""
    a, b = before.mean(0), after.mean(0)
    u, _, v = np.linalg.svd((before - a).T @ (after - b))
    rotation = (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ v))]) @ v).T
    return rotation, b - rotation @ a


def jaw_weights(rest: np.ndarray, jaw_open: np.ndarray, joint: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """[V] share of the jaw's rotation in the teacher's jawOpen displacement [V, 3], 0..1 (least squares)."""
    turned = (rest - joint) @ rotation.T + joint - rest
    trust = (2e-3) ** 2
    return np.clip((jaw_open * turned).sum(1) / ((turned**2).sum(1) + trust), 0, 1)


def joint_regressor(head: Assembled, rig: Rig) -> np.ndarray:
    """[5, V]: each joint an affine combination of vertices around it, the one of least norm."""
    rest, skin = head.rest, head.part("skin")
    jaw = rig.joints[JAW]
    near_jaw = skin & (np.abs(rest[:, 0]) > 0.05) & (np.linalg.norm((rest - jaw)[:, 1:], axis=1) < 0.03)
    height = _tilted_height(rest)
    around = [skin & (height < -0.165), skin & (np.abs(height + 0.14) < 0.02), near_jaw]
    around += [head.part("left_eye"), head.part("right_eye")]
    regressor = np.zeros((5, len(rest)))
    for row, joint, chosen in zip(regressor, rig.joints, around, strict=True):
        index = np.flatnonzero(chosen)
        system = np.concatenate([rest[index].T, np.ones((1, len(index)))])
        mean = np.full(len(index), 1 / len(index))
        row[index] = mean + np.linalg.lstsq(system, np.append(joint, 1) - system @ mean, rcond=None)[0]
    return regressor


def head_share(rest: np.ndarray) -> np.ndarray:
    """Which part of the neck joint's weight rides on the skull."""
    return smoothstep(_tilted_height(rest), -0.10, -0.05)


def _tilted_height(points: np.ndarray) -> np.ndarray:
    """Height along a neck that leans forward: chin and nape of one height move alike."""
    return points[:, 1] + 0.45 * points[:, 2]
