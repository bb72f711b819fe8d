"""The encoder: from a face's pixels to the 236 parameters of its code, at once.

In the place of E_c of Feng et al. (DECA, SIGGRAPH 2021), whose ResNet50 and 2048 -> 1024 -> 236 would take days without
a graphics card and millions of photos: here the trunk is CoarseNet's, frozen, so that one pass through it serves dense
landmarks and code alike, and two layers are learned. The trunk was taught where points lie, whatever the light and the
skin; of these it keeps little. So the layers see the picture itself as well, in a few patches.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import EngineError
from ..implicit.mlp import ExactLinear
from ..parametric.head import HeadModel
from ..tensors import load_tensors
from ..weights import weights_path
from .coarse_net import SIDE, CoarseNet
from .embedding import fingerprint
from .face_code import SIZE, FaceCode


@dataclass(frozen=True)
class EncoderConfig:
    """Size of an Encoder."""

    points: int
    """Of the trunk, whose places the layers see."""
    features: int = 384
    """Of the trunk."""
    patches: int = 10
    """Across the picture, as far as its colours are concerned."""
    hidden: int = 512


class Encoder(nn.Module):
    """The two layers; their outputs are in deviations from the mean code."""

    mean: Tensor
    deviation: Tensor
    anchor: Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        inputs = config.features + 2 * config.points + 3 * config.patches**2
        hidden = [nn.Linear(inputs, config.hidden), nn.ReLU(), nn.Dropout(0.5)]
        self.layers = nn.Sequential(nn.Dropout(0.2), *hidden, ExactLinear(config.hidden, SIZE))
        for name, value in (("input_mean", 0.0), ("input_deviation", 1.0)):
            self.register_buffer(name, torch.full((inputs,), value))
        for name, value in (("mean", 0.0), ("deviation", 1.0)):
            self.register_buffer(name, torch.full((SIZE,), value))
        self.register_buffer("anchor", torch.zeros(3))

    def inputs(self, trunk: CoarseNet, pixels: Tensor) -> Tensor:
        """What the layers see of pixels `[B, 3, SIDE, SIDE]` sRGB 0..1: `[B, D]`."""
        colors = functional.adaptive_avg_pool2d(pixels, self.config.patches)
        said, features = trunk.look(pixels)
        places = said[-1].points / (SIDE / 2) - 1
        return torch.cat([features, places.flatten(1), colors.flatten(1)], 1)

    def forward(self, inputs: Tensor) -> FaceCode:
        """The codes of `inputs` `[B, D]`."""
        seen = (inputs - self.get_buffer("input_mean")) / self.get_buffer("input_deviation")
        return FaceCode.split(self.mean + self.deviation * self.layers(seen))


def encoder_tensors(encoder: Encoder) -> dict[str, np.ndarray]:
    """What `load_encoder` reads: half precision."""
    return {name: value.detach().cpu().half().numpy() for name, value in encoder.state_dict().items()}


def encoder_metadata(encoder: Encoder, model: HeadModel, trunk: Path) -> dict[str, str]:
    """What the encoder belongs to: the head model, and the file of the `trunk`'s weights."""
    return {"head": fingerprint(model), "trunk": _digest(trunk), "config": json.dumps(vars(encoder.config))}


def load_encoder(model: HeadModel, device: str = "cpu", path: Path | None = None, trunk: Path | None = None) -> Encoder:
    """The trained encoder, by default the one in the weights folder, for `model` and the weights file of its `trunk`.

    Raises EngineError when the weights are missing, damaged, or of another head model, trunk or version.
    """
    path, trunk = path or weights_path("encoder"), trunk or weights_path("coarse_net")
    tensors, metadata = load_tensors(path)
    if metadata.get("head") != fingerprint(model):
        raise EngineError(f"{path.name} belongs to another head model; reinstall Likeness.")
    if metadata.get("trunk") != _digest(trunk):
        raise EngineError(f"{path.name} belongs to another {trunk.name}; reinstall Likeness.")
    try:
        encoder = Encoder(EncoderConfig(**json.loads(metadata["config"])))
        encoder.load_state_dict({name: torch.tensor(value).float() for name, value in tensors.items()})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise EngineError(f"{path.name} is not of this version; reinstall Likeness.") from error
    return encoder.requires_grad_(False).eval().to(device)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
