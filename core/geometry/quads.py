"""Quad meshing of planar domains (training only: needs gmsh)."""

from collections.abc import Callable

import gmsh
import numpy as np


def quad_mesh(
    loops: list[np.ndarray], size: Callable[[np.ndarray], np.ndarray], *, smoothing: int = 20
) -> tuple[np.ndarray, np.ndarray]:
    """Fill a planar domain with quads alone.

    `loops`: [n, 2] each, the outer boundary first, then holes; neither repeats its first point. `size` maps points
    [P, 2] to the wished edge length. Every boundary edge is split once, so that boundary nodes of the result are the
    given points and the midpoints between them. Returns points [P, 2] and quads [Q, 4], counter-clockwise.
    """
    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.option.setNumber("General.NumThreads", 1)
        for name, value in {
            "Algorithm": 8,  # frontal-Delaunay for quads
            "RecombineAll": 1,
            "RecombinationAlgorithm": 1,  # blossom
            "SubdivisionAlgorithm": 1,  # what is left over becomes quads too
            "MeshSizeExtendFromBoundary": 0,
            "MeshSizeFromPoints": 0,
            "Smoothing": smoothing,
        }.items():
            gmsh.option.setNumber(f"Mesh.{name}", value)
        gmsh.model.add("domain")
        curves = [_loop(points) for points in loops]
        gmsh.model.geo.addPlaneSurface(curves)
        gmsh.model.geo.synchronize()
        # Recombined triangles are split once more: ask for twice the size.
        gmsh.model.mesh.setSizeCallback(lambda _d, _t, x, y, _z, _lc: 2 * float(size(np.array([[x, y]]))[0]))
        gmsh.model.mesh.generate(2)
        return _result()
    finally:
        gmsh.finalize()


def _loop(points: np.ndarray) -> int:
    tags = [gmsh.model.geo.addPoint(float(x), float(y), 0.0) for x, y in points]
    lines = [gmsh.model.geo.addLine(a, b) for a, b in zip(tags, tags[1:] + tags[:1], strict=True)]
    for line in lines:
        gmsh.model.geo.mesh.setTransfiniteCurve(line, 2)
    return gmsh.model.geo.addCurveLoop(lines)


def _result() -> tuple[np.ndarray, np.ndarray]:
    tags, coordinates, _ = gmsh.model.mesh.getNodes()
    types, _, nodes = gmsh.model.mesh.getElements(2)
    if list(types) != [3]:
        raise ValueError("the domain could not be filled with quads alone")
    index = np.zeros(int(tags.max()) + 1, np.int64)
    index[tags.astype(np.int64)] = np.arange(len(tags))
    quads = index[nodes[0].astype(np.int64)].reshape(-1, 4)
    used, compact = np.unique(quads, return_inverse=True)
    points = coordinates.reshape(-1, 3)[used, :2]
    quads = compact.reshape(-1, 4)
    a, b, c = (points[quads[:, i]] for i in (0, 1, 2))
    flipped = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) < 0
    quads[flipped] = quads[flipped][:, ::-1]
    return points, quads
