"""Suite `heads-pictures`: held-out heads through the implicit path, as an artist sees them."""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.progress import track

from ..capture.appearance import plain_materials
from ..capture.coded_head import given_code
from ..capture.implicit_avatar import AUTO, RESOLUTION, ImplicitHead, implicit_avatar
from ..capture.inversion import Inversion, invert
from ..capture.linear_fit import CANONICAL, HeadSurface, fit_linear
from ..parametric.head import SHAPES, HeadModel
from ..weights import weights_path
from .heads_protocol import GROUPS, HeldOutHeads, PointCloud

CHOSEN = {"bald": (0, 1), "with hair": (0, 1), "unseen style": (0,)}
"""Which of each group of the test heads."""
POINTS = 5_000
PICTURE = Path(__file__).parents[2] / "docs" / "implicit_heads.png"
PANEL = (200, 250)
"""Pixels of one panel."""
BATCH = (sys.executable, "-P", "-m", "likeness.blender_addon.batch")


def evaluate_head_pictures(data: Path) -> dict[str, Any]:
    """Fit the heads of `CHOSEN` to points of theirs and extract their surfaces; render each neutral, with the jaw open,
    in a blink and smiling: one row a head in `PICTURE`. Figures: how far the points lie from the surfaces.
    """
    heads, rows, figures = HeldOutHeads(data), [], {}
    parametric = HeadModel.load(weights_path("head"))
    start = ImplicitHead.load(AUTO, given_code([0.0] * SHAPES), "implicit", RESOLUTION, "cpu")
    chosen = [(group, GROUPS[group][number]) for group, numbers in CHOSEN.items() for number in numbers]
    for group, index in track(chosen, "Heads"):
        with tempfile.TemporaryDirectory() as folder:
            avatar = Path(folder) / "head.npz"
            found = _inverted(start, parametric, heads.head(index).cloud(POINTS))
            head = replace(start, z_id=found.z_id)
            implicit_avatar(head, parametric, materials=plain_materials(parametric)).save(avatar)
            order = [*BATCH, str(avatar), "--out", folder, "--formats", "", "--expressions"]
            subprocess.run(order, check=True, capture_output=True)
            rows.append(_row(Image.open(Path(folder) / "expressions.png").convert("RGB")))
        figures[f"{group} {index}: points to surface, median mm"] = found.residual_mm
    picture = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for number, row in enumerate(rows):
        picture.paste(row, (0, number * row.height))
    picture.save(PICTURE)
    return figures


def _inverted(head: ImplicitHead, parametric: HeadModel, cloud: PointCloud) -> Inversion:
    """The code of a cloud in the canonical pose."""
    linear = fit_linear(HeadSurface.of(parametric), cloud.points, cloud.normals, arkit=CANONICAL, posed=False)
    points, normals, beta = (
        torch.from_numpy(array.astype(np.float32)) for array in (cloud.points, cloud.normals, linear.beta)
    )
    return invert(head.field, points, normals, beta=beta)


def _row(sheet: Image.Image) -> Image.Image:
    """The two rows of a sheet of expressions as one, front and three-quarter view of each expression side by side."""
    width, height = PANEL
    small = sheet.resize((4 * width, 2 * height), Image.Resampling.LANCZOS)
    row = Image.new("RGB", (8 * width, height))
    for number in range(8):
        column, line = divmod(number, 2)
        box = (column * width, line * height, (column + 1) * width, (line + 1) * height)
        row.paste(small.crop(box), (number * width, 0))
    return row
