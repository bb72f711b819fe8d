"""The open head model: FLAME's anatomy, file format and function, on Likeness' own topology.

beta [100] shape, psi [50] expression, theta [5, 3] axis-angle of root, neck, jaw, left eye, right eye.
Source of the formulation: Li et al., "Learning a model of facial shape and expression from 4D scans", 2017.
"""

import hashlib
import json
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ..errors import EngineError
from ..tensors import load_tensors
from .lbs import Array, namespace
from .skinned_model import SkinnedModel

JOINTS = ("root", "neck", "jaw", "left_eye", "right_eye")
SHAPES, EXPRESSIONS = 100, 50
DEFAULT_WEIGHTS = Path(__file__).parents[2] / "weights" / "head.safetensors"


@dataclass(frozen=True)
class LevelOfDetail:
    """A coarser head that rides on the full one: whatever the full vertices do, `carry` gives the coarse ones."""

    source: np.ndarray
    """[V', 3] vertices of the full head."""
    weights: np.ndarray
    """[V', 3], rows sum to 1."""
    faces: np.ndarray
    uv: np.ndarray
    """In the layout of the full head: they share textures."""
    faces_uv: np.ndarray
    face_part: np.ndarray
    """[F'] index into the model's parts; a level may leave some out."""

    @classmethod
    def of(cls, tensors: dict[str, np.ndarray], level: int) -> "LevelOfDetail":
        return cls(**{f.name: tensors[f"lod{level}_{f.name}"] for f in fields(cls)})

    def carry(self, values: np.ndarray) -> np.ndarray:
        """Per-vertex values of the full head, `[V, ...]`, on this level, `[V', ...]`."""
        weights = self.weights.reshape(*self.weights.shape, *[1] * (values.ndim - 1))
        return (values[self.source] * weights).sum(1)


@dataclass(frozen=True, kw_only=True)
class HeadModel(SkinnedModel):
    """The arrays of the head model, numpy float32/int32 as loaded or torch after `to_torch` (capture).

    Of `shapedirs`, the first 100 components are shape, the other 50 expression.
    """

    head_share: np.ndarray
    """[V] share of the neck joint's weight that moves with the skull: the `head` bone of the armature."""
    arkit_psi: np.ndarray
    """[52, 50] psi of each ARKit shape at value 1."""
    arkit_theta: np.ndarray
    """[52, 5, 3] theta of each ARKit shape at value 1 (jaw and eyes)."""
    landmarks68: np.ndarray
    """[68] vertices of the Multi-PIE markup."""
    masks: dict[str, np.ndarray]
    """Region name -> [V] float32 membership 0..1, see the weights card for the names."""
    arkit_names: tuple[str, ...]
    details: tuple["LevelOfDetail", ...] = ()
    """Coarser heads, finest first."""

    @classmethod
    def load(cls, path: Path | str = DEFAULT_WEIGHTS) -> "HeadModel":
        """Read the model's weights. Raises EngineError when the file is missing, damaged or not a head model."""
        tensors, metadata = load_tensors(path)
        try:
            regions = [name for name in tensors if name.startswith("mask_")]
            masks = {name.removeprefix("mask_"): tensors.pop(name).astype(np.float32) / 255 for name in regions}
            arrays = {
                name: value.astype(np.float32) if value.dtype.kind == "f" else value for name, value in tensors.items()
            }
            names = json.loads(metadata["names"])
            return cls(
                **{f.name: arrays[f.name] for f in fields(cls) if f.name in arrays},
                masks=masks,
                parts=tuple(names["parts"]),
                arkit_names=tuple(names["arkit"]),
                details=tuple(LevelOfDetail.of(tensors, level) for level in (1, 2) if f"lod{level}_faces" in tensors),
                sha256=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise EngineError(f"{Path(path).name} is not a head model of this version; reinstall Likeness.") from error

    def shaped(self, beta: Array, psi: Array | None = None) -> Array:
        """Unposed vertices: v_template + B_S(beta) + B_E(psi). `[..., 100]`, `[..., 50]` to `[..., V, 3]`."""
        xp = namespace(self.v_template)
        vertices = super().shaped(beta)
        if psi is not None:
            vertices = vertices + xp.einsum("vck,...k->...vc", self.shapedirs[:, :, SHAPES:], psi)
        return vertices

    def vertices(self, beta: Array, psi: Array, theta: Array) -> Array:
        """Shaped, expressed, corrected and posed vertices: `[..., V, 3]` metres; the batch dimensions are equal."""
        return self._posed(self.shaped(beta, psi), beta, theta)
