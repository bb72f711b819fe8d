"""Recipe `gdna-detail`: normals of clothes from a detail code, with a 2D adversarial term; gDNA's second stage."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ...implicit.gdna import LAYERS, Gdna, load_gdna
from ...implicit.gdna_detail import DetailConfig, Details, detail_tensors
from ..figures.fold_rows import FoldRows
from ..implicit.discriminator import Adversary
from ..implicit.trainer import Losses, Outcome, Schedule, fabric, train
from ..publish import publish
from .coarse import Wearers
from .patches import SIZE, Patches
from .recipe import DATA, layer_samples, shape_codes
from .samples import LayerSamples

PERSONS = 300
SCHEDULE = Schedule(2500, 4e-3, muon=3.0)
BATCH = 6
"""Patches a step."""
ADVERSARIAL, PRIOR = 0.1, 1e-3
"""Weights of the adversarial loss and of the codes' squares, against 1 of the normals' cosine."""
PENALTY, JUDGE = 0.5, 1e-3
"""Of the discriminator's slope, and its learning rate: with 10 and 2e-4 its loss stood at ln 2, that of a coin, and
folds were clouds."""
NAMES = {True: "gdna_detail", False: "gdna_detail_cosine"}
"""Weights with and without the adversarial loss."""


def train_gdna_detail(data: Path, out: Path, seed: int) -> None:
    """Write `gdna_detail.safetensors` and its card to `out`. Raises InputError without the data or the library anny."""
    _train(data, out, seed, adversarial=True)


def train_gdna_detail_cosine(data: Path, out: Path, seed: int) -> None:
    """The ablation without the adversarial loss, otherwise alike; writes `gdna_detail_cosine.safetensors`."""
    _train(data, out, seed, adversarial=False)


class Learner(nn.Module):
    """What is trained: the details, and a code for each person."""

    def __init__(self, persons: int) -> None:
        super().__init__()
        config = DetailConfig()
        self.details = Details(config)
        self.codes = nn.Parameter(0.3 * torch.randn(persons, config.code))


def _train(data: Path, out: Path, seed: int, *, adversarial: bool) -> None:
    samples, run, field = layer_samples(data), fabric(), load_gdna()
    folds = FoldRows(samples.dresser, samples.poses)
    folds.make("train", PERSONS)
    codes = person_codes(samples, "train", PERSONS)
    patches = Patches.of(folds, samples, field, codes, "train")
    torch.manual_seed(seed)
    learner = Learner(PERSONS)
    adversary = Adversary(SIZE, run, penalty=PENALTY, lr=JUDGE) if adversarial else None
    objective = Objective(learner, field.to(run.device), patches, codes, adversary, seed, run)
    outcome = train(NAMES[adversarial], learner, objective, SCHEDULE, run)
    learner.details.fit(learner.codes.detach())
    tensors, metadata = detail_tensors(learner.details)
    publish(NAMES[adversarial], out, tensors, _card(NAMES[adversarial], outcome, learner), metadata)


def _card(name: str, outcome: Outcome, learner: Learner) -> dict[str, object]:
    return {
        "recipe": f"likeness train {name.replace('_', '-')}",
        "data": DATA,
        "licence": "GPL-3.0-or-later",
        "device": outcome.device,
        "metrics": {"persons": PERSONS},
        "training": {"steps": outcome.steps, "minutes": outcome.minutes, "losses": outcome.losses},
        "parameters": sum(parameter.numel() for parameter in learner.details.parameters()),
    }


def person_codes(samples: LayerSamples, split: str, count: int) -> list[dict[str, Tensor]]:
    """Layer -> z `[1, C]` of what each of the first `count` persons of a split wears, by the training's components."""
    found: list[dict[str, Tensor]] = [{} for _ in range(count)]
    for layer in LAYERS:
        worn = Wearers.read(samples, split, layer, count)
        code = shape_codes(samples, layer).code(worn.probed)
        for person, z in zip(worn.persons, code, strict=True):
            found[person][layer] = torch.from_numpy(z)[None]
    return found


@dataclass(frozen=True)
class Objective:
    """The losses of a step: cosine of the normals with each person's own code, the codes' prior, and the adversary's,
    which judges random codes: those are what people will have, and the mean of many sharp folds is a soft one.
    """

    learner: Learner
    field: Gdna
    patches: Patches
    codes: list[dict[str, Tensor]]
    adversary: Adversary | None
    seed: int
    run: Fabric

    def __call__(self, step: int) -> Losses:
        chosen = np.random.default_rng([self.seed, 6, step]).choice(len(self.patches.person), BATCH, replace=False)
        truth = self._tensor(self.patches.normals[chosen].astype(np.float32) / 127)
        codes = self.learner.codes[torch.from_numpy(self.patches.person[chosen])]
        worn = self._tensor(self.patches.layer[chosen] >= 0)
        cosine = (1 - (self._made(chosen, codes) * truth).sum(-1))[worn].mean()
        terms = {"cosine": cosine, "prior": PRIOR * codes.square().sum(1).mean()}
        if self.adversary:
            made = self._made(chosen, self._random_codes(step))
            real, fake = ((maps * worn[..., None]).permute(0, 3, 1, 2) for maps in (truth, made))
            terms["adversarial"] = ADVERSARIAL * self.adversary.loss(real, fake, step)
        return terms

    def _random_codes(self, step: int) -> Tensor:
        """[B, C] of the Gaussian of the persons' codes: sums of these with normal weights have their covariance."""
        codes = self.learner.codes.detach()
        mean = codes.mean(0)
        weights = np.random.default_rng([self.seed, 8, step]).normal(0, len(codes) ** -0.5, (BATCH, len(codes)))
        return mean + self._tensor(weights.astype(np.float32)) @ (codes - mean)

    def _made(self, chosen: np.ndarray, z_detail: Tensor) -> Tensor:
        """[B, SIZE, SIZE, 3] normals of the patches with detail codes `[B, C]`."""
        made = torch.zeros(len(chosen), SIZE, SIZE, 3, device=self.run.device)
        for row, patch in enumerate(chosen):
            person = int(self.patches.person[patch])
            for number, layer in enumerate(LAYERS):
                at = self.patches.layer[patch] == number
                if layer not in self.codes[person] or not at.any():
                    continue
                points = self._tensor(self.patches.points[patch][at].astype(np.float32))[None]
                coarse = self._tensor(self.patches.coarse[patch][at].astype(np.float32) / 127)[None]
                feature = self.field.feature(layer, points, self.codes[person][layer].to(points))
                detail = self.learner.details.layers[layer]
                normals = detail(points, feature, coarse, z_detail[row : row + 1])
                made[row, self._tensor(at)] = normals[0].float()
        return made

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.run.device)
