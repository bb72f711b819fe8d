"""Suite `heads-pictures`: held-out heads through the implicit path, as an artist sees them."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import trimesh
from PIL import Image
from rich.progress import track

from ..capture.scan import capture_scan
from .heads_protocol import GROUPS, HeldOutHeads

CHOSEN = {"bald": (0, 1), "with hair": (0, 1), "unseen style": (0,)}
"""Which of each group of the test heads."""
POINTS = 20_000
PICTURE = Path(__file__).parents[2] / "docs" / "implicit_heads.png"
PANEL = (200, 250)
"""Pixels of one panel."""
BATCH = (sys.executable, "-P", "-m", "likeness.blender_addon.batch")


def evaluate_head_pictures(data: Path) -> dict[str, Any]:
    """Scan the heads of `CHOSEN`, extract their surfaces, and render each neutral, with the jaw open, in a blink and
    smiling: one row a head in `PICTURE`. Figures: how far the scans lie from the surfaces.
    """
    heads, rows, figures = HeldOutHeads(data), [], {}
    chosen = [(group, GROUPS[group][number]) for group, numbers in CHOSEN.items() for number in numbers]
    for group, index in track(chosen, "Heads"):
        with tempfile.TemporaryDirectory() as folder:
            scan, avatar = Path(folder) / f"head_{index}.ply", Path(folder) / "head.npz"
            cloud = heads.head(index).cloud(POINTS)
            trimesh.Trimesh(cloud.points, vertex_normals=cloud.normals, process=False).export(scan)
            head, report = capture_scan(scan, topology="implicit")
            head.save(avatar)
            order = [*BATCH, str(avatar), "--out", folder, "--formats", "", "--expressions"]
            subprocess.run(order, check=True, capture_output=True)
            rows.append(_row(Image.open(Path(folder) / "expressions.png").convert("RGB")))
        figures[f"{group} {index}: scan to surface, median mm"] = report["errors"]["scan_to_surface_mm"]
    picture = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for number, row in enumerate(rows):
        picture.paste(row, (0, number * row.height))
    picture.save(PICTURE)
    return figures


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
