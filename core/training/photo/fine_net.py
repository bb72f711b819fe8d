"""Recipe `fine-net`: the network that tells relief from shades, from charts carved at random and portraits' own."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from ...capture.embedding import fingerprint
from ...capture.fine_net import FineNet, FineNetConfig, fine_net_tensors
from ...parametric.head import HeadModel
from ...weights import FOLDER
from ..implicit.trainer import Losses, Outcome, Schedule, cache_folder, fabric, train
from ..publish import publish
from .carved import CarvedCharts
from .reliefs import Reliefs

BATCH = 8
SCHEDULE = Schedule(4000, 2e-3, warmup=100, weight_decay=1e-4, average=0.995)
TESTED = 200
"""Crops of held-out portraits."""
STEEP = 0.1
"""Slope from which an error counts no longer by its square."""
LEVEL = 0.05
"""1/mm: weight of an error in height against one in slope."""


def train_fine_net(data: Path, out: Path = FOLDER, seed: int = 0) -> None:
    """Learn the network on `data`/portraits; write `fine_net.safetensors` and its card to `out`.

    Raises InputError when there are no portraits.
    """
    run, model, cache = fabric(), HeadModel.load(), cache_folder() / "photo"
    charts = CarvedCharts.of(Reliefs.load(data, cache), model, seed)
    rest = CarvedCharts.of(Reliefs.load(data, cache, held_out=True), model, seed)
    torch.manual_seed(seed)
    net = FineNet(FineNetConfig())
    outcome = fit(net, charts, run, seed)
    card = {
        "recipe": "likeness train fine-net",
        "data": f"relief carved at random into the heads of {len(charts)} official portraits (public domain) under "
        "their light and pigment, and what fine inverse rendering finds on them",
        "licence": "GPL-3.0-or-later",
        "training": asdict(outcome),
        "metrics": {"held_out_portraits": len(rest), **held_out(net, rest, seed)},
    }
    metadata = {"head": fingerprint(model), "config": json.dumps(asdict(net.config))}
    publish("fine_net", out, fine_net_tensors(net), card, metadata)


def fit(net: FineNet, charts: CarvedCharts, run: Fabric, seed: int, schedule: Schedule = SCHEDULE) -> Outcome:
    """Train `net` in place."""

    def losses(step: int) -> Losses:
        batch = charts.batch(np.random.default_rng([seed, step]), BATCH)
        seen, height, metric = (torch.from_numpy(array).to(run.device) for array in batch)
        return errors(net(seen).float(), height, metric, seen[:, -1])

    return train("fine-net", net, losses, schedule, run)


def errors(found: Tensor, height: Tensor, metric: Tensor, sight: Tensor) -> Losses:
    """Of heights `found` against `height` `[B, H, W]` in millimetres where there is `sight`, under the charts' `metric`
    `[B, 3, H, W]`."""
    off = (found - height)[:, :-1, :-1]
    squared = slope_squared(found - height, metric)
    weight = sight[:, :-1, :-1]
    slope = STEEP * (torch.sqrt(squared + STEEP**2) - STEEP)
    share = weight / weight.sum().clamp_min(1)
    return {"slope": 100 * (share * slope).sum(), "height": 100 * LEVEL * (share * torch.sqrt(off**2 + 0.01)).sum()}


def slope_squared(height: Tensor, metric: Tensor) -> Tensor:
    """Squared slopes `[B, H - 1, W - 1]` of heights `[B, H, W]` in millimetres."""
    right = (height[:, :, 1:] - height[:, :, :-1])[:, :-1]
    below = (height[:, 1:] - height[:, :-1])[:, :, :-1]
    first, mixed, second = metric[:, :, :-1, :-1].unbind(1)
    return (first * right + mixed * below) ** 2 + (second * below) ** 2


@torch.no_grad()
def held_out(net: FineNet, charts: CarvedCharts, seed: int) -> dict[str, float]:
    """Root mean square of slopes, in all and as the network leaves it, on crops of other portraits."""
    batch = charts.batch(np.random.default_rng([seed]), TESTED)
    seen, height, metric = (torch.from_numpy(array) for array in batch)
    weight = seen[:, -1, :-1, :-1]
    left = [slope_squared(h, metric) for h in (height, net.cpu()(seen) - height)]
    before, after = (float(((weight * squared).sum() / weight.sum()).sqrt()) for squared in left)
    return {"slope_rms": round(before, 4), "slope_rms_left": round(after, 4)}
