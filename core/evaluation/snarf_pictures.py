"""Suite `snarf-pictures`: a person in poses that nobody learned from, as it is and by each method, on one sheet.

The surface of a method is where its logit in the pose is 0, and reddens where it lies off the person's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from rich.progress import track
from scipy.spatial.transform import Rotation
from torch import Tensor

from ..geometry.closest import closest_points
from ..geometry.isosurface import Grid, extract_on
from ..implicit.articulated import Articulated
from ..implicit.persons import METHODS, load_persons
from ..rendering.rasterise import rasterise
from ..rendering.shading import linear_to_srgb, shade, vertex_normals
from ..training.figures.figure import Figure
from ..training.figures.occupancy import MARGIN
from ..training.implicit.snarf import TEST_POSES, figure_rows

PICTURE = Path(__file__).parents[2] / "docs" / "snarf.png"
SHOWN = 4
"""Poses."""
APART = 2.5
"""Radians, root of summed squares over the joints, between poses that are shown."""
CELL = 0.008
"""Metres of a cell of the surfaces."""
FALL = 0.01
"""Metres that a logit is read as: so few that cells of 3 cm whose corners have small ones are looked into."""
PANEL, SHARPNESS = (340, 440), 2
"""Pixels of one figure, and how many samples a pixel has along a side."""
BORDER = 0.09
"""Share of a panel, at least, on each side of the person: room for the box that points were drawn in."""
AZIMUTH = 25.0
"""Degrees by which the person turns to the viewer's right."""
CLAY, OFF = np.array([0.5, 0.5, 0.5]), np.array([0.75, 0.03, 0.02])
"""Linear: of surfaces, and of those that are off."""
TOLERATED, FARTHEST = 0.01, 0.04
"""Metres off the person's surface at which clay begins to redden, and is red."""
FAR = 50.0
"""Metres from the viewer to the pelvis."""
MM = 1e3
LIGHT = np.zeros((9, 1))
LIGHT[:4, 0] = 1.9, 0.6, 1.0, -0.5


def evaluate_snarf_pictures(data: Path) -> dict[str, Any]:
    """Draw `PICTURE`: a column for each pose, the person above, the methods below; the mean that these are off."""
    models = load_persons()[0]
    rows = figure_rows(data)
    drawn = [rows.figure("test_pose", index) for index in range(TEST_POSES)]
    figure, thetas = drawn[0][0], far_apart([theta for _, theta in drawn])
    columns = [_views(figure, theta, models) for theta in track(thetas, "Poses")]
    scale = min(_largest_scale(views["truth"]) for views in columns)
    sheet = Image.new("RGB", (len(columns) * PANEL[0], len(columns[0]) * PANEL[1]), "white")
    for column, views in enumerate(columns):
        for line, view in enumerate(views.values()):
            sheet.paste(_panel(view, views["truth"].middle, scale), (column * PANEL[0], line * PANEL[1]))
    for line, title in enumerate(columns[0]):
        ImageDraw.Draw(sheet).text((12, line * PANEL[1] + 8), title, "black", ImageFont.load_default(22))
    sheet.save(PICTURE, optimize=True)
    off = {method: np.concatenate([views[method].off for views in columns]) for method in METHODS}
    return {f"{method}, off_mm": MM * float(distance.mean()) for method, distance in off.items()}


def far_apart(thetas: list[np.ndarray]) -> list[np.ndarray]:
    """SHOWN of the poses [24, 3]: those that turn the joints most, none of them like another."""
    chosen: list[np.ndarray] = []
    for theta in sorted(thetas, key=lambda theta: -float(np.linalg.norm(theta))):
        if len(chosen) < SHOWN and all(np.linalg.norm(theta - other) > APART for other in chosen):
            chosen.append(theta)
    return chosen


def posed_surface(model: Articulated, theta: Tensor, bounds: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, 3] metres and triangles [F, 3] of the model in the pose theta [24, 3], within `bounds` [2, 3]."""
    bones = model.bones(theta[None])
    surface = extract_on(lambda points: -FALL * model.logits(points[None], bones)[0], Grid.within(bounds, CELL))
    return surface.vertices.numpy().astype(np.float64), surface.triangles.numpy()


@dataclass(frozen=True)
class _View:
    """A surface as the viewer has it: right, up and near."""

    vertices: np.ndarray
    """[V, 3] metres."""
    triangles: np.ndarray
    """[F, 3]."""
    off: np.ndarray
    """[V] metres from the person's surface."""

    @classmethod
    def of(cls, vertices: np.ndarray, triangles: np.ndarray, off: np.ndarray) -> "_View":
        return cls(vertices @ Rotation.from_euler("y", AZIMUTH, degrees=True).as_matrix().T, triangles, off)

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corner [3] of what is seen."""
        seen = self.vertices[np.unique(self.triangles)]
        return seen.min(0), seen.max(0)

    @property
    def middle(self) -> np.ndarray:
        """[3] metres."""
        return np.mean(self.bounds, 0)


def _views(figure: Figure, theta: np.ndarray, models: Mapping[str, Articulated]) -> dict[str, _View]:
    """The person in the pose theta [24, 3], and what each method makes of it in the box that points were drawn in."""
    truth = figure.posed(theta)
    low, high = truth.bounds()
    margin = MARGIN * (high - low)
    bounds = torch.tensor(np.stack([low - margin, high + margin]), dtype=torch.float32)
    views = {"truth": _View.of(truth.vertices, truth.triangles, np.zeros(len(truth.vertices)))}
    for method, model in models.items():
        vertices, triangles = posed_surface(model, torch.tensor(theta, dtype=torch.float32), bounds)
        views[method] = _View.of(vertices, triangles, closest_points(vertices, truth.vertices, truth.triangles)[2])
    return views


def _largest_scale(view: _View) -> float:
    """Pixels a metre at which it fills a panel but for the border."""
    low, high = view.bounds
    return float(((1 - 2 * BORDER) * np.array(PANEL) / (high - low)[:2]).min())


def _panel(view: _View, middle: np.ndarray, scale: float) -> Image.Image:
    """The surface in light, `middle` [3] in the middle, at `scale` pixels a metre."""
    width, height = (SHARPNESS * side for side in PANEL)
    flat = (view.vertices - middle) * (np.array([1, -1, 0]) * SHARPNESS * scale) + [width / 2, height / 2, 0]
    flat[:, 2] = FAR - view.vertices[:, 2]
    raster = rasterise(flat, view.triangles, (width, height))
    normals = raster.interpolate(view.triangles, vertex_normals(view.vertices, view.triangles))
    # Cloth and hair are sheets with two sides; the one that is seen faces the viewer.
    normals *= np.where(normals[:, 2:] < 0, -1, 1)
    reddened = np.clip((raster.interpolate(view.triangles, view.off) - TOLERATED) / (FARTHEST - TOLERATED), 0, 1)
    color = CLAY + reddened[:, None] * (OFF - CLAY)
    picture = np.ones((height, width, 3))
    picture[raster.covered] = linear_to_srgb(np.clip(shade(normals, LIGHT), 0, None) * color)
    return Image.fromarray((255 * picture).astype(np.uint8)).resize(PANEL, Image.Resampling.LANCZOS)
