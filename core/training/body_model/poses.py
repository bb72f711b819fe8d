"""Poses to learn from and to test with: random ones within the joints' limits, and MakeHuman's authored ones (CC0)."""

from pathlib import Path

import numpy as np

from ...bodies.retarget import local_theta
from ...errors import InputError
from ...parametric.bvh import read_bvh
from ...parametric.joint_limits import LIMITS, MIRRORED
from ...parametric.skeleton_motion import SkeletonMotion
from ...parametric.smpl_joints import INDEX, JOINTS
from .posing import Rig, side

MIRRORED_JOINTS = np.array(
    [INDEX[{"left_": "right_", "right_": "left_", "": ""}[side(name)[0]] + side(name)[1]] for name in JOINTS]
)
"""[24] the joint on the other side."""
UPRIGHT = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
"""From z up to +Y up."""
LEADERS = {
    "pelvis": "root",
    "hip": "upperleg02",
    "knee": "lowerleg02",
    "ankle": "foot",
    "foot": "toe3-1",
    "spine1": "spine03",
    "spine2": "spine02",
    "spine3": "spine01",
    "neck": "neck03",
    "head": "head",
    "collar": "clavicle",
    "shoulder": "upperarm02",
    "elbow": "lowerarm02",
    "wrist": "wrist",
    "hand": "finger3-1",
}
"""Joint -> the bone whose direction an authored pose gives it."""


def random_theta(rng: np.random.Generator) -> np.ndarray:
    """[24, 3] radians: about half of the joints turn, anywhere within their limits."""
    theta = np.zeros((len(JOINTS), 3))
    for index, joint in enumerate(JOINTS):
        prefix, name = side(joint)
        if name in LIMITS and rng.random() < 0.5:
            low, high = np.radians(LIMITS[name]).T
            # A turn about one axis alone now and then, so that each is seen to its end.
            axes = rng.random(3) < rng.choice([0.4, 1.0])
            theta[index] = rng.uniform(low, high) * axes * (MIRRORED if prefix == "right_" else 1)
    return theta


def theta_of(**degrees: tuple[float, float, float]) -> np.ndarray:
    """[24, 3] radians of joints named with their axis-angle in degrees; others are still."""
    theta = np.zeros((len(JOINTS), 3))
    for joint, turn in degrees.items():
        theta[INDEX[joint]] = np.radians(turn)
    return theta


def authored_poses(data: Path, rig: Rig) -> dict[str, np.ndarray]:
    """MakeHuman's single-frame poses by name, as theta [24, 3]. Raises InputError when they are not there."""
    folder = data / "makehuman" / "poses"
    files = sorted(folder.glob("*.bvh"))
    if not files:
        raise InputError(f"{folder} is not there; give the folder that holds makehuman/ with --data.")
    middle = rig.teacher.bodies(np.full((1, 11), 0.5)).heads[0]
    to_t_pose = rig.rest(middle)[0]
    return {file.stem: _theta(read_bvh(file), rig, to_t_pose) for file in files}


def _theta(motion: SkeletonMotion, rig: Rig, to_t_pose: np.ndarray) -> np.ndarray:
    """[24, 3] of the first frame, of a file with z up and the teacher's A-pose as its rest."""
    turned = []
    for joint in JOINTS:
        prefix, name = side(joint)
        bone = LEADERS[name] + {"left_": ".L", "right_": ".R", "": ""}[prefix]
        world = UPRIGHT @ motion.rotations[0, motion.names.index(bone)] @ UPRIGHT.T
        turned.append(world @ to_t_pose[rig.teacher.bones.index(bone)].T)
    return local_theta(np.stack(turned)[None])[0]
