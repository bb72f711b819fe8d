"""Building blocks of the fields' networks."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class FourierFeatures(nn.Module):
    """x, sin(2^k w x) and cos(2^k w x) for k < `octaves`, with w one turn in `period` metres."""

    frequencies: Tensor

    def __init__(self, octaves: int, period: float) -> None:
        super().__init__()
        self.period = period
        self.register_buffer("frequencies", 2.0 ** torch.arange(octaves) * (2 * torch.pi / period), persistent=False)
        self.size = 3 + 6 * octaves

    def forward(self, points: Tensor) -> Tensor:
        """`[..., 3]` metres to `[..., size]`."""
        angles = (points[..., None, :] * self.frequencies[:, None]).flatten(-2)
        return torch.cat([points * (4 / self.period), angles.sin(), angles.cos()], -1)


class ExactLinear(nn.Linear):
    """A linear layer that starts at 0 and is never rounded to bfloat16: the last one, whose output is a distance."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return super().forward(features.to(self.weight.dtype))


class CodeLinear(nn.Linear):
    """A linear layer that reads a code; it is trained unlike those that read features."""


class ModulatedMLP(nn.Module):
    """An MLP that a code steers: it scales and shifts every hidden layer and adds to the weights of the last.

    FiLM (Perez et al., 2018) and a linear hypernetwork (Ha et al., 2017). A head is close to bilinear in place and
    identity, and products are what a network that is merely given the code learns last.
    """

    def __init__(self, inputs: int, code: int, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth]
        self.width = width
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.modulation = CodeLinear(code, 2 * width * depth)
        self.last = ExactLinear(code, outputs * (width + 1))
        nn.init.normal_(self.modulation.weight, std=0.2 / code**0.5)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        """features `[B, N, inputs]`, code `[B, C]` to `[B, N, outputs]`; it starts at 0."""
        scales, shifts = self.modulation(code)[:, None].chunk(2, -1)
        hidden = features
        for layer, scale, shift in zip(
            self.layers, scales.split(self.width, -1), shifts.split(self.width, -1), strict=True
        ):
            hidden = functional.silu(torch.addcmul(shift, layer(hidden), 1 + scale))
        last = self.last(code).unflatten(-1, (-1, self.width + 1))
        with torch.autocast(features.device.type, enabled=False):
            return torch.baddbmm(last[:, None, :, -1], hidden.float(), last[..., :-1].transpose(1, 2))
