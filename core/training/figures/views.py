"""Normal maps of a figure from the front and from the back, by parallel rays."""

import numpy as np

from ...rendering.rasterise import interpolate, rasterise
from ...rendering.shading import vertex_normals
from .figure import Surface

SIZE = 256
HALF = 1.25
"""Metres from the middle of a map to its border: of all figures alike."""
FAR = 100.0
"""Metres: rays from there are as good as parallel."""


def normal_maps(surface: Surface, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Normals [2, size, size, 3] float32 in the figure's frame, from the front (+Z) and the back, 0 where nothing is;
    and the part [2, size, size] int8 that is seen, -1 for none. The middle of the bounding box is in the middle.
    """
    local = surface.vertices - np.mean(surface.bounds(), 0)
    normals = vertex_normals(surface.vertices, surface.triangles)
    maps, parts = np.zeros((2, size, size, 3), np.float32), np.full((2, size, size), -1, np.int8)
    for view, sign in enumerate((1, -1)):
        pixels = (np.c_[sign * local[:, 0], -local[:, 1]] / HALF + 1) * size / 2
        raster = rasterise(np.c_[pixels, FAR - sign * local[:, 2]], surface.triangles, (size, size))
        drawn = raster.triangle[raster.covered]
        seen = interpolate(normals, surface.triangles[drawn], raster.barycentric[raster.covered])
        # Sheets have two sides; the one that is seen faces the viewer.
        seen *= np.where(sign * seen[:, 2:] < 0, -1, 1)
        maps[view][raster.covered] = seen / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-12)
        parts[view][raster.covered] = surface.part[drawn]
    return maps, parts
