"""Finds the parts of a human body in a captured skeleton: limbs by their bones' names, the rest by where it lies.

Names as CMU, Mixamo, MotionBuilder, Blender and Rigify, MakeHuman, Unreal, VRM, 3ds Max and SMPL have them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np

from ..errors import InputError
from ..parametric.skeleton_motion import SkeletonMotion

SIDES = ("left", "right")
_NAMES = {
    "hip": ("upleg", "upperleg", "thigh", "thighbend", "hip"),
    "knee": ("leg", "lowerleg", "lowleg", "shin", "calf", "knee"),
    "ankle": ("ankle", "foot"),
    "shoulder": ("arm", "upperarm", "uparm", "shldr", "shldrbend", "shoulder"),
    "elbow": ("forearm", "lowerarm", "lowarm", "elbow", "forearmbend"),
    "wrist": ("wrist", "hand"),
}
"""The first name that a skeleton has counts: where it has wrists, hands are fingers, and so on."""
_SHORTEST = 0.01
"""Metres; a limb's bone is longer."""
_CHAINS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
_PREFIX = re.compile(r"^(mixamorig\d*|def|org|bip\d*|valvebiped|j_bip|character\d*)[\W_]+", re.IGNORECASE)
_SIDED = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?i:(?P<side>left|right)[\W_]*(?P<rest>.+))",
        r"(?i:(?P<side>[lr])[\W_]+(?P<rest>.+))",
        r"(?P<side>[lLrR])(?P<rest>[A-Z].+)",
        r"(?i:(?P<rest>.+?)[\W_]*(?P<side>left|right))",
        r"(?i:(?P<rest>.+?)[\W_]+(?P<side>[lr]))",
    )
)
"""LeftArm, L_Arm, LArm, ArmLeft, Arm.L."""


@dataclass(frozen=True)
class Anatomy:
    """Indices of nodes of a SkeletonMotion."""

    limbs: dict[str, int]
    """By SMPL's names: hips, knees, ankles, shoulders, elbows, wrists; feet, hands and collars where there are any."""
    spine: tuple[int, ...]
    """From the pelvis to the chest, which carries the arms."""
    neck: tuple[int, ...]
    """Between chest and head, which are not in it."""
    head: int


def anatomy(motion: SkeletonMotion) -> Anatomy:
    """Raises InputError that says which of the bones that a body needs are missing."""
    found: dict[tuple[str, str], int] = {}
    for node, name in enumerate(motion.names):
        found.setdefault(plain(name), node)
    limbs = {
        f"{side}_{joint}": next(found[side, name] for name in names if (side, name) in found)
        for side in SIDES
        for joint, names in _NAMES.items()
        if any((side, name) in found for name in names)
    }
    head = found.get(("", "head"))
    missing = [f"{side} {joint}" for joint in _NAMES for side in SIDES if f"{side}_{joint}" not in limbs]
    missing += ["head"] if head is None else []
    if head is None or missing:
        known = [name for name in motion.names if not name.endswith(" end")]
        raise InputError(
            f"{motion.source} lacks bones that a body needs: {', '.join(missing)} (its bones: {_some(known)})."
        )
    _check_limbs(motion, limbs)
    pelvis = _fork(motion, (limbs["left_hip"], limbs["right_hip"], head))
    chest = _fork(motion, (limbs["left_shoulder"], limbs["right_shoulder"], head))
    for side in SIDES:
        collar = [n for n in motion.path(limbs[f"{side}_shoulder"])[:-1] if n not in motion.path(chest)]
        extra = {"collar": collar[-1:], "foot": _tip(motion, limbs[f"{side}_ankle"])}
        extra["hand"] = _tip(motion, limbs[f"{side}_wrist"])
        limbs |= {f"{side}_{joint}": nodes[0] for joint, nodes in extra.items() if nodes}
    spine = [node for node in motion.path(chest) if node == pelvis or pelvis in motion.path(node)]
    neck = [node for node in motion.path(head)[:-1] if node not in motion.path(chest)]
    return Anatomy(limbs, tuple(spine), tuple(neck), head)


def _check_limbs(motion: SkeletonMotion, limbs: dict[str, int]) -> None:
    for side, chain in product(SIDES, _CHAINS):
        for upper, lower in pairwise(chain):
            above, below = limbs[f"{side}_{upper}"], limbs[f"{side}_{lower}"]
            if above not in motion.path(below)[:-1]:
                raise InputError(f"{motion.source} has a {side} {lower} that does not hang on the {side} {upper}.")
            if not np.linalg.norm(motion.rest[below] - motion.rest[above]) > _SHORTEST:
                raise InputError(f"{motion.source} has no length between the {side} {upper} and {lower}.")


def plain(name: str) -> tuple[str, str]:
    """Side ("left", "right" or "") and name without prefix, case and number: `mixamorig:LeftUpLeg` is left, upleg."""
    name = _PREFIX.sub("", name.rsplit(":", 1)[-1].strip())
    match = next(filter(None, (pattern.fullmatch(name) for pattern in _SIDED)), None)
    side = {"l": "left", "r": "right"}[match["side"][0].lower()] if match else ""
    rest = match["rest"] if match else name
    return side, re.sub(r"0*1?$", "", re.sub(r"[\W_]", "", rest.lower()))


def _fork(motion: SkeletonMotion, nodes: Iterable[int]) -> int:
    """The last node that is on the path to each of these."""
    paths = [motion.path(node) for node in nodes]
    return [same[0] for same in zip(*paths, strict=False) if len(set(same)) == 1][-1]


def _tip(motion: SkeletonMotion, node: int) -> list[int]:
    """Where the bone from this node ends: the farthest of its children, which may be the end of a bone."""
    away = {c: float(np.linalg.norm(motion.rest[c] - motion.rest[node])) for c in motion.children(node)}
    return [max(away, key=lambda c: away[c])] if away and max(away.values()) > 0 else []


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
