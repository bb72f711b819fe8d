"""The shape of a mesh that was joined of two: each side keeps its curvature, and bends until they meet without a fold.

Laplacian coordinates, as in Sorkine et al., "Laplacian surface editing", SGP 2004, section 5 (transplanting details).
"""

import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import spsolve

from .arap import cotangent_weights

Side = tuple[np.ndarray, np.ndarray]
"""A piece of the mesh: `[V, 3]`, where it would have the vertices of the whole mesh, and its triangles `[T, 3]`."""


def blended(sides: tuple[Side, Side], bent: np.ndarray, faired: np.ndarray) -> np.ndarray:
    """Vertices `[V, 3]` of the mesh that has the triangles of both sides; those that are not `bent` [V] are at rest.

    The bent ones keep the mean curvature of their side, but for those that are `faired` [V]: these lie where a thin
    plate would that is held by the rest. Vertices of both sides must be faired.
    """
    rest = sides[0][0].astype(np.float64)
    count = len(rest)
    stiffness, bend, mass = csr_matrix((count, count)), np.zeros((count, 3)), np.zeros(count)
    for vertices, triangles in sides:
        edges = cotangent_weights(vertices, triangles)
        laplacian = diags(np.asarray(edges.sum(1)).ravel()) - edges
        stiffness, bend = stiffness + laplacian, bend + laplacian @ vertices
        corners = vertices[triangles]
        double = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        mass = mass + np.bincount(triangles.ravel(), np.repeat(double / 6, 3), count)
    smooth = stiffness @ diags(1 / np.maximum(mass, 1e-12))
    system, kept = (smooth @ stiffness)[bent], np.where(faired[:, None], 0, bend)
    rest[bent] = spsolve(system[:, bent].tocsc(), smooth[bent] @ kept - system[:, ~bent] @ rest[~bent])
    return rest
