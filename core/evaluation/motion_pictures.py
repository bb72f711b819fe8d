"""Suite `motion-pictures`: captured motion and the body that it was brought onto, frame under frame."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..bodies.feet import plant_feet
from ..bodies.retarget import retarget
from ..bodies.soles import sole_paths, soles
from ..parametric.bvh import read_bvh
from ..parametric.smpl_joints import JOINTS, PARENTS, adult_joints

CLIPS = {"02_01_walk": (20, 100, 2), "02_04_jump": (40, 200, 2), "02_06_bend_reach": (60, 260, 0)}
"""First and last frame, and the axis of the world that goes to the right."""
FIGURES, APART = 14, 0.85
"""Figures in a row, and metres between them."""
PICTURE = Path(__file__).parents[2] / "docs" / "motion.png"
COLORS = {"left": "tab:blue", "right": "tab:red", "": "0.25"}


def evaluate_motion_pictures(data: Path) -> dict[str, Any]:
    """Draw clips of `data`/motion into `PICTURE`: the captured skeleton above the body with its feet planted."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 13), layout="constrained")
    axes = figure.subplots(2 * len(CLIPS), 1, sharex=True)
    joints = adult_joints().astype(np.float64)
    for row, (name, (first, last, axis)) in enumerate(CLIPS.items()):
        source = read_bvh(data / "motion" / f"{name}.bvh")
        motion = plant_feet(retarget(source, joints), joints)
        rotations, positions = motion.posed(joints)
        feet = sole_paths(rotations, positions, joints, soles(joints))
        frames = np.linspace(first, last, FIGURES).astype(int)
        captured, body = axes[2 * row : 2 * row + 2]
        captured.set_title(f"{name}: as captured, and on the body below", loc="left")
        for panel in (captured, body):
            panel.axhline(0, color="0.7", linewidth=0.8)
            panel.set_ylim(-0.1, 2.1)
            panel.set_aspect("equal")
            panel.set_axis_off()
        for i, frame in enumerate(frames):
            _draw(captured, source.positions[frame], source.parents, source.names, axis, i * APART)
            _draw(body, positions[frame], PARENTS, JOINTS, axis, i * APART)
            _draw_soles(body, feet[frame], positions[frame], axis, i * APART)
    figure.savefig(PICTURE, dpi=80)
    return {"pictures": 2 * len(CLIPS) * FIGURES}


def _draw(
    panel: Any, points: np.ndarray, parents: Sequence[int], names: Sequence[str], axis: int, shift: float
) -> None:
    """The bones of `[J, 3]` points, seen along the other level axis, its middle at `shift`."""
    across = points[:, axis] - points[:, axis].mean() + shift
    for j, parent in enumerate(parents):
        if parent >= 0:
            side = next((side for side in ("left", "right") if names[j].lower().startswith(side)), "")
            panel.plot(across[[parent, j]], points[[parent, j], 1], color=COLORS[side], linewidth=1.6)


def _draw_soles(panel: Any, feet: np.ndarray, points: np.ndarray, axis: int, shift: float) -> None:
    for foot, side in zip(feet, ("left", "right"), strict=True):
        across = foot[:, axis] - points[:, axis].mean() + shift
        panel.plot(across, foot[:, 1], color=COLORS[side], linewidth=1, marker=".", markersize=3)
