"""A beard is hair on the skin: it colours and roughens it, and its outline is not the chin's. Nor is that of cloth."""

import cv2
import numpy as np

from ..parametric.head import HeadModel
from ..rendering.lookup import lookup
from .face_crop import OVAL, grown, polygon
from .segmentation import Masks

LEAST_TRUST, LEAST_COVERED = 0.1, 0.01
"""Share of its precision that a landmark in the middle of a beard keeps, and one under cloth."""
BORDER = 9
"""Pixels of the crop round a landmark in which a beard counts: those of the jaw lie on the beard's border."""
COVERED = 0.1
"""Share of a face that must be cloth for it to be covered; less is a collar."""


def landmark_trust(masks: Masks, landmarks: np.ndarray) -> np.ndarray:
    """How far to trust each of the `landmarks` `[478, 2]` (pixels of the photo) as a point of the face: `[478]`, 1
    where skin is bare, LEAST_TRUST in a beard, LEAST_COVERED under cloth.
    """
    points = landmarks @ masks.transform[:, :2].T + masks.transform[:, 2]
    near = np.ones((BORDER, BORDER), np.uint8)
    hidden = np.stack([cv2.dilate(masks.beard, near), cv2.dilate(veil(masks, points), near)], -1)
    beard, cover = lookup(hidden, points).T
    return (1 - (1 - LEAST_TRUST) * beard) * (1 - (1 - LEAST_COVERED) * cover)


def veil(masks: Masks, points: np.ndarray) -> np.ndarray:
    """Cloth over the face with landmarks `points` [478, 2] in the crop: [H, W] 0..1, all 0 where little is covered.

    Where the mouth is, hair over the forehead may be the same cloth, and the landmarks of the outline are its.
    """
    if np.average(masks.clothes, weights=polygon(points[OVAL]) + 1e-9) < COVERED:
        return np.zeros_like(masks.clothes)
    return (masks.clothes + masks.hair) * polygon(grown(points[OVAL], 1.1))


def beard_share(model: HeadModel, masks: Masks, points: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """How much of the skin at each vertex is bearded, 0..1 `[V]`: as the photo shows it at pixels `points` [V, 2] with
    `trust` [V], and where it does not as on the other side.
    """
    trust = np.clip(2 * trust, 0, 1)
    seen = masks.sample("beard", points) * trust
    return np.maximum(seen, (1 - trust) * seen[model.mirror]).astype(np.float32)
