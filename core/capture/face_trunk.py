"""The trunk of networks that read faces, in the layout of MediaPipe's face mesh, whose weights it can start from.

Depthwise and pointwise convolutions in residual blocks: Bazarevsky et al., "BlazeFace", 2019; Kartynnik et al.,
"Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 32, 64, 128, 128)
"""Channels by stage of MediaPipe's network; each stage halves the resolution."""


class FaceTrunk(nn.Module):
    """Maps of a picture at 1/2, 1/4, ... of its resolution."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, 2)
        self.activation = nn.PReLU(widths[0])
        self.stages = nn.ModuleList()
        inner = widths[0]
        for index, width in enumerate(widths):
            first = [Block(inner, width, halving=True)] if index else []
            self.stages.append(nn.Sequential(*first, Block(width, width), Block(width, width)))
            inner = width

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """One map a stage, of pixels `[B, 3, H, W]` sRGB 0..1."""
        x = self.activation(self.stem(functional.pad(pixels, (0, 1, 0, 1))))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class Block(nn.Module):
    """A residual block; one that grows or halves keeps what it can of its input."""

    def __init__(self, inner: int, outer: int, *, halving: bool = False) -> None:
        super().__init__()
        self.halving, self.grown = halving, outer - inner
        self.depthwise = nn.Conv2d(inner, inner, 3, 2 if halving else 1, 0 if halving else 1, groups=inner)
        self.pointwise = nn.Conv2d(inner, outer, 1)
        self.activation = nn.PReLU(outer)

    def forward(self, x: Tensor) -> Tensor:
        """`[B, inner, H, W]` to `[B, outer, H, W]`, or half of H and W."""
        # Padded after the picture alone, as TensorFlow pads what it halves.
        y = self.pointwise(self.depthwise(functional.pad(x, (0, 1, 0, 1)) if self.halving else x))
        kept = functional.max_pool2d(x, 2) if self.halving else x
        return self.activation(y + functional.pad(kept, (0, 0, 0, 0, 0, self.grown)))
