"""The tri-plane's 2D objective: volume-rendered normal maps against true ones, by pixel and by a discriminator."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from ...implicit.field import HeadField
from ...rendering.volume import render_normals
from .normal_maps import DEPTH, SIZE, NormalMaps, normal_maps
from .samples import SampleSet
from .trainer import Losses

MAPS = 2
"""Rendered per step."""
PENALTY_EVERY = 8
"""Steps between gradient penalties, as StyleGAN2's lazy regularisation."""


@dataclass(frozen=True)
class ImageWeights:
    """Weights of the 2D terms."""

    normal_map: float = 1.0
    """L_nmr, the mean over pixels of |N^ - N|_1."""
    adversarial: float = 0.02
    penalty: float = 10.0
    """lambda / 2 of |grad D|^2 on real maps (R1)."""


class Discriminator(nn.Module):
    """Tells true normal maps `[B, 3, 48, 48]` from rendered ones: `[B]`, larger for true."""

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        sizes = [3, channels, 2 * channels, 4 * channels, 4 * channels]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.features = nn.Sequential(*layers)
        self.last = nn.Linear(sizes[-1] * (SIZE // 16) ** 2, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.last(self.features(maps).flatten(1))[:, 0]


class ImageObjective:
    """The field's 2D losses; each call also takes one step of the discriminator."""

    def __init__(self, data: Path, heads: SampleSet, weights: ImageWeights, seed: int, run: Fabric) -> None:
        self._maps: NormalMaps = normal_maps(data, seed)
        self._heads, self._weights, self._seed, self._run = heads, weights, seed, run
        self.discriminator = Discriminator().to(run.device)
        """Stepped here, by its own loss: whoever trains the field leaves it alone."""
        self._optimizer = torch.optim.Adam(self.discriminator.parameters(), 2e-4, betas=(0.0, 0.99))
        self.discriminator.requires_grad_(False)

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
            self._discriminate(real, fake.detach(), step)
            terms["adversarial"] = self._weights.adversarial * functional.softplus(-self.discriminator(fake)).mean()
        return terms

    def _discriminate(self, real: Tensor, fake: Tensor, step: int) -> None:
        """Non-saturating logistic loss f(u) = log(1 + e^u), with a gradient penalty on real maps now and then."""
        self.discriminator.requires_grad_(True)
        real = real.requires_grad_(step % PENALTY_EVERY == 0)
        verdict = self.discriminator(real)
        loss = functional.softplus(self.discriminator(fake)).mean() + functional.softplus(-verdict).mean()
        if real.requires_grad:
            (slope,) = torch.autograd.grad(verdict.sum(), real, create_graph=True)
            loss = loss + self._weights.penalty * slope.square().flatten(1).sum(1).mean() * 0.5 * PENALTY_EVERY
        self._optimizer.zero_grad()
        self._run.backward(loss)
        self._optimizer.step()
        self.discriminator.requires_grad_(False)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.tensor(array).to(self._run.device)
