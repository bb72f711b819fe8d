"""Maps of a figure from its sides, by parallel rays."""

import numpy as np

from ...rendering.rasterise import Raster, rasterise
from ...rendering.shading import vertex_normals
from .figure import Surface

SIZE = 256
HALF = 1.25
"""Metres from the middle of a map to its border: of all figures alike."""
SIDES = {
    "front": ((1, 0, 0), (0, 0, 1)),
    "back": ((-1, 0, 0), (0, 0, -1)),
    "left": ((0, 0, -1), (1, 0, 0)),
    "right": ((0, 0, 1), (-1, 0, 0)),
}
"""Where the viewer stands, by the figure's own left and right: what is to a map's right, and towards the viewer."""
FAR = 100.0
"""Metres: rays from there are as good as parallel."""


def seen_from(side: str, surface: Surface, half: float = HALF, size: int = SIZE) -> Raster:
    """What a map of `size` pixels shows from a side; the middle of the bounding box is in the middle, and the border
    `half` metres from it.
    """
    right, towards = np.array(SIDES[side], float)
    local = surface.vertices - np.mean(surface.bounds(), 0)
    pixels = (np.c_[local @ right, -local[:, 1]] / half + 1) * size / 2
    return rasterise(np.c_[pixels, FAR - local @ towards], surface.triangles, (size, size))


def normal_maps(surface: Surface, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Normals [2, size, size, 3] float32 in the figure's frame, from the front (+Z) and the back, 0 where nothing is;
    and the part [2, size, size] int8 that is seen, -1 for none. The middle of the bounding box is in the middle.
    """
    normals = vertex_normals(surface.vertices, surface.triangles)
    maps, parts = np.zeros((2, size, size, 3), np.float32), np.full((2, size, size), -1, np.int8)
    for view, (side, sign) in enumerate((("front", 1), ("back", -1))):
        raster = seen_from(side, surface, size=size)
        seen = raster.interpolate(surface.triangles, normals)
        # Sheets have two sides; the one that is seen faces the viewer.
        seen *= np.where(sign * seen[:, 2:] < 0, -1, 1)
        maps[view][raster.covered] = seen / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-12)
        parts[view][raster.covered] = surface.part[raster.triangle[raster.covered]]
    return maps, parts
