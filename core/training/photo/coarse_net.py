"""Recipe `coarse-net`: dense points with their uncertainty, learned on synthetic portraits.

The loss is the Gaussian negative log-likelihood of Wood et al. (ECCV 2022), equation 1, and cross-entropy for
visibility; hidden points count too, so that the network tells where they must be, and how unsure it is.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional

from ...capture.coarse_net import CoarseNet, CoarseNetConfig, DensePrediction, coarse_net_tensors
from ...capture.embedding import fingerprint
from ...parametric.head import HeadModel
from ...weights import FOLDER
from ..implicit.trainer import Losses, Outcome, Schedule, cache_folder, fabric, train
from ..publish import publish
from .shards import PortraitSet, middle_view

PORTRAITS, TESTED, BATCH = 6000, 400, 32
SCHEDULE = Schedule(6000, 1e-3, muon=3.0, warmup=200, weight_decay=1e-4, average=0.995)
HIDDEN = 0.3
"""Weight of points that are not seen."""
VISIBILITY = 0.2
"""Weight of the cross-entropy."""
LICENCE = "GPL-3.0-or-later"
DATA = (
    "synthetic portraits: heads of the head model (ICT-FaceKit, MIT), skins and lights of official portraits (public "
    "domain), hair of MakeHuman's assets (CC0), pictures that scikit-image brings as backgrounds"
)


@dataclass(frozen=True)
class HeldOut:
    """How a network does on portraits of people, in light and skin, that it was not trained on."""

    error_iod: float
    """Mean distance of visible points, over that between the irises as seen, median over portraits."""
    spread_ratio: float
    """Root mean square of the errors over the spreads that were told: 1 where these are right."""
    visibility: float
    """Share of the points whose visibility is told rightly."""


def train_coarse_net(data: Path, out: Path = FOLDER, seed: int = 0) -> None:
    """Learn the network on `data`; write `coarse_net.safetensors` and its card to `out`.

    Raises InputError when `data` lacks something.
    """
    run, model = fabric(), HeadModel.load()
    cache = cache_folder() / "photo"
    portraits = PortraitSet.load(data, cache, "train", PORTRAITS)
    torch.manual_seed(seed)
    net = untrained(portraits)
    outcome = fit(net, portraits, run, seed)
    found = held_out(net, PortraitSet.load(data, cache, "test", TESTED))
    save(net, model, out, outcome, found)


def untrained(portraits: PortraitSet, config: CoarseNetConfig | None = None) -> CoarseNet:
    """A network that starts from the portraits' mean points."""
    points = np.stack([portraits.view(i, middle_view())[1] for i in range(min(len(portraits), 500))])
    net = CoarseNet(config or CoarseNetConfig(points.shape[1]))
    net.mean.copy_(torch.tensor(points.mean(0)))
    with torch.no_grad():
        net.out.weight.mul_(0.1)
        net.out.bias.unflatten(0, (-1, 4))[:, 2] = 2.0
    return net


def fit(net: CoarseNet, portraits: PortraitSet, run: Fabric, seed: int, schedule: Schedule = SCHEDULE) -> Outcome:
    """Train `net` in place."""

    def losses(step: int) -> Losses:
        pixels, points, visible = portraits.batch(np.random.default_rng([seed, step]), BATCH)
        images = as_input(pixels, run.device)
        exposure = torch.empty(len(images), 1, 1, 1, device=images.device).uniform_(0.75, 1.3)
        found = net((images * exposure).clamp(max=1))
        return likelihood(found, torch.tensor(points).to(run.device), torch.tensor(visible).to(run.device))

    return train("coarse-net", net, losses, schedule, run)


def as_input(pixels: np.ndarray, device: torch.device | str) -> Tensor:
    """Pixels `[B, H, W, 3]` uint8 as the network takes them."""
    images = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).float() / 255
    # Not channels_last: GroupNorm's backward pass on the CPU corrupts memory there (torch 2.13).
    return images.movedim(-1, 1).contiguous()


def likelihood(found: DensePrediction, points: Tensor, visible: Tensor) -> Losses:
    """Negative log-likelihood a point, and cross-entropy, of `points` `[B, P, 2]` and `visible` `[B, P]` bool."""
    squared = (found.points - points).square().sum(-1)
    told = 2 * found.log_spread + squared / (2 * torch.exp(2 * found.log_spread))
    weight = torch.where(visible, 1.0, HIDDEN)
    crossed = functional.binary_cross_entropy_with_logits(found.visible, visible.float())
    return {"points": (weight * told).sum() / weight.sum(), "visible": VISIBILITY * crossed}


@torch.no_grad()
def held_out(net: CoarseNet, portraits: PortraitSet) -> HeldOut:
    """Measure on `portraits`, each seen once, framed as in capture."""
    errors, ratios, right = [], [], []
    device = net.mean.device
    for start in range(0, len(portraits), BATCH):
        views = [portraits.view(i, middle_view()) for i in range(start, min(start + BATCH, len(portraits)))]
        pixels, points, visible = (np.stack(column) for column in zip(*views, strict=True))
        found = net(as_input(pixels, device))
        distance = np.linalg.norm(found.points.cpu().numpy() - points, axis=-1)
        ocular = np.linalg.norm(points[:, -1] - points[:, -2], axis=-1)
        frontal = (distance * visible).sum(1) / np.maximum(visible.sum(1), 1)
        errors.append((frontal / ocular)[visible.sum(1) > 0])
        ratios.append((distance**2 / (2 * np.exp(2 * found.log_spread.cpu().numpy())))[visible])
        right.append((found.visible.cpu().numpy() > 0) == visible)
    return HeldOut(
        float(np.median(np.concatenate(errors))),
        float(np.sqrt(np.concatenate(ratios).mean())),
        float(np.concatenate(right).mean()),
    )


def save(net: CoarseNet, model: HeadModel, out: Path, outcome: Outcome, found: HeldOut) -> None:
    """Write weights and card."""
    card = {
        "recipe": "likeness train coarse-net",
        "data": f"{PORTRAITS} {DATA}",
        "licence": LICENCE,
        "training": asdict(outcome),
        "held_out": {name: round(value, 4) for name, value in asdict(found).items()},
    }
    metadata = {"head": fingerprint(model), "config": json.dumps(asdict(net.config))}
    publish("coarse_net", out, coarse_net_tensors(net), card, metadata)
