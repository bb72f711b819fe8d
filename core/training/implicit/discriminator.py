"""Telling true normal maps from made ones: the 2D adversarial term of the tri-plane's and gDNA's training."""

from itertools import pairwise

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

PENALTY_EVERY = 8
"""Steps between gradient penalties, as StyleGAN2's lazy regularisation."""


class Discriminator(nn.Module):
    """Tells true normal maps `[B, 3, S, S]` from made ones: `[B]`, larger for true."""

    def __init__(self, size: int, channels: int = 32) -> None:
        """`size` S, a multiple of 16."""
        super().__init__()
        sizes = [3, channels, 2 * channels, 4 * channels, 4 * channels]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.features = nn.Sequential(*layers)
        self.last = nn.Linear(sizes[-1] * (size // 16) ** 2, 1)

    def forward(self, maps: Tensor) -> Tensor:
        return self.last(self.features(maps).flatten(1))[:, 0]


class Adversary:
    """A discriminator that learns as it is fooled: whoever trains the generator leaves its weights alone."""

    def __init__(self, size: int, run: Fabric, *, penalty: float, lr: float = 2e-4) -> None:
        """`penalty` is lambda / 2 of |grad D|^2 on real maps (R1): where it is too large nothing is told apart."""
        self.discriminator = Discriminator(size).to(run.device)
        self._run, self._penalty = run, penalty
        self._optimizer = torch.optim.Adam(self.discriminator.parameters(), lr, betas=(0.0, 0.99))
        self.discriminator.requires_grad_(False)

    def loss(self, real: Tensor, fake: Tensor, step: int) -> Tensor:
        """What the generator of `fake` [B, 3, S, S] has to lower; first the discriminator takes one step.

        Non-saturating logistic loss f(u) = log(1 + e^u), with a gradient penalty on real maps now and then.
        """
        self._learn(real, fake.detach(), step)
        return functional.softplus(-self.discriminator(fake)).mean()

    def _learn(self, real: Tensor, fake: Tensor, step: int) -> None:
        self.discriminator.requires_grad_(True)
        real = real.detach().requires_grad_(step % PENALTY_EVERY == 0)
        verdict = self.discriminator(real)
        loss = functional.softplus(self.discriminator(fake)).mean() + functional.softplus(-verdict).mean()
        if real.requires_grad:
            (slope,) = torch.autograd.grad(verdict.sum(), real, create_graph=True)
            loss = loss + self._penalty * slope.square().flatten(1).sum(1).mean() * 0.5 * PENALTY_EVERY
        self._optimizer.zero_grad()
        self._run.backward(loss)
        self._optimizer.step()
        self.discriminator.requires_grad_(False)
