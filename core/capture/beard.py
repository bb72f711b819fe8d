"""A beard is hair on the skin: it colours and roughens it, and its outline is not the chin's."""

import cv2
import numpy as np

from ..parametric.head import HeadModel
from .segmentation import Masks

LEAST_TRUST = 0.1
"""Share of its precision that a landmark in the middle of a beard keeps."""
BORDER = 9
"""Pixels of the crop round a landmark in which a beard counts: those of the jaw lie on the beard's border."""


def landmark_trust(masks: Masks, landmarks: np.ndarray) -> np.ndarray:
    """How far to trust each of the `landmarks` `[478, 2]` (pixels of the photo) as a point of the face: `[478]`, 1
    where skin is bare, LEAST_TRUST in a beard.
    """
    near = cv2.dilate(masks.beard, np.ones((BORDER, BORDER), np.uint8))
    crop = landmarks @ masks.transform[:, :2].T + masks.transform[:, 2] - 0.5
    share = cv2.remap(near, crop.astype(np.float32)[None], None, cv2.INTER_LINEAR)[0]
    return 1 - (1 - LEAST_TRUST) * share


def beard_share(model: HeadModel, masks: Masks, points: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """How much of the skin at each vertex is bearded, 0..1 `[V]`: as the photo shows it at pixels `points` [V, 2] with
    `trust` [V], and where it does not as on the other side.
    """
    trust = np.clip(2 * trust, 0, 1)
    seen = masks.sample("beard", points) * trust
    return np.maximum(seen, (1 - trust) * seen[model.mirror]).astype(np.float32)
