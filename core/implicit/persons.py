"""The trained persons in many poses: of each, SNARF and what it is measured against."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch

from ..errors import EngineError
from ..tensors import load_tensors
from ..weights import weights_path
from .articulated import Articulated, ArticulatedConfig
from .articulated_baselines import BackwardSkinning, PiecewiseRigid
from .snarf import Snarf

METHODS: dict[str, type[Articulated]] = {
    "SNARF": Snarf,
    "backward skinning": BackwardSkinning,
    "piecewise rigid": PiecewiseRigid,
}

Persons = list[dict[str, Articulated]]
"""Of each person the models, by method."""


def load_persons(device: str = "cpu", path: Path | None = None) -> Persons:
    """The trained models. Raises EngineError when their weights are missing, damaged or of another version."""
    path = path or weights_path("snarf")
    tensors, metadata = load_tensors(path)
    try:
        config = ArticulatedConfig(**json.loads(metadata["config"]))
        count = 1 + max(int(name.partition("/")[0]) for name in tensors)
        return [
            {name: _model(name, config, tensors, f"{person}/{name}/").to(device) for name in METHODS}
            for person in range(count)
        ]
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise EngineError(f"{path.name} holds no persons of this version; reinstall Likeness.") from error


def persons_tensors(persons: Persons) -> tuple[dict[str, Any], dict[str, str]]:
    """What `load_persons` reads, in half precision but for the joints: tensors and metadata."""
    tensors = {
        f"{person}/{method}/{name}": (value if name == "joints" else value.half()).detach().cpu().numpy()
        for person, models in enumerate(persons)
        for method, model in models.items()
        for name, value in model.state_dict().items()
    }
    return tensors, {"config": json.dumps(dataclasses.asdict(persons[0]["SNARF"].config))}


def _model(method: str, config: ArticulatedConfig, tensors: dict[str, Any], prefix: str) -> Articulated:
    state = {k.removeprefix(prefix): torch.tensor(v).float() for k, v in tensors.items() if k.startswith(prefix)}
    model = METHODS[method](config, state["joints"])
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)
