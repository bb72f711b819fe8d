"""The photos of one person, and where the face is in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..errors import InputError, UsageError
from .blur import blurred
from .landmarks import detect_landmarks
from .monochrome import uncolored
from .photo import Photo, load_photo
from .segmentation import Masks, segment


@dataclass(frozen=True)
class Shot:
    """One photo with a face."""

    photo: Photo
    landmarks: np.ndarray
    """[478, 2] pixels."""

    @cached_property
    def masks(self) -> Masks:
        return segment(self.photo.pixels, self.landmarks)

    @cached_property
    def blurred(self) -> bool:
        return blurred(self.masks.crop(self.photo.pixels), float(np.hypot(*self.masks.transform[:, 0])))


def take_shots(paths: Sequence[Path], face: int | None = None) -> tuple[list[Shot], list[str]]:
    """The photos at `paths` that show a face, and a warning for each of the rest; `face` as `detect_landmarks` has it.

    A photo in which no face can be used is left out as long as another has one; so is one that is given twice, which
    would count twice. One whose face is of one colour becomes grey. Raises UsageError when there are no photos,
    InputError when one cannot be read, and what the first one raises when none has a face.
    """
    if not paths:
        raise UsageError("A head is made of photos; give one at least.")
    shots: list[Shot] = []
    seen: list[np.ndarray] = []
    refused: list[InputError] = []
    warnings = []
    for photo in map(load_photo, paths):
        if any(np.array_equal(photo.pixels, pixels) for pixels in seen):
            warnings.append(f"{photo.name} was given twice; it is used once.")
            continue
        try:
            landmarks = detect_landmarks(photo, face)
        except InputError as error:
            refused.append(error)
            warnings.append(f"{photo.name} is left out: {error}")
            continue
        seen.append(photo.pixels)
        grey = uncolored(photo, landmarks)
        if grey:
            warnings.append(f"{photo.name} is black-and-white; the colours of skin, hair and eyes are guessed.")
        shots.append(Shot(grey or photo, landmarks))
    if not shots:
        raise refused[0]
    return shots, warnings
