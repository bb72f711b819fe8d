"""gDNA's detail: normals of clothes from a detail code (Chen et al., "gDNA", CVPR 2022, sec. 3.3).

    n(y) = n_coarse(y) + N(y, feature(y, z_shape), z_detail), made a unit vector

The coarse surface stays what the shape code makes it; folds are in the normals alone.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import EngineError
from ..tensors import load_tensors
from ..weights import weights_path
from .gdna import LAYER_CONFIGS, LAYERS, Gdna
from .npm import REACH
from .triplane import PlaneDecoder, PlaneLevel

NAME = "gdna_detail"


@dataclass(frozen=True)
class DetailConfig:
    """Sizes of the networks, one a layer; all share the code."""

    code: int = 32
    channels: int = 6
    width: int = 96
    depth: int = 2
    octaves: int = 5


SIZES = {"top": 112, "bottom": 80, "shoes": 24, "hair": 40}
"""Layer -> cells along its planes: a fold is a few of them wide."""


class LayerDetail(nn.Module):
    """N of one layer: planes that are linear in the code, as the shape's are, decoded together with the feature."""

    def __init__(self, layer: str, config: DetailConfig) -> None:
        super().__init__()
        shape = LAYER_CONFIGS[layer]
        low, high = torch.tensor(shape.low), torch.tensor(shape.high)
        if shape.mirrored:  # folds are not
            low[0] = -high[0]
        self.planes = PlaneLevel(torch.stack([low, high]), SIZES[layer], config.channels, config.code)
        inputs = 3 * config.channels + shape.width + 3
        self.decoder = PlaneDecoder(inputs, config.width, config.depth, config.octaves, 3)

    def forward(self, points: Tensor, feature: Tensor, coarse: Tensor, z_detail: Tensor) -> Tensor:
        """points `[B, N, 3]`, features `[B, N, F]`, unit normals `[B, N, 3]`, codes `[B, C]`: unit normals."""
        inputs = torch.cat([self.planes(points, z_detail), feature, coarse], -1)
        return functional.normalize(coarse + self.decoder(inputs, points) / REACH, dim=-1)


class Details(nn.Module):
    """The layers' details and the Gaussian of the training figures' codes."""

    mean: Tensor
    factor: Tensor

    def __init__(self, config: DetailConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleDict({layer: LayerDetail(layer, config) for layer in LAYERS})
        self.register_buffer("mean", torch.zeros(config.code))
        self.register_buffer("factor", torch.eye(config.code))

    def fit(self, codes: Tensor) -> None:
        """Take the Gaussian of codes `[P, C]`."""
        self.mean.copy_(codes.mean(0))
        covariance = torch.cov(codes.T, correction=0) + 1e-4 * torch.eye(len(self.mean)).to(codes)
        self.factor.copy_(torch.linalg.cholesky(covariance))

    def sample(self, generator: torch.Generator) -> Tensor:
        """A random detail code `[1, C]`."""
        drawn = torch.randn(1, len(self.mean), generator=generator)
        return self.mean + drawn.to(self.mean) @ self.factor.T

    def normals(self, field: Gdna, layer: str, points: Tensor, z: Tensor, z_detail: Tensor) -> Tensor:
        """Unit normals `[B, N, 3]` at points `[B, N, 3]` of a layer of codes `[B, C]`, with the detail codes' folds."""
        detail = cast(LayerDetail, self.layers[layer])
        return detail(points, field.feature(layer, points, z), field.normals(layer, points, z), z_detail)


def load_details(device: str = "cpu", path: Path | None = None) -> Details:
    """The trained details, without gradients to their weights.

    Raises EngineError when the weights are missing, damaged or of another version.
    """
    path = path or weights_path(NAME)
    tensors, metadata = load_tensors(path)
    try:
        details = Details(DetailConfig(**json.loads(metadata["config"])))
        details.load_state_dict({key: torch.tensor(value).float() for key, value in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise EngineError(f"{path.name} is not a model of this version; reinstall Likeness.") from error
    return details.to(device).eval().requires_grad_(False)


def detail_tensors(details: Details) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """What `load_details` reads: half-precision tensors, and the metadata with the config."""
    tensors = {key: value.detach().cpu().half().numpy() for key, value in details.state_dict().items()}
    return tensors, {"config": json.dumps(dataclasses.asdict(details.config))}
