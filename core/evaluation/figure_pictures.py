"""Clothed figures as an artist sees them: suits with folds from the front, lit, and their normals, on one sheet."""

from pathlib import Path

import numpy as np
from PIL import Image

from ..rendering.shading import linear_to_srgb, shade, vertex_normals
from ..training.figures.figure import Dresser, Surface
from ..training.figures.folds import Fabric, draped
from ..training.figures.views import seen_from

PICTURE = Path(__file__).parents[2] / "docs" / "figures.png"
PANEL, SHARPNESS, HALF = 600, 2, 1.0
"""Pixels of one figure, how many samples a pixel has along a side, and metres from its middle to the border."""
PERSONS = (3, 4, 10, 13, 29)
SEED = 5
COLORS = np.array([[0.62, 0.40, 0.30], [0.8, 0.8, 0.8], [0.42, 0.46, 0.52], [0.12, 0.1, 0.09], [0.14, 0.08, 0.05]])
"""Linear, of `PARTS`."""
LIGHT = np.zeros((9, 1))
LIGHT[:4, 0] = 1.1, 0.75, 0.7, -0.8


def draw_figures(dresser: Dresser) -> None:
    """Five figures with folds, and their normals below: two rows in `PICTURE`."""
    sheet = Image.new("RGB", (len(PERSONS) * PANEL, 2 * PANEL), "white")
    for column, person in enumerate(PERSONS):
        rng = np.random.default_rng([SEED, person])
        surface = draped(dresser.draw(rng), Fabric.drawn(rng), rng)[1].rest()
        for line, panel in enumerate(_panels(surface)):
            sheet.paste(panel, (column * PANEL, line * PANEL))
    sheet.save(PICTURE, optimize=True)


def _panels(surface: Surface) -> tuple[Image.Image, Image.Image]:
    """Lit, and normals as colours."""
    raster = seen_from("front", surface, HALF, SHARPNESS * PANEL)
    seen = raster.interpolate(surface.triangles, vertex_normals(surface.vertices, surface.triangles))
    seen *= np.where(seen[:, 2:] < 0, -1, 1) / np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1e-12)
    color = COLORS[surface.part[raster.triangle[raster.covered]]]
    lit = linear_to_srgb(np.clip(shade(seen, LIGHT), 0, None) * color)
    return _image(raster.covered, lit), _image(raster.covered, (seen + 1) / 2)


def _image(covered: np.ndarray, colors: np.ndarray) -> Image.Image:
    picture = np.ones((*covered.shape, 3))
    picture[covered] = colors
    small = (PANEL, PANEL)
    return Image.fromarray((255 * picture).astype(np.uint8)).resize(small, Image.Resampling.LANCZOS)
