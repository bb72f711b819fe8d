"""The cache of figures with folds: a file for each person, in the T-pose, beside the smooth surface that folded."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from ...rendering.shading import vertex_normals
from ..implicit.trainer import cache_folder
from .figure import Surface
from .folds import Fabric, draped
from .rows import SPLITS, Rows
from .views import SIDES, seen_from

SIZE, HALF = 512, 1.024
"""Pixels along a side of a map, and metres from its middle to its border: a pixel is 4 mm. All but the fingertips of
the tallest are within."""
FINENESS = 1e-4
"""Metres: the unit of points. In the type float16 they would be off by up to half a millimetre."""


@dataclass(frozen=True)
class FoldRows(Rows):
    """Makes the rows of a split and keeps them: row k is the person of the rows 4 k to 4 k + 3 of `Rows`.

    A row has `sliders` [11], `outfit` and `fabric` (as text), and maps from `SIDES`, which begin with front and back:
    `normals` [4, 512, 512, 3] int8 (times 127) in the figure's frame and `parts` [4, 512, 512] int8 (-1 for none), of
    the figure with folds; `smooth_points` [4, 512, 512, 3] int16 (tenths of a millimetre, pelvis at the origin) and
    `smooth_normals` [4, 512, 512, 3] int8, of the surface without folds at the same place of the cloth, not at the same
    pixel; `middle` [3] metres is the figure's point in the middle of the maps. All are 0 where nothing is.
    """

    poses_each: int = 1
    folder: Path = field(default_factory=lambda: cache_folder() / "figures-folds-1")

    def _made(self, split: str, index: int) -> dict[str, np.ndarray]:
        person, _ = self.figure(split, index)
        rng = np.random.default_rng([SPLITS[split][0], index, 3])
        fabric = Fabric.drawn(rng)
        smooth, folded = (figure.rest() for figure in draped(person, fabric, rng))
        return {
            "sliders": person.sliders,
            "outfit": np.array(str(asdict(person.outfit))),
            "fabric": np.array(str(asdict(fabric))),
            "middle": np.mean(folded.bounds(), 0),
            **maps(smooth, folded),
        }


def maps(smooth: Surface, folded: Surface) -> dict[str, np.ndarray]:
    """The maps of a row, of two surfaces whose vertices agree in number and order."""
    triangles, shape = folded.triangles, (len(SIDES), SIZE, SIZE)
    made: dict[str, np.ndarray] = {
        "normals": np.zeros((*shape, 3), np.int8),
        "parts": np.full(shape, -1, np.int8),
        "smooth_points": np.zeros((*shape, 3), np.int16),
        "smooth_normals": np.zeros((*shape, 3), np.int8),
    }
    normals, smooth_normals = (vertex_normals(surface.vertices, triangles) for surface in (folded, smooth))
    a, b, c = (folded.vertices[triangles[:, k]] for k in range(3))
    facing = np.cross(b - a, c - a)
    for view, (side, (_, towards)) in enumerate(SIDES.items()):
        raster = seen_from(side, folded, HALF, SIZE)
        drawn = raster.triangle[raster.covered]
        # Sheets have two sides; both surfaces show the one that is seen of the folded.
        turn = np.where(facing[drawn] @ towards < 0, -127, 127)[:, None]
        made["normals"][view][raster.covered] = np.round(turn * _unit(raster.interpolate(triangles, normals)))
        smooth_seen = _unit(raster.interpolate(triangles, smooth_normals))
        made["smooth_normals"][view][raster.covered] = np.round(turn * smooth_seen)
        made["parts"][view][raster.covered] = folded.part[drawn]
        points = raster.interpolate(triangles, smooth.vertices)
        made["smooth_points"][view][raster.covered] = np.round(points / FINENESS)
    return made


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
