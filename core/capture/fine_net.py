"""FineNet: relief from the photo's shades in one pass, in the skin's chart.

After the second network of Richardson et al., "Learning Detailed Face Reconstruction from a Single Image", CVPR 2017: a
U-Net (Ronneberger et al., MICCAI 2015) that is shown what fine inverse rendering sees of a texel.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import EngineError
from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas, build_atlas
from ..tensors import load_tensors
from ..weights import weights_path
from .embedding import fingerprint
from .fine import (
    Folds,
    MeshShades,
    Wrinkles,
    chart_patch,
    chart_shades,
    free_to_move,
    mesh_patch,
    on_both_sides,
)
from .fine_chart import SIZE, WINDOW, ChartFrame, onto_mesh
from .fine_energy import shade_made
from .projection import Projection

CHANNELS = 12
BOUND = 1.5
"""Millimetres that no height exceeds."""
FADE = 16
"""Texels over which relief ends at the window's border, on the throat."""


def observed(
    normals: np.ndarray, response: np.ndarray, folds: np.ndarray, wrinkles: np.ndarray, sight: np.ndarray
) -> np.ndarray:
    """What the network is shown, `[CHANNELS, H, W]` float32: of the log shades, as coarse as the mesh (`folds` [H, W])
    and finer (`wrinkles`), of the coarse head's `normals` [H, W, 3] and the light's `response` [2, H, W], and of where
    skin is seen (`sight`, 0..1).

    The shades times the light's response are, but for a divergence, the first step of a descent.
    """
    shades = [folds, wrinkles, *(folds * response), *(wrinkles * response)]
    place = [*np.moveaxis(normals, -1, 0), *response, np.ones_like(sight)]
    return (np.stack([*shades, *place]) * sight).astype(np.float32)


@dataclass(frozen=True)
class FineNetConfig:
    """Size of a FineNet."""

    widths: Sequence[int] = (32, 48, 64, 64)
    """Channels by level; the first is of half the window's resolution, each further one halves it."""
    groups: int = 8


class _Block(nn.Module):
    def __init__(self, inner: int, outer: int, groups: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inner, outer, 3, 1, 1)
        self.norm = nn.GroupNorm(groups, outer)
        self.second = nn.Conv2d(outer, outer, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(self.second(functional.silu(self.norm(self.first(x)))))


class FineNet(nn.Module):
    """The network: from what is `observed`, `[B, CHANNELS, H, W]`, to heights `[B, H, W]` in millimetres."""

    def __init__(self, config: FineNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        inner = [4 * CHANNELS, *widths]
        self.down = nn.ModuleList(_Block(a, b, config.groups) for a, b in zip(inner, widths, strict=False))
        pairs = list(zip(widths[1:], widths, strict=False))[::-1]
        self.up = nn.ModuleList(_Block(a + b, b, config.groups) for a, b in pairs)
        self.out = nn.Conv2d(widths[0], 4, 3, 1, 1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.pixel_unshuffle(x, 2)
        kept: list[Tensor] = []
        for block in self.down:
            y = block(functional.avg_pool2d(y, 2) if kept else y)
            kept.append(y)
        kept.pop()
        for block in self.up:
            y = block(torch.cat([functional.interpolate(y, scale_factor=2.0, mode="bilinear"), kept.pop()], 1))
        heights = functional.pixel_shuffle(self.out(y), 2)[:, 0].float()
        return BOUND * torch.tanh(heights / BOUND) * x[:, -1]


def fine_net_tensors(net: FineNet) -> dict[str, np.ndarray]:
    """What `load_fine_net` reads: half precision."""
    return {name: value.detach().cpu().half().numpy() for name, value in net.state_dict().items()}


def load_fine_net(model: HeadModel, device: str = "cpu", path: Path | None = None) -> FineNet:
    """The trained network, by default the one in the weights folder, for the chart of `model`.

    Raises EngineError when the weights are missing, damaged, or of another head model or version.
    """
    path = path or weights_path("fine_net")
    tensors, metadata = load_tensors(path)
    if metadata.get("head") != fingerprint(model):
        raise EngineError(f"{path.name} belongs to another head model; reinstall Likeness.")
    try:
        net = FineNet(FineNetConfig(**json.loads(metadata["config"])))
        net.load_state_dict({name: torch.tensor(value).float() for name, value in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise EngineError(f"{path.name} is not of this version; reinstall Likeness.") from error
    return net.requires_grad_(False).eval().to(device)


def regress(
    model: HeadModel,
    atlas: Atlas,
    posed: np.ndarray,
    normals: np.ndarray,
    shades: MeshShades,
    projection: Projection,
    detail: np.ndarray,
    device: str,
) -> tuple[Folds, Wrinkles]:
    """What the network tells of a photo, divided between mesh and chart.

    `posed` and `normals` [V, 3] are the head's, `shades` the mesh's, and `detail` [M, 3] the log colours that the photo
    shows at the texels of the `projection` beyond what the coarse field explains.
    """
    chart = atlas if atlas.size == SIZE else build_atlas(model, "skin", SIZE)
    fine = chart_shades(atlas, shades.sight, projection, detail, SIZE)
    frame = ChartFrame.of(chart, posed, normals, shades.light)
    coarse = chart.image(chart.gather(shades.shown))[WINDOW]
    sight = fine.weight[WINDOW] * _faded(coarse.shape)
    seen = observed(frame.normals, frame.response(), coarse, fine.shown[WINDOW], sight)
    height = np.zeros((SIZE, SIZE), np.float32)
    net = load_fine_net(model, device)
    height[WINDOW] = net(torch.from_numpy(seen)[None].to(device))[0].cpu().numpy() / 1000
    mesh = onto_mesh(chart, height.ravel()[chart.texels, None])[:, 0] * free_to_move(model, shades.sight)
    used, patch = mesh_patch(model, posed, shades)
    shade = np.zeros(len(mesh), np.float32)
    shade[used] = shade_made(patch, mesh[used], device)
    folds = Folds(mesh, shade, shades.shown, shades.sight, shades.light)

    known, rest, made = fine.known, height - chart.image(chart.gather(mesh)), np.zeros_like(height)
    made[known] = shade_made(chart_patch(chart, known, posed, normals, shades.light), rest[known], device)
    return folds, on_both_sides(atlas, np.stack([rest * known, made, fine.shown], -1), fine.sight)


def _faded(shape: tuple[int, ...]) -> np.ndarray:
    """An image `[H, W]` of ones that falls to 0 at its border."""
    rows, columns = (np.minimum(np.arange(side), np.arange(side)[::-1]) / FADE for side in shape)
    return np.minimum(np.minimum.outer(rows, columns), 1)
