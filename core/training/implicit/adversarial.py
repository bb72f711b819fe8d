"""The tri-plane's 2D objective: volume-rendered normal maps against true ones, by pixel and by a discriminator."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ...implicit.field import HeadField
from ...rendering.volume import render_normals
from .discriminator import Adversary
from .normal_maps import DEPTH, SIZE, NormalMaps, normal_maps
from .samples import SampleSet
from .trainer import Losses

MAPS = 2
"""Rendered per step."""
PENALTY = 10.0
"""Of the discriminator's slope on true maps."""


@dataclass(frozen=True)
class ImageWeights:
    """Weights of the 2D terms."""

    normal_map: float = 1.0
    """L_nmr, the mean over pixels of |N^ - N|_1."""
    adversarial: float = 0.02


class ImageObjective:
    """The field's 2D losses; each call also takes one step of the discriminator."""

    def __init__(self, data: Path, heads: SampleSet, weights: ImageWeights, seed: int, run: Fabric) -> None:
        self._maps: NormalMaps = normal_maps(data, seed)
        self._heads, self._weights, self._seed, self._run = heads, weights, seed, run
        self._adversary = Adversary(SIZE, run, penalty=PENALTY)

    @property
    def discriminator(self) -> nn.Module:
        return self._adversary.discriminator

    def __call__(self, field: HeadField, step: int) -> Losses:
        rng = np.random.default_rng([self._seed, 3, step])
        chosen = rng.choice(len(self._maps.head), MAPS, replace=False)
        origins, directions = (self._tensor(part) for part in self._maps.rays(chosen))
        z_id = field.latents.extended(self._tensor(self._heads.z[self._maps.head[chosen]]))
        rendered, _ = render_normals(
            lambda points: field.sdf(points, z_id),
            lambda points: field.gradient(points, z_id),
            origins,
            directions,
            DEPTH,
        )
        truth = self._tensor(self._maps.normals[chosen].astype(np.float32)).flatten(1, 2)
        terms = {"normal_map": self._weights.normal_map * (rendered - truth).abs().sum(-1).mean()}
        if self._weights.adversarial:
            fake = rendered.unflatten(1, (SIZE, SIZE)).permute(0, 3, 1, 2)
            real = truth.unflatten(1, (SIZE, SIZE)).permute(0, 3, 1, 2)
            terms["adversarial"] = self._weights.adversarial * self._adversary.loss(real, fake, step)
        return terms

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.tensor(array).to(self._run.device)
