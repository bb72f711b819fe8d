"""Quads for a surface of triangles, by Instant Meshes (Jakob et al., "Instant field-aligned meshes", 2015)."""

import contextlib
import os
import sys
from collections.abc import Iterator

import numpy as np

SMOOTHING = 2
"""Rounds of smoothing and reprojection."""


def quad_remesh(vertices: np.ndarray, triangles: np.ndarray, edge: float) -> tuple[np.ndarray, np.ndarray]:
    """Vertices `[V', 3]` and quads `[Q, 4]`, about `edge` metres wide, of a mesh `[V, 3]`, `[T, 3]`; its borders stay.

    The same input gives the same quads.
    """
    import pynanoinstantmeshes

    used, triangles = np.unique(triangles, return_inverse=True)
    vertices, triangles = vertices[used], triangles.reshape(-1, 3)
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    # Its faces, which have three to seven sides, are split into quads in the end: four of each square.
    count = max(int(area / (2 * edge) ** 2), 64)
    with _silence():
        found, quads = pynanoinstantmeshes.remesh(
            np.ascontiguousarray(vertices, np.float32),
            np.ascontiguousarray(triangles, np.uint32),
            count,
            align_to_boundaries=True,
            smooth_iter=SMOOTHING,
            deterministic=True,
        )
    return np.asarray(found, np.float64), np.asarray(quads, np.int64)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Instant Meshes tells of its progress on the process's standard output, past Python."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
