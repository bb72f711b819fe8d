"""Low-distortion flattening of a surface into the plane (training only: needs libigl)."""

import igl
import numpy as np
import scipy.sparse as sparse
from scipy.sparse.linalg import spsolve


def flatten(vertices: np.ndarray, faces: np.ndarray, *, apex: np.ndarray, iterations: int = 100) -> np.ndarray:
    """Map a disk with holes to the plane without flips, minimising the symmetric Dirichlet energy.

    Tutte's embedding on a circle starts, SLIM (Rabinovich et al., "Scalable Locally Injective Mappings", 2017) refines.
    Each hole is closed by a cone so that its rim can neither fold over nor cross itself: a slit like the mouth opens.

    `vertices` [V, 3], `faces` [F, 3]; `apex` [3]: displacement of a cone's tip from its rim's centroid, per unit of the
    rim's radius. Returns [V, 2] in the unit of `vertices`, orientation-preserving.
    """
    loops = sorted((np.asarray(loop) for loop in igl.boundary_loop_all(faces)), key=len, reverse=True)
    rim, holes = loops[0], loops[1:]
    closed_vertices, closed_faces = _close(vertices, faces, holes, apex)
    plane = _tutte(closed_vertices, closed_faces, rim)
    scale = igl.doublearea(closed_vertices, closed_faces).sum() / np.abs(signed_area(plane, closed_faces)).sum() / 2
    slim = igl.slim_precompute(
        np.asfortranarray(closed_vertices),
        np.asfortranarray(closed_faces.astype(np.int32)),
        np.asfortranarray(plane * np.sqrt(scale)),
        igl.SYMMETRIC_DIRICHLET,
        np.zeros(0, np.int32),
        np.zeros((0, 2)),
        0.0,
    )
    return np.asarray(igl.slim_solve(slim, iterations))[: len(vertices), :2]


def signed_area(plane: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Areas of triangles `[F, 3]` in the plane `[V, 2]`; negative where they are flipped."""
    a, b, c = (plane[faces[:, i]] for i in range(3))
    return ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2


def _close(vertices: np.ndarray, faces: np.ndarray, holes: list[np.ndarray], apex: np.ndarray):
    for hole in holes:
        rim = vertices[hole]
        centre = rim.mean(0)
        radius = np.linalg.norm(rim - centre, axis=1).mean()
        tip = np.full(len(hole), len(vertices))
        faces = np.concatenate([faces, np.stack([np.roll(hole, -1), hole, tip], 1)])
        vertices = np.concatenate([vertices, (centre + apex * radius)[None]])
    return vertices, faces


def _tutte(vertices: np.ndarray, faces: np.ndarray, rim: np.ndarray) -> np.ndarray:
    """Barycentric embedding with uniform weights, the rim on a circle by arc length."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    count = len(vertices)
    both = np.concatenate([edges, edges[:, ::-1]])
    adjacency = sparse.coo_matrix((np.ones(len(both)), both.T), shape=(count, count)).tocsr()
    adjacency.data[:] = 1
    laplacian = (sparse.diags(np.asarray(adjacency.sum(1)).ravel()) - adjacency).tocsr()
    length = np.linalg.norm(np.roll(vertices[rim], -1, 0) - vertices[rim], axis=1)
    angle = 2 * np.pi * np.cumsum(length) / length.sum()
    plane = np.zeros((count, 2))
    plane[rim] = np.stack([np.cos(angle), np.sin(angle)], 1)
    inner = np.setdiff1d(np.arange(count), rim)
    plane[inner] = spsolve(laplacian[inner][:, inner].tocsc(), -(laplacian[inner][:, rim] @ plane[rim]))
    if signed_area(plane, faces).sum() < 0:
        plane[:, 0] *= -1
    return plane
