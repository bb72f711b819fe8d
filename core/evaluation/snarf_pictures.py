"""Suite `snarf-pictures`: a person in poses that were not trained, as it is and by each method."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..geometry.isosurface import extract
from ..implicit.articulated import Articulated, canonical_theta
from ..implicit.persons import METHODS, load_persons
from ..training.implicit.snarf import TEST_POSES, figure_rows
from .body_pictures import PANEL, panel

PICTURE = Path(__file__).parents[2] / "docs" / "snarf.png"
SHOWN = 3
"""Poses: those that turn the joints most, of other clips each."""
APART = 1.0
"""Radians, root of summed squares, between poses that are shown."""
RESOLUTION = 128
MARGIN = 0.15
"""Metres about the figure."""
FLAT, STEEP = 0.02, 0.004
"""Metres at most, and for one logit, that occupancy is read as a distance: so flat that nothing is passed over."""


def evaluate_snarf_pictures(data: Path) -> dict[str, Any]:
    """Draw the first person into `PICTURE`: a row for each method under the figure's, a column for each pose."""
    models = load_persons()[0]
    rows = figure_rows(data)
    drawn = [rows.figure("test_pose", index) for index in range(TEST_POSES)]
    figure = drawn[0][0]
    thetas = [canonical_theta().numpy(), *_far_apart([theta for _, theta in drawn])]
    sheet = Image.new("RGB", (len(thetas) * PANEL[0], (1 + len(METHODS)) * PANEL[1]), "white")
    for column, theta in enumerate(thetas):
        truth = figure.posed(theta)
        sheet.paste(panel(truth.vertices, truth.triangles, 0), (column * PANEL[0], 0))
        low, high = truth.bounds()
        bounds = torch.tensor(np.stack([low - MARGIN, high + MARGIN]), dtype=torch.float32)
        for line, method in enumerate(METHODS):
            vertices, triangles = posed_mesh(models[method], torch.tensor(theta, dtype=torch.float32), bounds)
            sheet.paste(panel(vertices, triangles, 0), (column * PANEL[0], (line + 1) * PANEL[1]))
    sheet.save(PICTURE)
    return {"pictures": len(thetas) * (1 + len(METHODS))}


def posed_mesh(model: Articulated, theta: Tensor, bounds: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, 3] and triangles [F, 3] of the model in the pose theta [24, 3], within `bounds` [2, 3] metres."""
    bones = model.bones(theta[None])

    def distance(points: Tensor) -> Tensor:
        return (-STEEP * model.logits(points[None], bones)[0]).clamp(-FLAT, FLAT)

    surface = extract(distance, bounds, RESOLUTION)
    return surface.vertices.numpy().astype(np.float64), surface.triangles.numpy()


def _far_apart(thetas: list[np.ndarray]) -> list[np.ndarray]:
    """Of the poses those that turn most and differ from one another."""
    chosen: list[np.ndarray] = []
    for theta in sorted(thetas, key=lambda theta: -float(np.linalg.norm(theta))):
        if len(chosen) < SHOWN and all(np.linalg.norm(theta - other) > APART for other in chosen):
            chosen.append(theta)
    return chosen
