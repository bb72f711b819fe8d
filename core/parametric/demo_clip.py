"""The built-in preview animation: six seconds in which every region of the face shows that it moves."""

import numpy as np

from .arkit import PRESETS, VISEMES, weights_array
from .clip import Clip
from .lbs import Array

FPS, SECONDS = 30.0, 6.0

_GAZE_LEFT = {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8}
_GAZE_RIGHT = {"eyeLookInLeft": 0.8, "eyeLookOutRight": 0.8}

_Pose = dict[str, float]
_FACE: tuple[tuple[float, _Pose], ...] = (
    (0.2, {}),
    (
        0.7,
        {"browInnerUp": 0.7, "browOuterUpLeft": 0.6, "browOuterUpRight": 0.5, "eyeWideLeft": 0.4, "eyeWideRight": 0.4},
    ),
    (
        1.0,
        {
            "browInnerUp": 0.6,
            "browOuterUpLeft": 0.5,
            "browOuterUpRight": 0.4,
            "mouthSmileLeft": 0.2,
            "mouthSmileRight": 0.2,
        },
    ),
    (1.5, PRESETS["Smile"]),
    (2.0, PRESETS["Smile"]),
    (2.3, VISEMES["aa"]),
    (2.55, VISEMES["ee"]),
    (2.85, VISEMES["oh"]),
    (3.1, VISEMES["ih"]),
    (3.4, VISEMES["ou"]),
    (3.7, {}),
    (4.1, {"mouthPressLeft": 0.3, "mouthPressRight": 0.3, "browDownLeft": 0.4, "browDownRight": 0.4}),
    (4.6, {"browOuterUpRight": 0.6, "mouthSmileRight": 0.5, "mouthDimpleRight": 0.3, "cheekSquintRight": 0.3}),
    (5.1, {"mouthSmileLeft": 0.45, "mouthSmileRight": 0.5, "cheekSquintLeft": 0.2, "cheekSquintRight": 0.2}),
    (5.7, {}),
)
_GAZE: tuple[tuple[float, _Pose], ...] = (
    (3.5, {}),
    (3.75, _GAZE_LEFT),
    (4.2, _GAZE_LEFT),
    (4.5, _GAZE_RIGHT),
    (4.9, _GAZE_RIGHT),
    (5.15, {}),
)
_BLINKS = (0.45, 2.1, 3.6, 4.35, 5.3)
_BLINK_SECONDS = 0.3
_HEAD: tuple[tuple[float, tuple[float, float, float]], ...] = (
    (0.3, (0, 0, 0)),
    (0.9, (-0.07, 0.03, 0.0)),
    (1.7, (0.04, -0.05, 0.07)),
    (2.5, (0.03, 0.04, 0.02)),
    (3.3, (-0.02, 0.02, -0.03)),
    (4.1, (0.02, 0.16, 0.02)),
    (4.8, (0.03, -0.16, -0.03)),
    (5.7, (0, 0, 0)),
)
"""Nod, turn and tilt of the neck in radians: positive is down, to the character's left, to its right."""


def demo_clip() -> Clip:
    """Blinks, brows, a smile, five vowels, a gaze sweep and small turns of the head; begins and ends neutral."""
    times = np.arange(int(SECONDS * FPS) + 1) / FPS
    arkit = _track(times, [(t, weights_array(pose)) for t, pose in _FACE])
    arkit = arkit + _track(times, [(t, weights_array(pose)) for t, pose in _GAZE])
    blink = sum(np.maximum(np.cos(np.clip((times - t) / _BLINK_SECONDS, -0.5, 0.5) * np.pi), 0) ** 2 for t in _BLINKS)
    arkit = np.maximum(arkit, blink[:, None] * weights_array(PRESETS["Blink"]))
    theta = np.zeros((len(times), 5, 3), np.float32)
    theta[:, 1] = _track(times, [(t, np.array(turn)) for t, turn in _HEAD])
    return Clip(FPS, arkit=np.clip(arkit, 0, 1).astype(np.float32), theta=theta, source="Preview animation")


def _track(times: Array, keys: list[tuple[float, Array]]) -> Array:
    """Values `[T, C]` that go from key to key with no velocity or acceleration at the keys (minimum jerk).

    Source: Flash and Hogan, "The coordination of arm movements", 1985, eq. 3.
    """
    at = np.array([t for t, _ in keys])
    values = np.stack([value for _, value in keys]).astype(np.float64)
    i = np.clip(np.searchsorted(at, times, side="right") - 1, 0, len(at) - 2)
    s = np.clip((times - at[i]) / (at[i + 1] - at[i]), 0, 1)[:, None]
    return values[i] + (values[i + 1] - values[i]) * (10 - 15 * s + 6 * s * s) * s**3
