"""Brings captured motion onto a body of SMPL's 24 joints.

Each joint takes the source bone's rotation in the world, after the turn between the two rest poses: bones point where
the source's point, with the source's twist. The root moves as far as the legs are long.
"""

from dataclasses import replace

import numpy as np

from ..parametric.body_motion import BodyMotion
from ..parametric.lbs import rotation_matrix
from ..parametric.rotations import axis_angle_from_matrix, shortest_turn, slerp
from ..parametric.skeleton_motion import SkeletonMotion
from ..parametric.smpl_joints import INDEX, PARENTS
from .anatomy import SIDES, Anatomy, anatomy
from .soles import leveling, runs, touching

SPINE = ("spine1", "spine2", "spine3")
_LEG = ("hip", "knee", "ankle")
_SCALES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6)
"""Of people's legs."""
_ROUNDS = 3
_LEAST_WAY = 0.02
"""Metres: root mean square of the root's way while feet stand, of which its scale can be told."""


def retarget(motion: SkeletonMotion, joints: np.ndarray) -> BodyMotion:
    """`joints` `[24, 3]` metres: the body's joints at rest, in T-pose, +Y up, facing +Z.

    Source and body are taken to rest alike but for the directions of their limbs. Raises InputError for a skeleton that
    lacks what a body needs.
    """
    parts = anatomy(motion)
    upright = _upright(motion, parts)
    source = _Source(
        motion.rest @ upright.T, upright @ motion.rotations @ upright.T, motion.positions @ upright.T, parts
    )
    joints = joints.astype(np.float64)
    world = _trunk(source, joints)
    for side in SIDES:
        _arm(source, joints, world, side)
        _leg(source, joints, world, side)
    rotations = np.stack([world[j] for j in range(len(PARENTS))], 1)
    hips = [INDEX["left_hip"], INDEX["right_hip"]]
    middle = source.positions[:, [parts.limbs["left_hip"], parts.limbs["right_hip"]]].mean(1)
    scale = leg_length(joints) / source.leg_length()
    pelvis = scale * middle - rotations[:, 0] @ (joints[hips].mean(0) - joints[0])
    return BodyMotion(
        motion.fps,
        local_theta(rotations),
        (pelvis - joints[0]).astype(np.float32),
        source=motion.source,
        warnings=motion.warnings,
    )


def fit_stride(motion: BodyMotion, joints: np.ndarray) -> BodyMotion:
    """A motion of SMPL's joints from another body, whose size its file does not tell, on the body of `joints`.

    Rotations stay. The root's way is scaled so that feet stand still while they touch the floor, as often as they may;
    where no foot stands while the root moves, it stays too.
    """
    _, positions = replace(motion, translation=np.zeros_like(motion.translation)).posed(joints)
    feet = positions[:, [INDEX[f"{side}_foot"] for side in SIDES]]
    root = motion.translation.astype(np.float64)

    def stands(scale: float) -> np.ndarray:
        paths = (feet + scale * root[:, None])[:, :, None]
        turn, rise = leveling(paths, motion.fps)
        return touching(paths @ turn.T + (0, rise, 0), motion.fps)[..., 0]

    scale = max(_SCALES, key=lambda each: (int(stands(each).sum()), -abs(np.log(each))))
    for _ in range(_ROUNDS):
        ways, slips = _while_standing(stands(scale), root, feet)
        if not len(ways) or (ways**2).sum(1).mean() < _LEAST_WAY**2:
            return motion
        scale = float(np.clip(-(ways * slips).sum() / (ways**2).sum(), _SCALES[0], _SCALES[-1]))
    return replace(motion, translation=(scale * root).astype(np.float32))


def _while_standing(stands: np.ndarray, root: np.ndarray, feet: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ways of the root and of feet `[F, 2, 3]` from their means in each touch, one after the other, `[N, 3]`."""
    spans = [(slice(*span), foot) for foot in range(2) for span in runs(stands[:, foot])]
    ways = [root[span] - root[span].mean(0) for span, _ in spans]
    slips = [feet[span, foot] - feet[span, foot].mean(0) for span, foot in spans]
    return np.concatenate([np.zeros((0, 3)), *ways]), np.concatenate([np.zeros((0, 3)), *slips])


def leg_length(joints: np.ndarray) -> float:
    """Hip to knee to ankle, the mean of both legs, of SMPL's joints `[24, 3]`."""
    return _legs(joints, INDEX)


def local_theta(rotations: np.ndarray) -> np.ndarray:
    """World rotations `[F, 24, 3, 3]` to axis-angle to the parent `[F, 24, 3]`."""
    above = rotations[:, list(PARENTS)]
    above[:, 0] = np.eye(3)
    return axis_angle_from_matrix(np.swapaxes(above, -1, -2) @ rotations)


class _Source:
    """The captured skeleton, +Y up and facing +Z at rest."""

    def __init__(self, rest: np.ndarray, rotations: np.ndarray, positions: np.ndarray, parts: Anatomy) -> None:
        self.rest, self.rotations, self.positions, self.parts = rest, rotations, positions, parts

    def leg_length(self) -> float:
        return _legs(self.rest, self.parts.limbs)

    def limb(
        self, upper: str, lower: str, joints: np.ndarray, above: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """World rotations `[F, 3, 3]` of the body's bone from `upper` to `lower`, and the turn `[3, 3]` between the two
        rest poses that is in them: the least one on top of the turn of the bone `above`.
        """
        start, end = self.parts.limbs[upper], self.parts.limbs[lower]
        bone, above = joints[INDEX[lower]] - joints[INDEX[upper]], np.eye(3) if above is None else above
        rest = shortest_turn(above @ bone, self.rest[end] - self.rest[start]) @ above
        turned = self.rotations[:, start] @ rest
        # a limb of several bones, or one whose joints were moved apart, points elsewhere than its first bone
        points = (turned @ bone[:, None])[..., 0]
        return shortest_turn(points, self.positions[:, end] - self.positions[:, start]) @ turned, rest


def _legs(points: np.ndarray, index: dict[str, int]) -> float:
    legs = np.array([[points[index[f"{side}_{joint}"]] for joint in _LEG] for side in SIDES])
    return float(np.linalg.norm(np.diff(legs, axis=1), axis=-1).sum(1).mean())


def _upright(motion: SkeletonMotion, parts: Anatomy) -> np.ndarray:
    """The turn `[3, 3]` by right angles that has the source's rest pose stand along +Y and face +Z."""
    rest = motion.rest
    hips = rest[[parts.limbs["left_hip"], parts.limbs["right_hip"]]]
    up = _nearest_axis(rest[parts.head] - hips.mean(0))
    left = hips[0] - hips[1]
    left = _nearest_axis(left - up * (left @ up))
    return np.stack([left, up, np.cross(left, up)])


def _nearest_axis(vector: np.ndarray) -> np.ndarray:
    axis = np.zeros(3)
    largest = int(np.argmax(np.abs(vector)))
    axis[largest] = np.sign(vector[largest]) or 1.0
    return axis


def _trunk(source: _Source, joints: np.ndarray) -> dict[int, np.ndarray]:
    """World rotations of pelvis, spine, neck and head. Where the source has other vertebrae, each of the body's turns
    as the source does at the same share of the way up.
    """
    parts = source.parts
    pelvis, *above = parts.spine
    base = parts.neck[0] if parts.neck else parts.head
    world = {0: source.rotations[:, pelvis], INDEX["head"]: source.rotations[:, parts.head]}
    ours = _middles(joints[[0, *(INDEX[name] for name in SPINE), INDEX["neck"]]])[1:]
    theirs = _middles(source.rest[[*parts.spine, base]])[1:]
    turned = _along(theirs, source.rotations[:, above], world[0], ours)
    world |= {INDEX[name]: turned[:, i] for i, name in enumerate(SPINE)}
    # the arms hang on the chest, whose own rotation it has to be
    chest = world[INDEX["spine3"]] = source.rotations[:, parts.spine[-1]]
    if parts.neck:
        nodes = source.rotations[:, list(parts.neck)]
        middles = _middles(source.rest[[*parts.neck, parts.head]])
        world[INDEX["neck"]] = _along(middles, nodes, chest, np.array([0.5]))[:, 0]
    else:
        world[INDEX["neck"]] = slerp(chest, world[INDEX["head"]], np.full(len(chest), 0.5))
    return world


def _middles(points: np.ndarray) -> np.ndarray:
    """`[N + 1, 3]` along a chain: how far up the middle of each of its N bones is, 0..1."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    return (way[1:] + way[:-1]) / 2 / max(way[-1], 1e-9)


def _along(at: np.ndarray, rotations: np.ndarray, first: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Rotations `[F, N, 3, 3]` that are known `at` `[N]` and at 0 (`first`), at the places that are `wanted` `[M]`."""
    at, rotations = np.concatenate([[0.0], at]), np.concatenate([first[:, None], rotations], 1)
    high = np.clip(np.searchsorted(at, wanted), 1, max(len(at) - 1, 1)) if len(at) > 1 else np.zeros(len(wanted), int)
    low = np.maximum(high - 1, 0)
    share = np.clip((wanted - at[low]) / np.maximum(at[high] - at[low], 1e-9), 0, 1)
    return slerp(rotations[:, low], rotations[:, high], np.broadcast_to(share, (len(rotations), len(wanted))))


def _arm(source: _Source, joints: np.ndarray, world: dict[int, np.ndarray], side: str) -> None:
    limbs = source.parts.limbs
    collar, shoulder, elbow, wrist, hand = (
        f"{side}_{name}" for name in ("collar", "shoulder", "elbow", "wrist", "hand")
    )
    chest = world[INDEX["spine3"]]
    world[INDEX[collar]] = source.rotations[:, limbs[collar]] if collar in limbs else chest
    world[INDEX[shoulder]], rest = source.limb(shoulder, elbow, joints)
    world[INDEX[elbow]], rest = source.limb(elbow, wrist, joints, rest)
    if hand in limbs:
        world[INDEX[wrist]], _ = source.limb(wrist, hand, joints, rest)
    else:
        world[INDEX[wrist]] = source.rotations[:, limbs[wrist]] @ rest
    world[INDEX[hand]] = world[INDEX[wrist]]


def _leg(source: _Source, joints: np.ndarray, world: dict[int, np.ndarray], side: str) -> None:
    """Feet rest flat on both skeletons, however high their joints are: they are turned with the shin and to the side,
    not up or down.
    """
    limbs = source.parts.limbs
    hip, knee, ankle, foot = (f"{side}_{name}" for name in ("hip", "knee", "ankle", "foot"))
    world[INDEX[hip]], rest = source.limb(hip, knee, joints)
    world[INDEX[knee]], rest = source.limb(knee, ankle, joints, rest)
    world[INDEX[ankle]] = world[INDEX[foot]] = source.rotations[:, limbs[ankle]] @ rest
    if foot in limbs:
        theirs = rest.T @ (source.rest[limbs[foot]] - source.rest[limbs[ankle]])
        ours = joints[INDEX[foot]] - joints[INDEX[ankle]]
        heading = np.arctan2(theirs[0], theirs[2]) - np.arctan2(ours[0], ours[2])
        rest = rest @ rotation_matrix(np.array([0.0, heading, 0.0]))
        world[INDEX[ankle]] = source.rotations[:, limbs[ankle]] @ rest
        world[INDEX[foot]] = source.rotations[:, limbs[foot]] @ rest
