"""Poses the teacher's bodies by SMPL's 24 joints: what the body model has to reproduce with 24 bones and correctives.

The teacher's 104 bones follow the joint that they belong to; of a limb's twist the bones along it take their share, as
forearms do. Bones are blended as dual quaternions, which keep the volume of bent and twisted limbs where linear
blending loses it (Kavan et al., "Skinning with Dual Quaternions", 2007).
"""

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix
from scipy.spatial.transform import Rotation

from ...parametric.lbs import joint_transforms
from ...parametric.smpl_joints import INDEX, JOINTS, PARENTS
from .teacher import Bodies, Teacher

HEADS = {
    "pelvis": "root",
    "hip": "upperleg01",
    "knee": "lowerleg01",
    "ankle": "foot",
    "foot": "toe[1-5]-1",
    "spine1": "spine03",
    "spine2": "spine02",
    "spine3": "spine01",
    "neck": "neck01",
    "head": "head",
    "collar": "clavicle",
    "shoulder": "upperarm01",
    "elbow": "lowerarm01",
    "wrist": "wrist",
    "hand": "finger[2-5]-1",
}
"""Joint -> the bones whose beginning, in the mean, is its place."""
GROUPS = {
    "pelvis": "root|pelvis|spine05|spine04",
    "hip": "upperleg",
    "knee": "lowerleg",
    "ankle": "foot",
    "foot": "toe",
    "spine1": "spine03",
    "spine2": "spine02",
    "spine3": "spine01",
    "neck": "neck",
    "head": "head|eye",
    "collar": "clavicle|shoulder",
    "shoulder": "upperarm",
    "elbow": "lowerarm",
    "wrist": "wrist|metacarpal|finger1",
    "hand": "finger[2-5]",
}
"""Joint -> the bones that follow it; thumbs stay with the wrist."""
OWN_TWIST = {"upperarm01": 0.35, "upperleg01": 0.35, "neck01": 0.4}
"""Bone -> its share of its own joint's turn about the limb; others take all of it."""
NEXT_TWIST = {
    "lowerarm01": 0.2,
    "lowerarm02": 0.6,
    "lowerleg02": 0.4,
    "neck03": 0.3,
    "spine04": 0.3,
    "spine03": 0.3,
    "spine02": 0.3,
}
"""Bone -> its share of the next joint's turn about the limb."""
LIMB = {"hip": "knee", "knee": "ankle", "shoulder": "elbow", "elbow": "wrist", "neck": "head", "pelvis": "spine1",
        "spine1": "spine2", "spine2": "spine3"}  # fmt: skip
"""Joint -> the joint at the limb's other end."""
SPLAY = np.radians(1.5)
"""How far outward the ankle stands below the hip, as in SMPL's rest."""


def side(joint: str) -> tuple[str, str]:
    """('left_', 'knee') of 'left_knee', ('', 'head') of 'head'."""
    prefix = next((p for p in ("left_", "right_") if joint.startswith(p)), "")
    return prefix, joint.removeprefix(prefix)


def _bones(teacher: Teacher, joint: str, table: dict[str, str]) -> list[int]:
    prefix, name = side(joint)
    ending = {"left_": r".*\.L", "right_": r".*\.R", "": ".*"}[prefix]
    pattern = re.compile(f"(?:{table[name]}){ending}")
    return [index for index, bone in enumerate(teacher.bones) if pattern.fullmatch(bone)]


@dataclass(frozen=True)
class Rig:
    """How the teacher's bones hang on the 24 joints."""

    teacher: Teacher
    vertices: np.ndarray
    """[V] which of the teacher's vertices are posed."""

    @cached_property
    def joint_of(self) -> np.ndarray:
        """[104] the joint that each bone follows."""
        found = np.full(len(self.teacher.bones), -1)
        for index, name in enumerate(JOINTS):
            found[_bones(self.teacher, name, GROUPS)] = index
        return found

    @cached_property
    def _blend(self) -> csr_matrix:
        return csr_matrix(self.teacher.weights[self.vertices].astype(np.float32))

    def summed_weights(self) -> np.ndarray:
        """[V, 24] the bones' weights by joint."""
        summed = np.zeros((len(self.vertices), len(JOINTS)))
        np.add.at(summed.T, self.joint_of, self.teacher.weights[self.vertices].T)
        return summed

    def bending(self) -> np.ndarray:
        """[V, 23], 0..1: how much a turn of each joint but the root changes the form around a vertex, and not only
        its place. 1 where what the joint carries and what it does not meet half and half, or along a twisting limb.
        """
        below = np.eye(len(JOINTS))
        for joint in range(len(JOINTS) - 1, 0, -1):
            below[:, PARENTS[joint]] += below[:, joint]
        carried = (self.summed_weights() @ below)[:, 1:]
        twisted = np.zeros_like(carried)
        for bone, joint in enumerate(self.joint_of):
            share = self.teacher.weights[self.vertices, bone]
            stem = self.teacher.bones[bone].split(".")[0]
            if stem in OWN_TWIST:
                twisted[:, joint - 1] += share
            if stem in NEXT_TWIST:
                twisted[:, self._next(joint) - 1] += share
        return np.maximum(4 * carried * (1 - carried), twisted).clip(0, 1)

    @staticmethod
    def _next(joint: int) -> int:
        """The joint at the other end of a joint's limb."""
        prefix, name = side(JOINTS[joint])
        return INDEX[prefix + LIMB[name]]

    def joints(self, heads: np.ndarray) -> np.ndarray:
        """[24, 3] of the bones' beginnings [104, 3]."""
        return np.stack([heads[_bones(self.teacher, name, HEADS)].mean(0) for name in JOINTS])

    def rest(self, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World rotations [104, 3, 3] that bring one body's A-pose to SMPL's T-pose, and the heads there [104, 3]."""
        turned = self._t_pose(heads)
        places = np.zeros_like(heads)
        for bone, parent in enumerate(self.teacher.parents):
            if parent >= 0:
                places[bone] = places[parent] + turned[parent] @ (heads[bone] - heads[parent])
        return turned, places

    def _t_pose(self, heads: np.ndarray) -> np.ndarray:
        turned = np.tile(np.eye(3), (len(heads), 1, 1))
        joints = self.joints(heads)
        for prefix, sign in (("left_", 1), ("right_", -1)):
            at = {name: joints[INDEX[prefix + name]] for name in ("hip", "ankle", "shoulder", "elbow", "wrist", "hand")}
            leg = _frontal(at["ankle"] - at["hip"], sign)
            out = np.array([sign, 0.0, 0.0])
            upper = _shortest(at["elbow"] - at["shoulder"], out)
            lower = _shortest(upper @ (at["wrist"] - at["elbow"]), out) @ upper
            hand = _shortest(lower @ (at["hand"] - at["wrist"]), out) @ lower
            roll = self._roll(heads, prefix, hand)
            by_joint = {"hip": leg, "knee": leg, "shoulder": upper, "elbow": lower, "wrist": hand, "hand": hand}
            for name, rotation in by_joint.items():
                turned[_bones(self.teacher, prefix + name, GROUPS)] = rotation
            for bone, share in (("lowerarm01", 1 / 3), ("lowerarm02", 2 / 3)):
                index = self.teacher.bones.index(f"{bone}.{prefix[0].upper()}")
                turned[index] = _about(out, share * roll) @ lower
            for name in ("wrist", "hand"):
                turned[_bones(self.teacher, prefix + name, GROUPS)] = _about(out, roll) @ hand
        return turned

    def _roll(self, heads: np.ndarray, prefix: str, hand: np.ndarray) -> float:
        """The turn about the arm that lays the palm down: the knuckles in a row from front to back."""
        ending = prefix[0].upper()
        first, last = (heads[self.teacher.bones.index(f"finger{i}-1.{ending}")] for i in (2, 5))
        row = hand @ (first - last)
        angle = float(np.arctan2(row[1], row[2]))
        return angle if prefix == "left_" else -angle

    def stand(self, bodies: Bodies, index: int) -> "Standing":
        """One body in SMPL's T-pose, its pelvis at the origin."""
        heads = bodies.heads[index].astype(np.float64)
        turned, places = self.rest(heads)
        joints = self.joints(places)
        shift = places - joints[0] - (turned @ heads[..., None])[..., 0]
        points = bodies.vertices[index][self.vertices].astype(np.float64)
        skinned = dual_quaternion_skin(points, self._blend, self.teacher.parents, turned, shift)
        return Standing(skinned, joints - joints[0], points, turned, shift)

    def pose(self, body: "Standing", theta: np.ndarray, joints: np.ndarray | None = None) -> np.ndarray:
        """Vertices [V, 3] of a body posed by theta [24, 3] about its own joints or about others, [24, 3]."""
        moved = self.from_rest(body, theta, joints)
        return dual_quaternion_skin(body.points, self._blend, self.teacher.parents, *moved)

    def from_rest(
        self, body: "Standing", theta: np.ndarray, joints: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rotation [104, 3, 3] and translation [104, 3] of each bone from the A-pose to theta [24, 3]."""
        rotation, translation = self._motions(body.joints if joints is None else joints, theta)
        # Each bone first goes to the T-pose, then on with its joint.
        shift = (rotation @ body.translation[..., None])[..., 0] + translation
        return rotation @ body.rotation, shift

    def _motions(self, joints: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rotation [104, 3, 3] and translation [104, 3] of each bone from the T-pose."""
        local = Rotation.from_rotvec(theta)
        carried, moved = joint_transforms(joints, PARENTS, theta.astype(np.float64))
        rotation, translation = carried[self.joint_of], moved[self.joint_of]
        posed_joints = (carried @ joints[..., None])[..., 0] + moved
        for bone, name in enumerate(self.teacher.bones):
            stem = name.split(".")[0]
            joint = self.joint_of[bone]
            own, following = OWN_TWIST.get(stem), NEXT_TWIST.get(stem)
            if own is None and following is None:
                continue
            limb = self._next(joint)
            axis = _unit(joints[limb] - joints[joint])
            turned = carried[joint]
            if own is not None:
                turned = turned @ _about(axis, (own - 1) * _twist(local[joint], axis))
            if following is not None:
                turned = turned @ _about(axis, following * _twist(local[limb], axis))
            rotation[bone] = turned
            translation[bone] = posed_joints[joint] - turned @ joints[joint]
        return rotation, translation


@dataclass(frozen=True)
class Standing:
    """One body in SMPL's T-pose, its pelvis at the origin."""

    vertices: np.ndarray
    """[V, 3]."""
    joints: np.ndarray
    """[24, 3] where the teacher marks them."""
    points: np.ndarray
    """[V, 3] in the teacher's A-pose."""
    rotation: np.ndarray
    """[104, 3, 3] of each bone from the A-pose."""
    translation: np.ndarray
    """[104, 3]."""


def dual_quaternion_skin(
    points: np.ndarray, weights: csr_matrix, parents: np.ndarray, rotation: np.ndarray, translation: np.ndarray
) -> np.ndarray:
    """Points [V, 3] carried by bones' rotations [B, 3, 3] and translations [B, 3], weights [V, B]: [V, 3]."""
    real = np.roll(Rotation.from_matrix(rotation).as_quat(), 1, axis=1)
    for bone, parent in enumerate(parents):
        if parent >= 0 and real[bone] @ real[parent] < 0:
            real[bone] *= -1
    dual = 0.5 * _product(np.concatenate([np.zeros((len(real), 1)), translation], 1), real)
    blended = weights @ np.concatenate([real, dual], 1)
    blended /= np.linalg.norm(blended[:, :4], axis=1, keepdims=True)
    real, dual = blended[:, :4], blended[:, 4:]
    w, v = real[:, :1], real[:, 1:]
    shift = 2 * (w * dual[:, 1:] - dual[:, :1] * v + np.cross(v, dual[:, 1:]))
    return points + 2 * np.cross(v, np.cross(v, points) + w * points) + shift


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of quaternions [N, 4], real part first."""
    real = a[:, :1] * b[:, :1] - (a[:, 1:] * b[:, 1:]).sum(1, keepdims=True)
    return np.concatenate([real, a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + np.cross(a[:, 1:], b[:, 1:])], 1)


def _twist(rotation: Rotation, axis: np.ndarray) -> float:
    """The angle about `axis`, -pi..pi, of a rotation's part about it."""
    *vector, real = rotation.as_quat()
    angle = 2 * np.arctan2(np.dot(vector, axis), real)
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _about(axis: np.ndarray, angle: float) -> np.ndarray:
    return Rotation.from_rotvec(axis * angle).as_matrix()


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _shortest(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The rotation by the least angle from one direction to another."""
    a, b = _unit(start), _unit(end)
    return _about(_unit(np.cross(a, b) + 1e-12), float(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))


def _frontal(leg: np.ndarray, sign: int) -> np.ndarray:
    """The turn about z that sets a leg to stand `SPLAY` outward."""
    outward = np.arctan2(sign * leg[0], -leg[1])
    return _about(np.array([0.0, 0.0, 1.0]), sign * (SPLAY - outward))
