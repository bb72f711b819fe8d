"""ARKit's 52 blendshapes: their names, sides, regions and presets, and their map onto the head model and back.

Source of names and meanings: Apple's ARFaceAnchor.BlendShapeLocation; the order is that of Live Link Face.
"""

import re

import numpy as np

from .head import EXPRESSIONS, SHAPES, HeadModel
from .lbs import Array

REGIONS: dict[str, tuple[str, ...]] = {
    "Brows": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight", "browDownLeft", "browDownRight"),
    "Eyes": (
        "eyeBlinkLeft",
        "eyeBlinkRight",
        "eyeSquintLeft",
        "eyeSquintRight",
        "eyeWideLeft",
        "eyeWideRight",
    ),
    "Gaze": (
        "eyeLookUpLeft",
        "eyeLookUpRight",
        "eyeLookDownLeft",
        "eyeLookDownRight",
        "eyeLookInLeft",
        "eyeLookInRight",
        "eyeLookOutLeft",
        "eyeLookOutRight",
    ),
    "Cheeks": ("cheekPuff", "cheekSquintLeft", "cheekSquintRight"),
    "Nose": ("noseSneerLeft", "noseSneerRight"),
    "Jaw": ("jawOpen", "jawForward", "jawLeft", "jawRight"),
    "Mouth": (
        "mouthClose",
        "mouthLeft",
        "mouthRight",
        "mouthSmileLeft",
        "mouthSmileRight",
        "mouthFrownLeft",
        "mouthFrownRight",
        "mouthDimpleLeft",
        "mouthDimpleRight",
        "mouthStretchLeft",
        "mouthStretchRight",
    ),
    "Lips": (
        "mouthFunnel",
        "mouthPucker",
        "mouthRollLower",
        "mouthRollUpper",
        "mouthShrugLower",
        "mouthShrugUpper",
        "mouthPressLeft",
        "mouthPressRight",
        "mouthLowerDownLeft",
        "mouthLowerDownRight",
        "mouthUpperUpLeft",
        "mouthUpperUpRight",
    ),
    "Tongue": ("tongueOut",),
}
"""Region -> names, in the order in which an interface shows them."""

# fmt: off
ARKIT_NAMES: tuple[str, ...] = (
    "eyeBlinkLeft", "eyeLookDownLeft", "eyeLookInLeft", "eyeLookOutLeft", "eyeLookUpLeft", "eyeSquintLeft",
    "eyeWideLeft", "eyeBlinkRight", "eyeLookDownRight", "eyeLookInRight", "eyeLookOutRight", "eyeLookUpRight",
    "eyeSquintRight", "eyeWideRight", "jawForward", "jawRight", "jawLeft", "jawOpen", "mouthClose", "mouthFunnel",
    "mouthPucker", "mouthRight", "mouthLeft", "mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthPressLeft", "mouthPressRight",
    "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "browDownLeft",
    "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "cheekSquintLeft",
    "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)
# fmt: on
"""The 52 names in Live Link Face's order, which is also the order of every `[..., 52]` array here."""

INDEX: dict[str, int] = {name: i for i, name in enumerate(ARKIT_NAMES)}


def mirrored(name: str) -> str:
    """The blendshape of the other side: `eyeBlinkLeft` for `eyeBlinkRight`; a middle one (`jawOpen`) is its own."""
    if name.endswith("Left"):
        return name.removesuffix("Left") + "Right"
    if name.endswith("Right"):
        return name.removesuffix("Right") + "Left"
    return name


MIRROR: np.ndarray = np.array([INDEX[mirrored(name)] for name in ARKIT_NAMES])
"""[52] permutation: `weights[..., MIRROR]` is the expression seen in a mirror."""


def _symmetric(**weights: float) -> dict[str, float]:
    """Spread names without a side over both sides: `eyeBlink=1` becomes `eyeBlinkLeft` and `eyeBlinkRight`."""
    return {
        full: value
        for name, value in weights.items()
        for full in ((name,) if name in INDEX else (f"{name}Left", f"{name}Right"))
    }


PRESETS: dict[str, dict[str, float]] = {
    "Smile": _symmetric(mouthSmile=0.8, cheekSquint=0.5, eyeSquint=0.25, mouthDimple=0.2),
    "Laugh": _symmetric(
        mouthSmile=1.0, jawOpen=0.45, cheekSquint=0.8, eyeSquint=0.5, mouthUpperUp=0.3, browInnerUp=0.2
    ),
    "Surprise": _symmetric(browInnerUp=0.9, browOuterUp=0.9, eyeWide=0.9, jawOpen=0.45, mouthFunnel=0.2),
    "Anger": _symmetric(browDown=1.0, eyeSquint=0.4, noseSneer=0.6, mouthPress=0.6, mouthFrown=0.3, jawForward=0.2),
    "Sadness": _symmetric(
        browInnerUp=0.9, browDown=0.2, mouthFrown=0.8, mouthShrugLower=0.5, eyeLookDown=0.25, eyeBlink=0.15
    ),
    "Disgust": _symmetric(
        noseSneer=0.9, mouthUpperUp=0.3, browDown=0.6, eyeSquint=0.5, mouthFrown=0.4, cheekSquint=0.4
    ),
    "Fear": _symmetric(browInnerUp=1.0, browOuterUp=0.4, browDown=0.2, eyeWide=1.0, mouthStretch=0.7, jawOpen=0.25),
    "Kiss": _symmetric(mouthPucker=1.0, mouthFunnel=0.2, eyeBlink=0.3),
    "Blink": _symmetric(eyeBlink=1.0),
    "Wide eyes": _symmetric(eyeWide=1.0, browInnerUp=0.4, browOuterUp=0.4),
    "Cheeks puffed": _symmetric(cheekPuff=1.0, mouthPress=0.3),
    "Tongue out": _symmetric(jawOpen=0.35, tongueOut=1.0),
}
"""Preset -> {name: value}; names that are absent are 0."""

VISEMES: dict[str, dict[str, float]] = {
    "aa": _symmetric(jawOpen=0.6, mouthLowerDown=0.25, mouthUpperUp=0.1),
    "ih": _symmetric(jawOpen=0.2, mouthStretch=0.35, mouthLowerDown=0.3, mouthSmile=0.15),
    "ou": _symmetric(jawOpen=0.15, mouthPucker=0.75, mouthFunnel=0.3),
    "ee": _symmetric(jawOpen=0.12, mouthSmile=0.45, mouthStretch=0.3, mouthLowerDown=0.35, mouthUpperUp=0.15),
    "oh": _symmetric(jawOpen=0.4, mouthFunnel=0.6, mouthPucker=0.35),
}
"""The five mouth shapes of VRM's expression presets, in ARKit's terms."""

_LOOKUP: dict[str, str] = {}
for _name in ARKIT_NAMES:
    _LOOKUP[_name.lower()] = _name
    _LOOKUP[re.sub(r"(left|right)$", lambda side: side[0][0], _name.lower())] = _name


def canonical_name(name: str) -> str | None:
    """ARKit's spelling of `EyeBlinkLeft`, `eyeBlink_L`, `eye_blink_left`, ...; None for what is not one of the 52."""
    return _LOOKUP.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def weights_array(weights: dict[str, float]) -> np.ndarray:
    """`{name: value}` in any spelling as `[52]` float32. Raises KeyError for a name that is not ARKit's."""
    array = np.zeros(len(ARKIT_NAMES), np.float32)
    for name, value in weights.items():
        array[INDEX[canonical_name(name) or name]] = value
    return array


def flame_from_arkit(model: HeadModel, weights: Array) -> tuple[np.ndarray, np.ndarray]:
    """The linear map of ARKit `weights` `[..., 52]` onto the head: psi `[..., 50]` and theta `[..., 5, 3]` radians."""
    weights = np.asarray(weights, np.float32)
    return weights @ model.arkit_psi, np.einsum("...k,kjc->...jc", weights, model.arkit_theta)


def arkit_from_flame(model: HeadModel, psi: Array, theta: Array) -> np.ndarray:
    """The ARKit weights `[T, 52]`, 0..1, whose faces come nearest to psi `[T, 50]` and theta `[T, 5, 3]`.

    Least squares over vertex positions, min |B'(x - S'w)|^2 + r |w|^2 with 0 <= w <= 1: x = (psi, jaw, eyes), S their
    values of each blendshape, B their displacements (rotations linearised). Coordinate descent, every frame at once: it
    keeps the bounds exactly, and Blender's Python has no scipy. Rotations of root and neck have no ARKit weight and are
    not used.
    """
    x = np.concatenate([psi, np.reshape(theta, (-1, 5, 3))[:, 2:].reshape(len(theta), -1)], 1).astype(np.float64)
    shapes = np.concatenate([model.arkit_psi, model.arkit_theta[:, 2:].reshape(len(ARKIT_NAMES), -1)], 1)
    basis = _displacements(model)
    metric = basis @ basis.T
    gram = shapes @ metric @ shapes.T
    gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
    target = x @ metric @ shapes.T
    weights = np.zeros_like(target)
    for _ in range(_SWEEPS):
        for k in range(len(gram)):
            residual = target[:, k] - weights @ gram[k]
            weights[:, k] = np.clip(weights[:, k] + residual / gram[k, k], 0, 1)
        weights[:, _GAZE] -= weights[:, _GAZE].min(1, keepdims=True)  # up with down is no gaze at all
    return weights.astype(np.float32)


_GAZE = np.array(
    [
        [INDEX[f"eyeLook{turn}{side}"] for turn in pair]
        for pair in (("Up", "Down"), ("In", "Out"))
        for side in ("Left", "Right")
    ]
).T
"""[2, 4]: blendshapes that undo each other exactly, so that only their difference is known."""
_RIDGE = 1e-4
"""Pulls weights that the face does not need to 0, relative to the mean energy of a blendshape."""
_SWEEPS = 100


def _displacements(model: HeadModel) -> np.ndarray:
    """Vertex displacement of each psi and, for one radian, of each axis of jaw, left eye and right eye: `[59, 3 V]`."""
    angle = 0.2
    theta = np.zeros((9, 5, 3), np.float32)
    theta[:, 2:] = angle * np.eye(9).reshape(9, 3, 3)
    beta, psi = np.zeros((9, SHAPES), np.float32), np.zeros((9, EXPRESSIONS), np.float32)
    rotations = (model.vertices(beta, psi, theta) - model.v_template).reshape(9, -1) / angle
    linear = model.shapedirs[:, :, SHAPES:].reshape(-1, EXPRESSIONS).T
    return np.concatenate([linear, rotations]).astype(np.float64)
