"""The open body model: SMPL's skeleton, file format and function, on the topology of MakeHuman's base mesh.

beta [16] shape, theta [24, 3] axis-angle of SMPL's joints, the first of which turns the whole body.
Source of the formulation: Loper et al., "SMPL: A Skinned Multi-Person Linear Model", 2015.
"""

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ..errors import EngineError
from ..tensors import load_tensors
from .lbs import Array
from .skinned_model import SkinnedModel
from .smpl_joints import JOINTS

POSE_FEATURES = 9 * (len(JOINTS) - 1)
DEFAULT_WEIGHTS = Path(__file__).parents[2] / "weights" / "body.safetensors"


@dataclass(frozen=True, kw_only=True)
class BodyModel(SkinnedModel):
    """The arrays of a body model: ours, or one of SMPL's that a user owns, whose files have no `uv` and no `mirror`."""

    base_index: np.ndarray
    """[V] index into MakeHuman's base mesh, to which clothes bind; empty in SMPL's own files."""

    @classmethod
    def load(cls, path: Path | str = DEFAULT_WEIGHTS) -> "BodyModel":
        """Read the model's weights. Raises EngineError when the file is missing, damaged or not a body model."""
        tensors, metadata = load_tensors(path)
        try:
            arrays = {
                name: value.astype(np.float32) if value.dtype.kind == "f" else value for name, value in tensors.items()
            }
            return cls(
                **{f.name: arrays[f.name] for f in fields(cls) if f.name not in ("parts", "sha256")},
                parts=tuple(json.loads(metadata["parts"])),
                sha256=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise EngineError(f"{Path(path).name} is not a body model of this version; reinstall Likeness.") from error

    def vertices(self, beta: Array, theta: Array) -> Array:
        """Shaped, corrected and posed vertices: `[..., V, 3]` metres; the batch dimensions are equal."""
        return self._posed(self.shaped(beta), beta, theta)
