"""Building blocks of the fields' networks."""

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


class ModulatedMLP(nn.Module):
    """An MLP whose every hidden layer is scaled and shifted by a code: FiLM (Perez et al., 2018).

    The head's shape is close to bilinear in place and identity, and products are what plain concatenation learns last.
    """

    def __init__(self, inputs: int, code: int, width: int, depth: int, outputs: int) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:], strict=False))
        self.modulation = nn.Linear(code, 2 * width * depth)
        self.last = nn.Linear(width, outputs)
        nn.init.normal_(self.modulation.weight, std=0.5 / code**0.5)
        nn.init.zeros_(self.modulation.bias)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, features: Tensor, code: Tensor) -> Tensor:
        """features `[B, N, inputs]`, code `[B, C]` to `[B, N, outputs]`; it starts at 0."""
        scales, shifts = self.modulation(code)[:, None].chunk(2, -1)
        hidden = features
        width = self.last.in_features
        for layer, scale, shift in zip(self.layers, scales.split(width, -1), shifts.split(width, -1), strict=True):
            hidden = functional.silu(torch.addcmul(shift, layer(hidden), 1 + scale))
        return self.last(hidden).float()
