"""Relief of what one photo does not show, from what it shows of the other side and from what faces have."""

import numpy as np
from scipy.spatial import cKDTree

from ..parametric.displacement_prior import DisplacementPrior
from ..parametric.head import HeadModel
from ..rendering.atlas import build_atlas

SEEN = 0.3
"""Sight from which a texel's height tells of others."""
LEAST = 0.05
"""Share of a vertex' height that must be made up for to be worth it."""
REACH = 3.0
"""Millimetres from a vertex up to which the prior's texels tell its height."""
_NEAREST = 3


def completed(model: HeadModel, height: np.ndarray, sight: np.ndarray) -> np.ndarray:
    """Heights `[V]` in metres: `height` [V] where there is `sight` [V], 0..1, and what is expected given it where the
    photo shows the other side alone. Where it shows neither, skin is flat.
    """
    wanted = (1 - sight) * sight[model.mirror]
    prior = DisplacementPrior.load()
    vertices = np.flatnonzero(wanted > LEAST)
    distance, texels = cKDTree(prior.points).query(1000 * model.v_template[vertices], _NEAREST)
    told = distance[:, -1] < REACH
    vertices, distance, texels = vertices[told], distance[told], texels[told]
    if not len(vertices):
        return height
    asked, place = np.unique(texels, return_inverse=True)
    atlas = build_atlas(model, "skin", prior.size)
    seen = np.stack([1000 * height, np.where(sight > SEEN, sight, 0)], 1)
    shown, weight = atlas.gather(seen)[np.searchsorted(atlas.texels, prior.texels)].T
    share = 1 / (distance + 0.1)
    found = (prior.expected(shown, weight, asked)[place.reshape(texels.shape)] * share).sum(1) / share.sum(1)
    result = height.astype(np.float64)
    result[vertices] += wanted[vertices] * found / 1000
    return result
