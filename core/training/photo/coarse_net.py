"""Recipe `coarse-net`: dense points with their uncertainty, learned on synthetic portraits.

The loss of every look is the Gaussian negative log-likelihood of Wood et al. (ECCV 2022), equation 1, and cross-entropy
for visibility; hidden points count too, so that the network tells where they must be, and how unsure it is. The last
look's features must also tell the shape of the head. The trunk starts from
MediaPipe's face mesh: what it knows of real faces would take a graphics card and many more pictures to learn.
"""

import json
import os
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
from ..implicit.trainer import Losses, Outcome, Schedule, cache_folder, train
from ..publish import publish
from .identity import aligned_gram
from .mesh_weights import start_from_mesh
from .shards import PortraitSet, middle_view

PORTRAITS, TESTED, BATCH = 11000, 400, 32
SCHEDULE = Schedule(5000, 1e-3, muon=3.0, warmup=200, weight_decay=1e-4, average=0.995)
HIDDEN = 0.3
"""Weight of points that are not seen."""
VISIBILITY = 0.2
"""Weight of the cross-entropy."""
LICENCE = "GPL-3.0-or-later"
DATA = (
    "synthetic portraits: heads of the head model (ICT-FaceKit, MIT), skins and lights of official portraits (public "
    "domain), hair of MakeHuman's assets (CC0), pictures that scikit-image brings as backgrounds; the trunk "
    "starts from MediaPipe's face mesh (Google, Apache-2.0)"
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
    shape_mm: float
    """Root mean square distance of the neutral faces' vertices, aligned, by the shape layer."""
    shape_mm_mean_head: float


def train_coarse_net(data: Path, out: Path = FOLDER, seed: int = 0) -> None:
    """Learn the network on `data`; write `coarse_net.safetensors` and its card to `out`.

    Raises InputError when `data` lacks something.
    """
    run, model = Fabric(accelerator="auto", devices=1, precision="32-true"), HeadModel.load()
    cache = cache_folder() / "photo"
    portraits = PortraitSet.load(data, cache, "train", PORTRAITS, workers=os.cpu_count() or 1)
    torch.manual_seed(seed)
    net, gram = untrained(portraits), aligned_gram(model)
    start_from_mesh(net.trunk)
    outcome = fit(net, portraits, gram, run, seed)
    found = held_out(net, PortraitSet.load(data, cache, "test", TESTED), gram)
    save(net, model, out, outcome, found)


def untrained(portraits: PortraitSet, config: CoarseNetConfig | None = None) -> CoarseNet:
    """A network that starts from the portraits' mean points."""
    points = np.stack([portraits.view(i, middle_view())[1] for i in range(min(len(portraits), 500))])
    net = CoarseNet(config or CoarseNetConfig(points.shape[1]))
    net.mean.copy_(torch.tensor(points.mean(0)))
    return net


def fit(
    net: CoarseNet, portraits: PortraitSet, gram: np.ndarray, run: Fabric, seed: int, schedule: Schedule = SCHEDULE
) -> Outcome:
    """Train `net` in place; `gram` `[100, 100]` tells how far apart betas are."""
    metric = torch.tensor(gram / np.trace(gram), dtype=torch.float32).to(run.device)

    def losses(step: int) -> Losses:
        views = portraits.batch(np.random.default_rng([seed, step]), BATCH)
        images = as_input(views.pixels, run.device)
        exposure = torch.empty(len(images), 1, 1, 1, device=images.device).uniform_(0.75, 1.3)
        said, features = net.look((images * exposure).clamp(max=1))
        points, visible, beta = (torch.tensor(value).to(run.device) for value in views[1:])
        told = [likelihood(each, points, visible) for each in said]
        wrong = net.shape(features) - beta
        return {
            "earlier": sum((sum(terms.values()) for terms in told[:-1]), torch.zeros(())),
            **told[-1],
            "shape": (wrong @ metric * wrong).sum(-1).mean(),
        }

    return train("coarse-net", net, losses, schedule, run)


def as_input(pixels: np.ndarray, device: torch.device | str) -> Tensor:
    """Pixels `[B, H, W, 3]` uint8 as the network takes them."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).float().movedim(-1, 1) / 255


def likelihood(found: DensePrediction, points: Tensor, visible: Tensor) -> Losses:
    """Negative log-likelihood a point, and cross-entropy, of `points` `[B, P, 2]` and `visible` `[B, P]` bool."""
    squared = (found.points - points).square().sum(-1)
    told = 2 * found.log_spread + squared / (2 * torch.exp(2 * found.log_spread))
    weight = torch.where(visible, 1.0, HIDDEN)
    crossed = functional.binary_cross_entropy_with_logits(found.visible, visible.float())
    return {"points": (weight * told).sum() / weight.sum(), "visible": VISIBILITY * crossed}


@torch.no_grad()
def held_out(net: CoarseNet, portraits: PortraitSet, gram: np.ndarray) -> HeldOut:
    """Measure on `portraits`, each seen once, framed as in capture; `gram` as in `fit`."""
    errors, ratios, right, shapes = [], [], [], []
    for start in range(0, len(portraits), BATCH):
        views = [portraits.view(i, middle_view()) for i in range(start, min(start + BATCH, len(portraits)))]
        pixels, points, visible = (np.stack(column) for column in zip(*views, strict=True))
        said, features = net.look(as_input(pixels, net.mean.device))
        places, log_spread, seen = (value.cpu().numpy() for value in said[-1])
        distance = np.linalg.norm(places - points, axis=-1)
        ocular = np.linalg.norm(points[:, -1] - points[:, -2], axis=-1)
        mean = (distance * visible).sum(1) / np.maximum(visible.sum(1), 1)
        errors.append((mean / ocular)[visible.sum(1) > 0])
        ratios.append((distance**2 / (2 * np.exp(2 * log_spread)))[visible])
        right.append((seen > 0) == visible)
        shapes.append(net.shape(features).cpu().numpy())
    truth = portraits.portraits.beta
    return HeldOut(
        float(np.median(np.concatenate(errors))),
        float(np.sqrt(np.concatenate(ratios).mean())),
        float(np.concatenate(right).mean()),
        _distance(np.concatenate(shapes) - truth, gram),
        _distance(truth, gram),
    )


def _distance(difference: np.ndarray, gram: np.ndarray) -> float:
    return float(np.sqrt(np.einsum("nk,kl,nl->n", difference, gram, difference).mean()))


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
