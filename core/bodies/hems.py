"""Garments out of the solids that gDNA's fields are: open at hems, cuffs and necks, and with smooth edges."""

import numpy as np
from scipy.spatial import cKDTree

from ..geometry.borders import boundary_edges, fair_borders, without_holes
from ..geometry.cut import cut
from ..geometry.pieces import compact, pieces
from ..rendering.rasterise import triangulate
from ..rendering.shading import vertex_normals
from .mean_body import MeanBody

UNDER_SKIN = -0.004
"""Metres off the skin at which hair ends, and what fits closely: under it nobody sees an edge."""
DIP, ALONG, GAP = 0.02, 0.6, 0.0015
"""Metres under the skin down to which cloth that faces as the skin does (their normals' cosine) only dips, and metres
above the skin to which it is lifted."""
FLOOR, CLOTH = 0.5, 0.6
"""A floor closes a hem: the cosine between its normal and the limb from which on something may be one, and that
between its normal and the skin's from which on it is cloth whatever else."""
END, BEYOND = 0.12, 0.01
"""Metres from where a garment reaches furthest, within which its floors are, and that the body goes on at least: soles
are no floors."""
LEAST_FLOOR = 4e-4
"""Square metres: less is a crease."""
HOLE = 0.18
"""Metres around a hole that no limb goes through."""
RUFFLES = 0.012
"""Metres from the edge that are cut off: fields are uneven where they end."""
RIM = 0.005
"""Metres that an edge is turned in."""


def off_skin(vertices: np.ndarray, triangles: np.ndarray, body: MeanBody) -> tuple[np.ndarray, np.ndarray]:
    """A layer, vertices [V, 3] and triangles [T, 3], without what is under the skin. Cloth that dips under it, by an
    error of the field, comes out.
    """
    height, (nearest, outward) = body.height(vertices), body.nearest(vertices)
    dips = ((vertex_normals(vertices, triangles) * outward).sum(1) > ALONG) & (height > -DIP)
    vertices = np.where((dips & (height < GAP))[:, None], nearest + GAP * outward, vertices)
    return compact(*cut(vertices, triangles, np.where(dips, np.maximum(height, GAP), height) - UNDER_SKIN))


def without_floors(vertices: np.ndarray, triangles: np.ndarray, body: MeanBody) -> tuple[np.ndarray, np.ndarray]:
    """A garment without what closes it across a limb: a floor faces along the limb, and not as the skin does, and is
    where the garment ends and the body goes on.
    """
    normals = vertex_normals(vertices, triangles)
    facing = normals * body.limb(vertices)
    high = (vertices.max(0) - vertices < END) & (body.vertices.max(0) > vertices.max(0) + BEYOND)
    low = (vertices - vertices.min(0) < END) & (body.vertices.min(0) < vertices.min(0) - BEYOND)
    ends = np.where(facing > 0, high, low)
    outward = (normals * body.nearest(vertices)[1]).sum(1)
    floor = np.abs(facing * ends).sum(1)
    kept = _without_creases(vertices, triangles, np.maximum(FLOOR - floor, outward - CLOTH))
    vertices, triangles = without_holes(*compact(*cut(vertices, triangles, kept)), HOLE)
    ruffled = cKDTree(vertices[np.unique(boundary_edges(triangles))]).query(vertices)[0]
    # What is next to an edge may be another fold of the cloth, which stays.
    return without_holes(*compact(*cut(vertices, triangles, ruffled - RUFFLES)), HOLE)


def fair_hems(vertices: np.ndarray, triangles: np.ndarray, body: MeanBody) -> np.ndarray:
    """The vertices [V, 3] with smooth edges, and all that is barely under the skin or touches it above it."""
    vertices = fair_borders(vertices, triangles)
    height, (nearest, outward) = body.height(vertices), body.nearest(vertices)
    low = (height < GAP) & (height > -DIP)
    return np.where(low[:, None], nearest + GAP * outward, vertices)


def rimmed(vertices: np.ndarray, faces: np.ndarray, body: MeanBody) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V', 3] and quads [F', 4] of a garment whose edges are turned in, so that cloth looks thick."""
    border, ends = np.unique(boundary_edges(triangulate(faces)[0]), return_inverse=True)
    height, outward = body.height(vertices[border]), body.nearest(vertices[border])[1]
    inner = vertices[border] - np.clip(height - GAP / 2, 0, RIM)[:, None] * outward
    ends = ends.reshape(-1, 2)
    rim = np.c_[border[ends[:, ::-1]], len(vertices) + ends]
    return np.concatenate([vertices, inner]), np.concatenate([faces, rim])


def _without_creases(vertices: np.ndarray, triangles: np.ndarray, above: np.ndarray) -> np.ndarray:
    """`above` [V], positive where it is not on a connected part of at least `LEAST_FLOOR`."""
    low = triangles[(above < 0)[triangles].all(1)]
    above = np.where(above < 0, 1e-6, above)
    if not len(low):
        return above
    piece = pieces(low)
    a, b, c = (vertices[low[:, k]] for k in range(3))
    area = np.bincount(piece, np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)
    above[np.unique(low[area[piece] > LEAST_FLOOR])] = -1.0
    return above
