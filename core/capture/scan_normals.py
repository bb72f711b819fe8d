"""Normals of a scan that point out of the head: those of its file, or of the planes through neighbouring points."""

import numpy as np
from scipy.spatial import cKDTree

_NEIGHBOURS = 16
_AGREED = 0.8
"""Share of the normals on one side from which on a file's normals are taken to be consistent."""


def outward_normals(
    points: np.ndarray, normals: np.ndarray | None, vertices: np.ndarray, vertex_normals: np.ndarray
) -> np.ndarray:
    """[N, 3] for `points` [N, 3], given `normals` [N, 3] or None, and a surface [V, 3] that lies roughly where they do.

    Consistent normals are kept or all of them turned, which is right at lips and ears too; others take the surface's
    side one by one.
    """
    known = plane_normals(points) if normals is None else normals
    _, nearest = cKDTree(vertices).query(points)
    inward = (known * vertex_normals[nearest]).sum(1) < 0
    if inward.mean() <= 1 - _AGREED and normals is not None:
        return known
    if inward.mean() >= _AGREED and normals is not None:
        return -known
    return np.where(inward[:, None], -known, known)


def plane_normals(points: np.ndarray) -> np.ndarray:
    """[N, 3] of either sign: the direction in which each point's neighbours spread least (Hoppe et al., 1992)."""
    near = points[cKDTree(points).query(points, min(_NEIGHBOURS, len(points)))[1]]
    near = near - near.mean(1, keepdims=True)
    return np.linalg.eigh(np.einsum("nki,nkj->nij", near, near))[1][:, :, 0]
