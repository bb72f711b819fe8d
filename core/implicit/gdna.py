"""What bodies wear, generated: gDNA (Chen et al., "gDNA: Towards Generative Detailed Neural Avatars", CVPR 2022).

A clothed body is a union, as a head with hair is: the skin of the body model, and what is worn, each layer a field of a
shape code about the mean body,

    f(x, beta, z_shape) = min( T(y), C_top(y, z_top), C_bottom(y, z_bottom), ... ),    y = M(x, beta)

with T the signed distance to the mean body and M the warp to it (`likeness.core.parametric.shape_warp`). gDNA has one
occupancy network for all; layers keep fingers and faces what the body model makes them, and what is worn comes off. The
paper's generator of feature volumes is here a linear one of feature planes. Every layer passes on a feature of the
point, which together with a detail code gives its normals (`detail`).

Metres; SMPL's T-pose with the pelvis at the origin. f < 0, occupancy 1, is inside.
"""

import dataclasses
import json
from collections.abc import Mapping
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
from .field import field_gradient
from .outfits import OUTFITS, Outfits
from .skinning import SkinningField
from .triplane import PlaneDecoder, PlaneLevel

SKINNING = 4, 128, 4
"""Octaves, width and depth of W."""
THIGH = (0.1, -0.35, 0.0)
"""Metres: in the middle of the mean body's thigh."""
STEP = 6e-3
"""Metres over which coarse normals are taken: the fields' cells are not seen in them."""
LAYERS = ("top", "bottom", "shoes", "hair")
"""What is worn; a top may be a dress or an overall, without a bottom."""


@dataclass(frozen=True)
class LayerConfig:
    """Sizes of one layer: its code, its planes over a box, its decoder."""

    code: int
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    size: int
    channels: int
    mirrored: bool
    """Whether left is as right, so that both are learned at once."""
    width: int = 64
    depth: int = 2
    octaves: int = 5


LAYER_CONFIGS = {
    "top": LayerConfig(32, (-0.08, -1.0, -0.35), (0.8, 0.68, 0.35), 96, 8, mirrored=True),
    "bottom": LayerConfig(16, (-0.08, -1.0, -0.3), (0.4, 0.25, 0.3), 64, 8, mirrored=True),
    "shoes": LayerConfig(8, (-0.04, -1.0, -0.16), (0.3, -0.55, 0.3), 48, 8, mirrored=True),
    "hair": LayerConfig(24, (-0.25, 0.1, -0.3), (0.25, 0.95, 0.3), 64, 8, mirrored=False),
}


BOUNDS = (-1.0, -1.05, -0.5), (1.0, 1.0, 0.5)
"""Metres: what W is learned in."""


class Layer(nn.Module):
    """C(y, z): the signed distance to one thing that is worn."""

    def __init__(self, config: LayerConfig) -> None:
        super().__init__()
        self.config = config
        bounds = torch.tensor([config.low, config.high])
        self.planes = PlaneLevel(bounds, config.size, config.channels, config.code)
        self.decoder = PlaneDecoder(3 * config.channels, config.width, config.depth, config.octaves, 1)

    @property
    def bounds(self) -> Tensor:
        """[2, 3] metres: the box that holds it on both sides of the body."""
        low, high = self.planes.bounds
        if not self.config.mirrored:
            return self.planes.bounds
        return torch.stack([torch.cat([-high[:1], low[1:]]), high])

    def feature(self, points: Tensor, code: Tensor) -> Tensor:
        """`[B, N, 3]` about the mean body and codes `[B, C]` to `[B, N, width]`."""
        if self.config.mirrored:
            points = torch.cat([points[..., :1].abs(), points[..., 1:]], -1)
        return self.decoder.hidden(self.planes(points, code), points)

    def forward(self, points: Tensor, code: Tensor) -> Tensor:
        """Signed distance in metres `[B, N]`, negative inside; outside of the box at least that to the box."""
        low, high = self.bounds
        away = torch.relu(torch.maximum(low - points, points - high)).norm(dim=-1)
        distance = self.decoder.value(self.feature(points, code))[..., 0]
        return torch.where(away > 0, torch.maximum(distance, away), distance)


class Gdna(nn.Module):
    """The layers and W. B bodies, N points each, about the mean body."""

    def __init__(self, configs: Mapping[str, LayerConfig], outfits: Outfits) -> None:
        """`outfits` are distributions of the layers' codes."""
        super().__init__()
        self.configs, self.outfits = dict(configs), outfits
        self.layers = nn.ModuleDict({name: Layer(config) for name, config in configs.items()})
        self.skinning = SkinningField(torch.tensor(BOUNDS), *SKINNING)

    def layer(self, name: str) -> Layer:
        """One of `LAYERS`."""
        return cast(Layer, self.layers[name])

    def distance(self, layer: str, points: Tensor, z: Tensor) -> Tensor:
        """C(y, z): signed metres `[B, N]` from points `[B, N, 3]` to a layer of codes `[B, C]`, negative inside."""
        return self.layer(layer)(points, z)

    def sample(self, beta: np.ndarray, rng: np.random.Generator) -> dict[str, Tensor]:
        """Layer -> z `[1, C]` of what a random person of body `beta` [16] wears: nothing below what covers the legs."""
        drawn = self.outfits.sample(self.outfits.gender(beta), rng)
        codes = {layer: torch.from_numpy(z)[None].to(self.skinning.bounds) for layer, z in drawn.items()}
        if "top" in codes and self.distance("top", codes["top"].new_tensor([[THIGH]]), codes["top"]).item() < 0:
            del codes["bottom"]
        return codes

    def feature(self, layer: str, points: Tensor, z: Tensor) -> Tensor:
        """What a layer knows of the points, `[B, N, F]`."""
        return self.layer(layer).feature(points, z)

    def normals(self, layer: str, points: Tensor, z: Tensor) -> Tensor:
        """Unit normals of a layer, `[B, N, 3]`."""
        return functional.normalize(field_gradient(lambda at: self.distance(layer, at, z), points, STEP), dim=-1)


def load_gdna(device: str = "cpu", path: Path | None = None) -> Gdna:
    """The trained model, without gradients to its weights.

    Raises EngineError when the weights are missing, damaged or of another version.
    """
    path = path or weights_path("gdna")
    tensors, metadata = load_tensors(path)
    try:
        configs = {name: LayerConfig(**config) for name, config in json.loads(metadata["config"]).items()}
        outfits = Outfits.from_tensors(
            {key: tensors.pop(key) for key in list(tensors) if key.startswith(OUTFITS)}, list(configs)
        )
        field = Gdna(configs, outfits)
        field.load_state_dict({key: torch.tensor(value).float() for key, value in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise EngineError(f"{path.name} is not a model of this version; reinstall Likeness.") from error
    return field.to(device).eval().requires_grad_(False)


def gdna_tensors(field: Gdna) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """What `load_gdna` reads: half-precision tensors, and the metadata with the layers' sizes."""
    tensors = {key: value.detach().cpu().half().numpy() for key, value in field.state_dict().items()}
    configs = {name: dataclasses.asdict(config) for name, config in field.configs.items()}
    return tensors | field.outfits.tensors(), {"config": json.dumps(configs)}
