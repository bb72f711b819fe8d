"""What a photo does not show of a face, so that the head is guessed there: sentences."""

import numpy as np

from .beard import veil
from .shots import Shot

HIDDEN = 0.5
"""Share of the eyes that dark glasses must hide."""


def photo_doubts(shot: Shot) -> list[str]:
    """What the photo does not show, a sentence for each."""
    name, masks = shot.photo.name, shot.masks
    doubts = []
    if veil(masks, shot.landmarks @ masks.transform[:, :2].T + masks.transform[:, 2]).any():
        doubts.append(f"The face in {name} is covered in part; what is under it is guessed.")
    if np.average(masks.glasses, weights=masks.eyes + 1e-9) > HIDDEN:
        doubts.append(f"Dark glasses hide the eyes in {name}; these and what is round them are guessed.")
    if shot.blurred:
        doubts.append(f"The face in {name} is blurred; wrinkles and folds were not taken from it.")
    return doubts
