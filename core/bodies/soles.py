"""Where feet touch the floor: the soles of SMPL's feet, the height of a clip's floor, and when a foot rests on it."""

import numpy as np

from ..parametric.rotations import shortest_turn
from ..parametric.smpl_joints import INDEX
from .anatomy import SIDES

HEEL, BALL, TIP = range(3)
_BACK, _FORWARD = 0.4, 0.5
"""How far the heel lies behind the ankle and the tip before the toes' joint, in lengths from the one joint to the
other."""
_SKIN = 0.02
"""Metres from the toes' joint down to the sole, where nobody says."""
_STILL = 0.2
"""Metres a second; a point that is slower rests."""
_REST, _SPREAD = 0.25, 0.03
"""Seconds that feet rest on the floor in any clip, and the height in metres over which these rests scatter."""
_SCATTER, _SLOPE, _STEEPEST, _RESTS, _ROUNDS = 0.015, 0.015, 0.03, 10, 5
"""Of a floor: standard deviations, in metres, of the heights of rests and, in metres a metre, of its slope; the
steepest one; how many rests a clip is taken to have; rounds of fitting it.
"""
_NEAR, _SLOW = (0.035, 0.045), (0.2, 0.25)
"""Height in metres and speed in metres a second of a touching point: where touching begins, and where it ends."""
_SHORTEST, _GAP = 0.08, 0.06
"""Seconds; shorter touches are none, shorter gaps between touches neither."""
_SMOOTH = 0.02
"""Seconds: standard deviation of the smoothing before speeds are taken."""


def soles(joints: np.ndarray, ground: float | None = None) -> np.ndarray:
    """`[2, 3, 3]` metres: heel, ball and tip of the left and the right sole at rest, of `joints` `[24, 3]`.

    `ground` is the height of the soles at rest; by default a little below the toes' joints.
    """
    ankles = joints[[INDEX[f"{side}_ankle"] for side in SIDES]]
    toes = joints[[INDEX[f"{side}_foot"] for side in SIDES]]
    forward = (toes - ankles) * (1, 0, 1)
    points = np.stack([ankles - _BACK * forward, toes, toes + _FORWARD * forward], 1)
    points[..., 1] = toes[:, 1].min() - _SKIN if ground is None else ground
    return points


def sole_paths(rotations: np.ndarray, positions: np.ndarray, joints: np.ndarray, points: np.ndarray) -> np.ndarray:
    """`[F, 2, 3, 3]` metres: the `points` of `soles` on a posed body (see `BodyMotion.posed`), tips with the toes."""
    paths = np.zeros((len(positions), *points.shape))
    for s, side in enumerate(SIDES):
        for p, name in ((HEEL, "ankle"), (BALL, "ankle"), (TIP, "foot")):
            j = INDEX[f"{side}_{name}"]
            paths[:, s, p] = positions[:, j] + (rotations[:, j] @ (points[s, p] - joints[j])[:, None])[..., 0]
    return paths


def leveling(paths: np.ndarray, fps: float) -> tuple[np.ndarray, float]:
    """The turn `[3, 3]` and then the rise in metres that make the floor y = 0, of `[F, 2, P, 3]` points of both feet.

    The floor is a plane through where feet rest low down. It is level unless feet rest far apart on a slope: captures
    of a few metres rise by centimetres. What is stood on higher up and single dips below do not count.
    """
    lowest = paths[..., 1].argmin(2)[..., None]
    resting = np.take_along_axis(speeds(paths, fps), lowest, 2)[..., 0] < _STILL
    points = np.take_along_axis(paths, lowest[..., None], 2)[:, :, 0]
    samples, count = points[resting], round(_REST * fps)
    if len(samples) <= max(count, 2):
        return np.eye(3), -float(np.percentile(points[..., 1], 5))
    middle = np.median(samples[_lowest(samples[:, 1], count)], 0)
    across, height, slope = (samples - middle)[:, [0, 2]], samples[:, 1], np.zeros(2)
    near = np.abs(height - middle[1]) < _SPREAD + _STEEPEST * np.linalg.norm(across, axis=1)
    base = middle[1]
    for _ in range(_ROUNDS):
        if near.sum() <= count:
            break
        # least squares in standard deviations: of the slope, and of heights, which tell no more the longer a foot rests
        deviation = np.sqrt(near.sum() / _RESTS) * _SCATTER
        design = np.vstack([np.insert(across[near], 0, 1, 1) / deviation, np.eye(3)[1:] / _SLOPE])
        base, *slope = np.linalg.lstsq(design, np.append(height[near] / deviation, (0, 0)), rcond=None)[0]
        near = np.abs(height - base - across @ slope) < _SPREAD
    turn = shortest_turn(np.array([-slope[0], 1.0, -slope[1]]), np.array([0.0, 1.0, 0.0]))
    return turn, -float((turn @ (middle[0], base, middle[2]))[1])


def _lowest(heights: np.ndarray, count: int) -> np.ndarray:
    """Which of the heights are in the lowest `_SPREAD` that has more than `count` of them in it."""
    ordered = np.sort(heights)
    level = ordered[np.argmax(ordered[count:] - ordered[: len(ordered) - count] <= _SPREAD)]
    return (heights >= level) & (heights <= level + _SPREAD)


def speeds(paths: np.ndarray, fps: float) -> np.ndarray:
    """Metres a second, of points `[F, ..., 3]`, smoothed: `[F, ...]`."""
    if len(paths) < 2:
        return np.zeros(paths.shape[:-1])
    return np.linalg.norm(np.gradient(smoothed(paths, _SMOOTH * fps), 1 / fps, axis=0), axis=-1)


def smoothed(values: np.ndarray, deviation: float) -> np.ndarray:
    """Gaussian over time, `[F, ...]`, of `deviation` frames; ends are continued as they are."""
    reach = int(np.ceil(3 * deviation))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(deviation, 1e-6)) ** 2)
    padded = np.pad(values, [(reach, reach)] + [(0, 0)] * (values.ndim - 1), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0)
    return windows @ (kernel / kernel.sum())


def touching(paths: np.ndarray, fps: float) -> np.ndarray:
    """Whether points `[F, ..., 3]` rest on the floor y = 0, `[F, ...]`: they are near it and slow."""
    height, speed = paths[..., 1], speeds(paths, fps)
    begins = (height < _NEAR[0]) & (speed < _SLOW[0])
    lasts = (height < _NEAR[1]) & (speed < _SLOW[1])
    columns = zip(begins.reshape(len(paths), -1).T, lasts.reshape(len(paths), -1).T, strict=True)
    return np.stack([_touches(*each, fps) for each in columns], 1).reshape(begins.shape)


def _touches(begins: np.ndarray, lasts: np.ndarray, fps: float) -> np.ndarray:
    """One point's touches `[F]`, of where they begin and where they last."""
    touches = np.zeros(len(begins), bool)
    for start, stop in runs(lasts):
        touches[start:stop] = begins[start:stop].any()
    for start, stop in runs(~touches):
        if start > 0 and stop < len(touches) and stop - start < _GAP * fps:
            touches[start:stop] = True
    for start, stop in runs(touches):
        touches[start:stop] = stop - start >= _SHORTEST * fps
    return touches


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Start and stop of each run of True in `[F]`."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
