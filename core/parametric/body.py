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
from .lbs import Array, namespace, pose_feature, skin
from .smpl_joints import JOINTS

POSE_FEATURES = 9 * (len(JOINTS) - 1)
DEFAULT_WEIGHTS = Path(__file__).parents[2] / "weights" / "body.safetensors"


@dataclass(frozen=True)
class BodyModel:
    """The arrays of a body model, numpy float32/int32 as loaded, or torch: ours, or one of SMPL's that a user owns."""

    v_template: Array
    """[V, 3] metres: the mean body in SMPL's T-pose, every part (skin first)."""
    shapedirs: Array
    """[V, 3, K], each for one standard deviation."""
    posedirs: Array
    """[207, 3 V]: pose correctives, linear in `pose_feature`."""
    J_regressor: Array
    """[24, V], rows sum to 1."""
    lbs_weights: Array
    """[V, 24], rows sum to 1."""
    kintree_table: np.ndarray
    """[2, 24]: parents (root's is -1), ids."""
    faces: np.ndarray
    """[F, 4] quads, counter-clockwise from outside; triangles repeat their last index."""
    uv: np.ndarray
    """[T, 2]; SMPL's own files have none."""
    faces_uv: np.ndarray
    """[F, 4]."""
    vertex_part: np.ndarray
    """[V] index into `parts`; the vertices of a part are contiguous."""
    mirror: np.ndarray
    """[V] index of the left-right mirrored vertex; empty in SMPL's own files."""
    base_index: np.ndarray
    """[V] index into MakeHuman's base mesh, to which clothes bind; empty in SMPL's own files."""
    parts: tuple[str, ...]
    sha256: str = ""
    """Of the weights file: what a body remembers it was made with."""

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

    @property
    def face_part(self) -> np.ndarray:
        """[F] index into `parts`."""
        return self.vertex_part[self.faces[:, 0]]

    @property
    def parents(self) -> tuple[int, ...]:
        return tuple(int(p) for p in self.kintree_table[0])

    def shaped(self, beta: Array) -> Array:
        """Unposed vertices, `[..., n <= K]` to `[..., V, 3]` metres: the components left out are 0."""
        xp = namespace(self.v_template)
        return self.v_template + xp.einsum("vck,...k->...vc", self.shapedirs[:, :, : beta.shape[-1]], beta)

    def joints(self, beta: Array) -> Array:
        """Rest positions of the joints, `[..., 24, 3]` metres."""
        xp = namespace(self.v_template)
        return xp.einsum("jv,...vc->...jc", self.J_regressor, self.shaped(beta))

    def vertices(self, beta: Array, theta: Array) -> Array:
        """Shaped, corrected and posed vertices: `[..., V, 3]` metres; the batch dimensions are equal."""
        shape = self.shaped(beta)
        correctives = (pose_feature(theta) @ self.posedirs).reshape(shape.shape)
        return skin(shape + correctives, self.joints(beta), self.parents, self.lbs_weights, theta)

    def skinned(self, beta: Array, theta: Array) -> Array:
        """Shaped vertices moved by the bones alone, without pose correctives, as an armature does: `[..., V, 3]`."""
        return skin(self.shaped(beta), self.joints(beta), self.parents, self.lbs_weights, theta)
