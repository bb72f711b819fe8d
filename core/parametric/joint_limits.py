"""How far SMPL's joints turn, of people who are no acrobats."""

import numpy as np

LIMITS = {
    "hip": ((-120, 30), (-40, 40), (-20, 55)),
    "knee": ((0, 140), (-15, 15), (-5, 5)),
    "ankle": ((-30, 45), (-20, 20), (-15, 15)),
    "foot": ((-50, 20), (-5, 5), (-5, 5)),
    "spine1": ((-20, 35), (-20, 20), (-20, 20)),
    "spine2": ((-15, 25), (-20, 20), (-15, 15)),
    "spine3": ((-15, 20), (-15, 15), (-10, 10)),
    "neck": ((-30, 30), (-35, 35), (-25, 25)),
    "head": ((-25, 25), (-35, 35), (-20, 20)),
    "collar": ((-10, 10), (-20, 15), (-10, 25)),
    "shoulder": ((-70, 70), (-110, 30), (-85, 70)),
    "elbow": ((-50, 50), (-145, 0), (-5, 5)),
    "wrist": ((-85, 85), (-25, 25), (-75, 70)),
    "hand": ((-10, 10), (-10, 10), (-80, 15)),
}
"""Degrees about x, y, z of the left or middle joint, from the T-pose; the right one's are mirrored."""
MIRRORED = np.array([1, -1, -1])
"""What a reflection in x does to an axis-angle."""


def limits(joint: str) -> tuple[np.ndarray, np.ndarray]:
    """Two opposite ends `[3]` of the axis-angle of one of SMPL's joints but the pelvis, in radians."""
    side, _, name = joint.partition("_")
    low, high = np.radians(LIMITS[name or side]).T
    return (low * MIRRORED, high * MIRRORED) if side == "right" else (low, high)


def random_turns(joint: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """`[count, 3]` radians within the joint's limits: now and then about one axis alone, so that each is seen to its
    end.
    """
    axes = rng.random((count, 3)) < rng.choice([0.4, 1.0], (count, 1))
    one, other = limits(joint)
    return (one + (other - one) * rng.random((count, 3))) * axes
