"""Keeps feet on the floor: what touches it stays where it is, and nothing goes below.

Points of the sole that touch are held at their usual place in that touch, let go and taken up softly. Feet are turned
so that heel and ball lie where they are held, legs follow by two-bone inverse kinematics, and the pelvis sinks where a
leg is too short.
"""

from dataclasses import replace

import numpy as np

from ..parametric.body_motion import BodyMotion
from ..parametric.lbs import rotation_matrix
from ..parametric.rotations import axis_angle_from_matrix, shortest_turn
from ..parametric.smpl_joints import INDEX
from .anatomy import SIDES
from .retarget import local_theta
from .soles import BALL, HEEL, TIP, leveling, runs, smoothed, sole_paths, soles, touching

SOFT = 0.2
"""Seconds in which a foot is taken up and let go."""
_DRIFT = 0.06
"""Metres; a point that is farther than this from where its touch began has moved on."""
_STRAIGHT, _STRETCHED = 0.985, 0.999
"""Shares of its length to which a leg is stretched, before the pelvis sinks and at most; knees would snap in between.
Legs that the motion stretches farther stay as they are.
"""
_SINK = 0.05
"""Seconds: standard deviation of the smoothing of the pelvis' sinking."""


def level(motion: BodyMotion, joints: np.ndarray, ground: float | None = None) -> BodyMotion:
    """The motion turned and raised as a whole, so that its floor is y = 0.

    `joints` `[24, 3]` metres, the body's at rest; `ground`, the height of its soles there (see `soles`).
    """
    joints = joints.astype(np.float64)
    rotations, positions = motion.posed(joints)
    turn, rise = leveling(sole_paths(rotations, positions, joints, soles(joints, ground)), motion.fps)
    theta = motion.theta.copy()
    theta[:, 0] = axis_angle_from_matrix(turn @ rotations[:, 0])
    pelvis = positions[:, 0] @ turn.T + (0, rise, 0)
    return replace(motion, theta=theta, translation=(pelvis - joints[0]).astype(np.float32))


def plant_feet(motion: BodyMotion, joints: np.ndarray, ground: float | None = None) -> BodyMotion:
    """The motion, made `level`, with its feet on the floor."""
    joints = joints.astype(np.float64)
    points = soles(joints, ground)
    rotations, positions = level(motion, joints, ground).posed(joints)
    paths = sole_paths(rotations, positions, joints, points)
    feet = [_Foot(s, joints, points[s], rotations, paths[:, s], motion.fps) for s in range(2)]
    positions = positions - _sinking(feet, positions, motion.fps)
    for foot in feet:
        foot.reach(rotations, positions)
        foot.lift_toes(rotations)
    translation = (positions[:, 0] - joints[0]).astype(np.float32)
    return replace(motion, theta=local_theta(rotations), translation=translation)


class _Foot:
    """One foot: where its ankle has to be and how the foot has to be turned."""

    def __init__(
        self,
        side: int,
        joints: np.ndarray,
        points: np.ndarray,
        rotations: np.ndarray,
        paths: np.ndarray,
        fps: float,
    ) -> None:
        names = ("hip", "knee", "ankle", "foot")
        self.hip, self.knee, self.ankle, self.toes = (INDEX[f"{SIDES[side]}_{name}"] for name in names)
        self.local = points - joints[self.ankle]
        self.toe_tip = points[TIP] - joints[self.toes]
        self.toes_from_ankle = joints[self.toes] - joints[self.ankle]
        touches = touching(paths[:, [HEEL, BALL]], fps)
        heel, self.heel_held = _held(paths[:, HEEL], touches[:, 0], fps)
        ball, self.ball_held = _held(paths[:, BALL], touches[:, 1], fps)
        self.turned = self._turned(rotations[:, self.ankle], heel, ball)
        self.place = self._place(heel, ball)

    def _turned(self, rotation: np.ndarray, heel: np.ndarray, ball: np.ndarray) -> np.ndarray:
        """The foot's rotation `[F, 3, 3]` that points from `heel` to `ball`, level across where both are held."""
        forward = (rotation @ (self.local[BALL] - self.local[HEEL])[:, None])[..., 0]
        rotation = shortest_turn(forward, ball - heel) @ rotation
        across = rotation[..., 0]
        axis = (ball - heel) / np.linalg.norm(ball - heel, axis=-1, keepdims=True)
        flat = np.cross([0.0, 1.0, 0.0], axis)
        roll = np.arctan2((np.cross(across, flat) * axis).sum(-1), (across * flat).sum(-1))
        return rotation_matrix(axis * (roll * np.minimum(self.heel_held, self.ball_held))[:, None]) @ rotation

    def _place(self, heel: np.ndarray, ball: np.ndarray) -> np.ndarray:
        """The ankle `[F, 3]`: by what is held, by the ball where both are; not so low that the sole is below y = 0."""
        below = np.stack([(self.turned @ self.local[p][:, None])[..., 0] for p in (HEEL, BALL)], 1)
        by_ball = self.ball_held / np.maximum(self.ball_held + self.heel_held * (1 - self.ball_held), 1e-6)
        by_ball = np.where(self.ball_held + self.heel_held > 1e-6, by_ball, 0.5)[:, None]
        place = by_ball * (ball - below[:, 1]) + (1 - by_ball) * (heel - below[:, 0])
        place[:, 1] -= np.minimum((place[:, None] + below)[..., 1].min(1), 0)
        return place

    def reach(self, rotations: np.ndarray, positions: np.ndarray) -> None:
        """Bend the leg so that the ankle is in its place, in the plane in which it was bent."""
        hip, thigh = positions[:, self.hip], positions[:, self.knee] - positions[:, self.hip]
        shin = positions[:, self.ankle] - positions[:, self.knee]
        lengths = np.linalg.norm(thigh[0]), np.linalg.norm(shin[0])
        # a stretched leg bends about the thigh's own side
        normal = np.cross(thigh, shin) / (lengths[0] * lengths[1]) + 0.05 * rotations[:, self.hip, :, 0]
        normal -= (normal * thigh).sum(-1, keepdims=True) * thigh / lengths[0] ** 2
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        bent = np.arctan2((np.cross(thigh, shin) * normal).sum(-1), (thigh * shin).sum(-1))
        wanted = self.place - hip
        distance = np.clip(np.linalg.norm(wanted, axis=-1), 0.2 * sum(lengths), _STRETCHED * sum(lengths))
        cosine = (distance**2 - lengths[0] ** 2 - lengths[1] ** 2) / (2 * lengths[0] * lengths[1])
        flex = rotation_matrix(normal * (np.arccos(np.clip(cosine, -1, 1)) - bent)[:, None])
        turn = shortest_turn(thigh + (flex @ shin[..., None])[..., 0], wanted)
        rotations[:, self.knee] = turn @ flex @ rotations[:, self.knee]
        rotations[:, self.hip] = turn @ rotations[:, self.hip]
        toes = np.swapaxes(rotations[:, self.ankle], -1, -2) @ rotations[:, self.toes]
        rotations[:, self.ankle] = self.turned
        rotations[:, self.toes] = self.turned @ toes

    def lift_toes(self, rotations: np.ndarray) -> None:
        """Bend the toes up where their tip would be below y = 0."""
        toes = self.place + (self.turned @ self.toes_from_ankle[:, None])[..., 0]
        tip = (rotations[:, self.toes] @ self.toe_tip[:, None])[..., 0]
        axis = np.cross(tip, [0.0, 1.0, 0.0])
        axis /= np.maximum(np.linalg.norm(axis, axis=-1, keepdims=True), 1e-9)
        length = np.linalg.norm(self.toe_tip)
        now = np.arcsin(np.clip(tip[:, 1] / length, -1, 1))
        least = np.arcsin(np.clip(-toes[:, 1] / length, -1, 1))
        rotations[:, self.toes] = rotation_matrix(axis * np.maximum(least - now, 0)[:, None]) @ rotations[:, self.toes]


def _held(path: np.ndarray, touches: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """The path `[F, 3]` that stands still on y = 0 while it touches and leads there softly, and how much it is held
    `[F]`, 0..1.
    """
    spans = [part for span in runs(touches) for part in _stands(path, span, fps)]
    shift, held = np.zeros_like(path), np.zeros(len(path))
    for i, (start, stop) in enumerate(spans):
        place = np.median(path[start:stop], 0) * (1, 0, 1)
        shift[start:stop], held[start:stop] = place - path[start:stop], 1
        before = start - (spans[i - 1][1] if i else 0)
        after = (spans[i + 1][0] if i + 1 < len(spans) else len(path)) - stop
        for gap, edge, step in ((before, start, -1), (after, stop - 1, 1)):
            frames = np.arange(1, min(gap, round(SOFT * fps)) + 1)
            fade = 0.5 + 0.5 * np.cos(np.pi * frames / max(round(SOFT * fps), 1))
            if gap <= round(SOFT * fps):  # the next touch is near: it is let go before that
                fade = 0.5 + 0.5 * np.cos(np.pi * frames / (gap + 1))
            shift[edge + step * frames] += (place - path[edge]) * fade[:, None]
            held[edge + step * frames] += fade
    return path + shift, np.minimum(held, 1)


def _stands(path: np.ndarray, span: tuple[int, int], fps: float) -> list[tuple[int, int]]:
    """The parts of a touch in which the point stays; between them it goes over to the next."""
    start, stop = span
    stands, step = [], round(SOFT * fps / 2)
    for frame in range(start, stop):
        if np.hypot(*(path[frame] - path[start])[[0, 2]]) > _DRIFT:
            stands.append((start, max(frame - step, start + 1)))
            start = frame
    return [*stands, (start, stop)]


def _sinking(feet: list[_Foot], positions: np.ndarray, fps: float) -> np.ndarray:
    """How far the pelvis has to go down for the legs to reach, `[F, 1, 3]` metres."""
    sinking = np.zeros(len(positions))
    for foot in feet:
        leg = positions[0, [foot.hip, foot.knee, foot.ankle]]
        whole = np.linalg.norm(np.diff(leg, axis=0), axis=1).sum()
        own = np.linalg.norm(positions[:, foot.ankle] - positions[:, foot.hip], axis=-1)
        length = np.clip(own, _STRAIGHT * whole, _STRETCHED * whole)
        away = positions[:, foot.hip] - foot.place
        aside = (away[:, [0, 2]] ** 2).sum(-1)
        sinking = np.maximum(sinking, away[:, 1] - np.sqrt(np.maximum(length**2 - aside, 0)))
    reach = round(2 * _SINK * fps)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(sinking, reach, mode="edge"), 2 * reach + 1)
    down = smoothed(windows.max(-1), _SINK * fps)
    return down[:, None, None] * np.array([0.0, 1.0, 0.0])
