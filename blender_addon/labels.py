"""How blendshapes and presets are called on screen."""

import re

from ..core.parametric.arkit import VISEMES

STAGES = {
    "detect": "Finding the face",
    "fit": "Fitting the shape",
    "texture": "Painting the skin",
    "hair": "Growing the hair",
    "surface": "Shaping the surface",
    "read": "Reading the scan",
    "pose": "Finding the head in the scan",
    "invert": "Fitting the surface",
    "assemble": "Putting the head together",
}
"""What the engine says it does, in words."""

SKELETONS = {"smpl": "SMPL", "mixamo": "Mixamo", "unreal": "Unreal", "vrm": "Unity / VRM"}
"""Whose names a body's bones have."""

_WORD = re.compile(r"[A-Z]?[a-z]+")


def words(name: str) -> list[str]:
    """`eyeLookUpLeft` as `["eye", "Look", "Up", "Left"]`."""
    return _WORD.findall(name)


def blendshape(name: str) -> str:
    """Without the side, which the slider says, and the region, which its heading says: `eyeLookUpLeft` is `Look Up`."""
    inner = [word for word in words(name)[1:] if word not in ("Left", "Right")]
    return " ".join(inner) or "Sideways"


def stage(name: str) -> str:
    """A stage of the engine's work; what has no words of its own is shown as it is."""
    return STAGES.get(name, name)


def preset(name: str) -> str:
    """Vowels in quotation marks, so that `oh` is not taken for an exclamation."""
    return f"Vowel \N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK}" if name in VISEMES else name


def matches(name: str, search: str) -> bool:
    """Whether all words of a search occur in the name, in any order and spelling: `look up` finds `eyeLookUpLeft`."""
    spelled = " ".join(words(name)).lower()
    return all(word in spelled or word in name.lower() for word in search.lower().split())
