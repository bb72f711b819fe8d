"""Suite `snarf`: correspondences a second of the fast root search, against SNARF's own search in the same run.

The plain search is that of the paper: the network's weights at every step, Broyden of 50 steps, every point from every
start, the paper's nine or all 24. The fast one has the voxels to pose at every call, which its time includes.

Points to search for are canonical points about the person's surface, posed by the network: each is known to have a
root. Found is a point that any root was found for; brought back, one of whose roots is the point that it was made of.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import UsageError
from ..implicit.articulated import Bones
from ..implicit.persons import load_persons
from ..implicit.root_search import Roots
from ..implicit.snarf import PAPER_BONES, Snarf
from ..implicit.voxel_skinning import VoxelSkinning
from ..training.body_model.poses import random_theta

POSES, POINTS, PLAIN_POINTS = 4, 5_000, 250
"""Of each pose. The plain search is a hundred times slower, and is given fewer of the same points."""
CELLS = 64, 128
"""Of the voxels, along the longest side."""
BODY = 0.2
"""Metres from the nearest bone beyond which nobody and no cloth is: surfaces there are floaters of the network."""
NEAR = 0.02
"""Metres between a canonical point and the surface, as standard deviation."""
BACK = 0.01
"""Metres within which a root is the point that was posed."""
SEED = 5
MM = 1e3


def benchmark_snarf(plot: Path | None) -> dict[str, Any]:
    """A row for each search. Raises UsageError for a plot: there is none."""
    if plot:
        raise UsageError("The suite snarf has no plot; leave --plot out.")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_persons(device)[0]["SNARF"]
    assert isinstance(model, Snarf)
    rng = np.random.default_rng(SEED)
    theta = np.stack([random_theta(rng) for _ in range(POSES)])
    theta[:, 0] = 0
    bones = model.bones(torch.tensor(theta, dtype=torch.float32, device=device))
    canonical = surface_points(model, bones, POINTS, torch.Generator().manual_seed(SEED))
    posed = torch.stack([_posed(model, points, pose, bones) for pose, points in enumerate(canonical)])
    few = slice(0, PLAIN_POINTS)
    rows = {
        "plain, the paper's 9 starts": _row(
            lambda x: model.slow_roots(x, bones, PAPER_BONES), posed[:, few], canonical[:, few]
        ),
        "plain, all 24 starts": _row(lambda x: model.slow_roots(x, bones), posed[:, few], canonical[:, few]),
    }
    for cells in CELLS:
        voxels = VoxelSkinning.of(model.skinning, model.skeleton, cells)
        rows[f"fast, {cells} cells"] = _row(_searched(voxels, bones), posed, canonical)
    for row in rows.values():
        for name in list(rows)[:2]:
            row[f"ratio to {name.removeprefix('plain, ')}"] = row["points/s"] / rows[name]["points/s"]
    return {"device": device, "threads": torch.get_num_threads(), "Correspondences": rows}


def surface_points(model: Snarf, bones: Bones, count: int, generator: torch.Generator) -> Tensor:
    """Canonical points about the surface that each pose gives the person: `[B, count, 3]`."""
    nodes = model.voxels.reach.nodes
    found = []
    for pose in range(len(bones.feature)):
        at = nodes.positions()
        inside = model.occupancy(at, bones.feature, torch.full((len(at),), pose, device=at.device))[:, 0] > 0
        volume = inside.reshape(1, 1, *nodes.shape).float()
        grown = torch.nn.functional.max_pool3d(volume, 3, 1, 1).bool().flatten()
        shell = at[grown & ~inside & (model.skeleton.distances(at).amin(1) < BODY)]
        chosen = shell[torch.randint(len(shell), (count,), generator=generator).to(at.device)]
        found.append(chosen + NEAR * torch.randn(count, 3, generator=generator).to(at.device))
    return torch.stack(found)


def _searched(voxels: VoxelSkinning, bones: Bones) -> Callable[[Tensor], Roots]:
    return lambda posed: voxels.posed(bones).roots(posed)


def _posed(model: Snarf, points: Tensor, pose: int, bones: Bones) -> Tensor:
    return model.deform(points, torch.full((len(points),), pose, device=points.device), bones)


def _row(find: Callable[[Tensor], Roots], posed: Tensor, canonical: Tensor) -> dict[str, float]:
    """The figures of one search for `posed` [B, N, 3], which were at `canonical`."""
    find(posed[:, :100])
    began = _now()
    roots = find(posed)
    seconds = _now() - began
    apart = (roots.points - canonical.flatten(0, 1)[:, None]).norm(dim=2).where(roots.converged, torch.inf).amin(1)
    back = apart < BACK
    return {
        "points/s": len(apart) / seconds,
        "found %": 100 * roots.found.float().mean().item(),
        "brought back %": 100 * back.float().mean().item(),
        "error mm, median": MM * apart[back].median().item(),
        "error mm, 99 %": MM * apart[back].quantile(0.99).item(),
        "roots a point": roots.distinct(1e-3).float().sum(1).mean().item(),
    }


def _now() -> float:
    """Seconds, of this process alone where it does the work itself."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()
