"""The one place where Likeness' axes (+Y up, +Z out of the face) meet Blender's (+Z up, the face looks along -Y)."""

import numpy as np

TO_BLENDER = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)
"""Rotation of +90 degrees about x; its inverse is its transpose."""


def to_blender(vectors: np.ndarray) -> np.ndarray:
    """Points, displacements or axis-angles `[..., 3]` in Blender's axes."""
    return np.ascontiguousarray(vectors @ TO_BLENDER.T, np.float32)


def from_blender(vectors: np.ndarray) -> np.ndarray:
    """The inverse of `to_blender`."""
    return np.ascontiguousarray(vectors @ TO_BLENDER, np.float32)
