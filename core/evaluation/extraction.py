"""Suite `extraction`: the surfaces of the implicit heads from coarse to fine, against the whole grid in the same run.

The reference evaluates the field at every node of the box that holds every head, cut into as many cells, and has
scikit-image find the surface; how far each surface's vertices lie from the other at most is told both ways, for in the
few cells that can be cut in two ways the two differ. Then what users get, whose cells the head has to itself: time and
memory against resolution, of one process for each run.
"""

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from skimage import measure
from torch import Tensor

from ..errors import InputError
from ..geometry.closest import closest_points
from ..geometry.isosurface import Grid, extract, extract_on
from ..implicit.chunks import in_chunks
from ..implicit.heads import MODELS, load_head_field

RESOLUTIONS = {"bald": 256, "with hair": 128}
"""Cells along the box's longest side, by head. With hair, every node of the whole grid takes twice as long."""
SWEEP = 64, 128, 256, 512
SEED = 0
NOT_MEASURED = "not measured"


def benchmark_extraction(plot: Path | None) -> dict[str, Any]:
    """A table for each of the RESOLUTIONS, and one of seconds and memory over SWEEP, which is also drawn as `plot`."""
    if plot and not (plot.suffix == ".png" and plot.absolute().parent.is_dir()):
        raise InputError(f"The plot cannot be written to {plot}; name a .png file in a folder that exists.")
    # First, while this process is small: to the system, the peak of a process is at least that of the one it came from.
    sweep = {(name, n): _alone(name, n) for name in MODELS for n in track(SWEEP, f"{name}, by resolution")}
    if plot:
        draw_plot(sweep, plot)
    dense = {
        f"Against the whole grid of {n} cells along the box of every head, {head}": {
            name: _against_dense(name, head == "with hair", n) for name in track(MODELS, f"Whole grid, {head}")
        }
        for head, n in RESOLUTIONS.items()
    }
    rows = {str(n): {key: value for name in MODELS for key, value in sweep[name, n].row(name)} for n in SWEEP}
    return {**dense, "A head with hair, by cells along the head": rows}


@dataclass(frozen=True)
class Run:
    """One extraction in a process of its own."""

    seconds: float
    gigabytes: float
    """The process at its largest, the libraries and the model included."""
    evaluations: int

    def row(self, name: str) -> list[tuple[str, float]]:
        figures = {"s": self.seconds, "GB": self.gigabytes, "M evaluations": self.evaluations / 1e6}
        return [(f"{name} {unit}", figure) for unit, figure in figures.items()]


def draw_plot(sweep: dict[tuple[str, int], Run], path: Path) -> None:
    """Write seconds and gigabytes against resolution, a line for each model, as a picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), dpi=130, layout="constrained")
    axes = figure.subplots(1, 2)
    for name in MODELS:
        runs = [sweep[name, n] for n in SWEEP]
        axes[0].plot(SWEEP, [run.seconds for run in runs], marker="o", label=name)
        axes[1].plot(SWEEP, [run.gigabytes for run in runs], marker="o", label=name)
    for axis, title in zip(axes, ("Seconds", "Peak memory of the process, GB"), strict=True):
        axis.set(title=title, xlabel="cells along the head", xscale="log", xticks=SWEEP, xticklabels=SWEEP)
        axis.set_ylim(bottom=0)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.savefig(path)


def _alone(name: str, resolution: int) -> Run:
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as process:
        return process.submit(_run, name, resolution).result()


def _run(name: str, resolution: int) -> Run:
    sdf, bounds = _sdf(name, "cpu", hair=True)
    extract(sdf, bounds, 32)
    seconds, surface = _timed(lambda: extract(sdf, bounds, resolution))
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
    return Run(seconds, peak, surface.evaluations)


def _against_dense(name: str, hair: bool, resolution: int) -> dict[str, Any]:
    """The row of a model. Both work with the same torch on the same device, scikit-image on the CPU."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sdf, bounds = _sdf(name, device, hair)
    extract(sdf, bounds, 32)
    grid = Grid.within(bounds, float((bounds[1] - bounds[0]).max()) / resolution)
    seconds, ours = _timed(lambda: extract_on(sdf, grid))
    dense_seconds, (vertices, triangles) = _timed(lambda: _dense(sdf, grid))
    theirs = vertices.astype(np.float64), triangles.astype(np.int64)
    found = ours.vertices.cpu().numpy(), ours.triangles.cpu().numpy()
    from_dense, from_ours = (
        1e3 * float(closest_points(a[0], *b)[2].max()) for a, b in ((found, theirs), (theirs, found))
    )
    return {
        "nodes": grid.nodes,
        "evaluations": ours.evaluations,
        "evaluations ratio": grid.nodes / ours.evaluations,
        "dense s": dense_seconds,
        "ours s": seconds,
        "wall ratio": dense_seconds / seconds,
        "GPU ms": 1e3 * seconds if device == "cuda" else NOT_MEASURED,
        "open edges": open_edges(found[1]),
        "ours from dense mm": from_dense,
        "dense from ours mm": from_ours,
    }


def _sdf(name: str, device: str, hair: bool) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """The head of SEED, and where to look for it."""
    field = load_head_field(name, device)
    z_id = field.latents.sample(torch.Generator().manual_seed(SEED), hair)
    return lambda points: field.sdf(points[None], z_id)[0], field.bounds


def _dense(sdf: Callable[[Tensor], Tensor], grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of the whole grid."""
    with torch.no_grad():
        values = in_chunks(lambda ids: sdf(grid.positions(ids)), torch.arange(grid.nodes, device=grid.origin.device))
    volume = values.reshape([count + 1 for count in grid.cells]).cpu().numpy()
    vertices, triangles, _, _ = measure.marching_cubes(volume, 0.0, spacing=(grid.step,) * 3)
    return vertices + grid.origin.cpu().numpy(), triangles


def open_edges(triangles: np.ndarray) -> int:
    """How many edges of `triangles` [F, 3] have another number of triangles than two: 0 where there is no hole."""
    edges = np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, count = np.unique(edges, axis=0, return_counts=True)
    return int((count != 2).sum())


def _timed(job: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    result = job()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began, result
