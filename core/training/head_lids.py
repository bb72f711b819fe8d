"""Lids that close and sockets that hug the eyeballs, where the teacher leaves gaps."""

import numpy as np
from scipy.spatial import cKDTree

from ..geometry.smoothstep import smoothstep
from .head_assembly import Assembled
from .head_parts import EYE_RADIUS, LID_EDGE
from .head_topology import Skin


def line_sockets(rest: np.ndarray, skin: Skin, centre: np.ndarray) -> None:
    """Pull the sockets onto the eyeballs, in place: without it the inner corner of the eye is a black hole."""
    rims = rest[skin.eye_rings[0]]
    for region, side in ((2, 1), (3, -1)):
        mine = np.unique(skin.faces[skin.face_region == region])
        inside = rest[mine] * [side, 1, 1] - centre
        distance = np.linalg.norm(inside, axis=1)
        behind_rim = cKDTree(rims).query(inside + centre)[0]
        lined = np.minimum(distance, EYE_RADIUS + 2.5e-4)
        share = smoothstep(behind_rim, 0, 2.5e-3)
        pulled = inside * (1 + share * (lined / distance - 1))[:, None] + centre
        rest[mine] = pulled * [side, 1, 1]


def close_lids(shapes: dict[str, np.ndarray], head: Assembled, rings: np.ndarray) -> None:
    """Make the lids of eyeBlink meet, in place: the teacher's stop a millimetre or two short of one another.

    The gap between the lids' front edges is closed, four fifths by the upper lid; the rings outwards follow less,
    the lashes follow the edges.
    """
    shape = shapes["eyeBlinkLeft"]
    before = shape[rings[LID_EDGE]]
    closed = head.rest + shape
    half = rings.shape[1] // 2
    upper, lower = rings[:, 1:half], rings[:, :half:-1]
    for k, follow in enumerate((1, 1, 1, 1, 0.55, 0.25, 0.08)):
        edge = min(k, LID_EDGE) if k > 1 else 2
        above, below = closed[upper[edge]], closed[lower[edge]]
        order = np.argsort(below[:, 0])
        gap = above[:, 1] - np.interp(above[:, 0], below[order, 0], below[order, 1])
        fade = np.sin(np.pi * (np.arange(half - 1) + 1) / half) ** 0.5
        shape[upper[k], 1] -= 0.8 * follow * fade * gap
        shape[lower[k], 1] += 0.2 * follow * fade * np.interp(below[:, 0], above[:, 0], gap)
    lashes = np.flatnonzero(head.part("lashes") & (head.rest[:, 0] > 0))
    root = cKDTree(head.rest[rings[LID_EDGE]]).query(head.rest[lashes])[1]
    shape[lashes] += (shape[rings[LID_EDGE]] - before)[root]
    moved = np.concatenate([rings.ravel(), lashes])
    shapes["eyeBlinkRight"][head.mirror[moved]] = shape[moved] * [-1, 1, 1]
