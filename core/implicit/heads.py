"""The implicit heads that Likeness ships: what is in their weights, and loading them."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import EngineError, UsageError
from ..tensors import load_tensors
from ..weights import weights_path
from .ensemble import EnsembleConfig
from .expression import ExpressionConfig, ExpressionField
from .field import HeadField, on_device
from .latents import LatentSpace
from .nphm import NPHM, NPHMHair
from .npm import NPM, NPMConfig, NPMHair
from .template import Template
from .triplane import TriPlane, TriPlaneConfig, TriPlaneHair

CONFIGS: dict[str, type] = {"npm": NPMConfig, "nphm": EnsembleConfig, "triplane": TriPlaneConfig}
MODELS = tuple(CONFIGS)
DEFAULT_MODEL = "nphm"


def build_head_field(
    config: Any, expression: ExpressionConfig, template: Template, hair_codes: Tensor, rest: Tensor
) -> HeadField:
    """An untrained field of that `config`, one of `CONFIGS`."""
    latents = LatentSpace(hair_codes, config.local_size if isinstance(config, EnsembleConfig) else 0)
    backbone: nn.Module
    hair: nn.Module
    if isinstance(config, EnsembleConfig):
        backbone, hair = NPHM(config, latents), NPHMHair(config)
    elif isinstance(config, TriPlaneConfig):
        backbone = TriPlane(config, template.bounds, template.fine_bounds)
        hair = TriPlaneHair(config, template.bounds)
    else:
        backbone, hair = NPM(config), NPMHair(config)
    return HeadField(config, backbone, hair, ExpressionField(expression, rest), template, latents)


def load_head_field(name: str, device: str = "cpu", path: Path | None = None) -> HeadField:
    """The trained field `npm`, `nphm` or `triplane`, without gradients to its weights.

    Raises UsageError for another name, EngineError when the weights are missing, damaged or of another version.
    """
    if name not in CONFIGS:
        raise UsageError(f"There is no implicit head {name!r}; choose one of {', '.join(MODELS)}.")
    path = path or weights_path(name)
    tensors, metadata = load_tensors(path)
    try:
        config, expression = (json.loads(metadata[key]) for key in ("config", "expression"))
        state = {key: torch.tensor(value).float() for key, value in tensors.items()}
        field = build_head_field(
            CONFIGS[name](**config),
            ExpressionConfig(**expression),
            Template.load(weights_path("head_template")),
            state.pop("hair_codes"),
            state["expression.rest"],
        )
        field.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise EngineError(f"{path.name} is not an implicit head of this version; reinstall Likeness.") from error
    return on_device(field, device)


def head_field_tensors(field: HeadField) -> tuple[dict[str, Any], dict[str, str]]:
    """What `load_head_field` reads: half-precision tensors, and the metadata with both configs."""
    state = {"hair_codes": field.latents.hair_codes, **field.state_dict()}
    tensors = {key: value.detach().cpu().half().numpy() for key, value in state.items()}
    configs: dict[str, Any] = {"config": field.config, "expression": field.expression.config}
    return tensors, {key: json.dumps(dataclasses.asdict(value)) for key, value in configs.items()}
