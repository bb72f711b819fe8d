"""What drives the extracted skin of an implicit head: keys, correctives and weights, from the fields or the model.

The keys are those of the head's own expression field; correctives and weights are I M Avatar's P(y) and W(y).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..avatar import Part
from ..geometry.smoothstep import smoothstep
from ..implicit.field import HeadField
from ..implicit.imavatar import load_imavatar
from ..parametric.arkit import ARKIT_NAMES
from ..parametric.assembly import arkit_deltas, armature_weights, with_head
from ..parametric.correctives import bone_correctives, corrective_features
from ..parametric.head import HeadModel
from ..parametric.parts import carried

CHUNK = 1 << 13
"""Points at a time: each has 313 values."""
NOISE = 5e-5
"""Metres that learned displacements are wrong by where the skin is at rest: what is less is none."""
LEAST_WEIGHT = 0.01
"""Weights of bones below it are the softmax's tail."""


@dataclass(frozen=True)
class SkinDrive:
    """Of V vertices."""

    keys: dict[str, np.ndarray]
    """ARKit name -> [V, 3] displacement from neutral at 1."""
    correctives: dict[str, np.ndarray]
    """Name -> [V, 3] displacement at 1, before skinning."""
    weights: np.ndarray
    """[V, 6] of the joints of `ARMATURE`."""

    @classmethod
    def of_fields(
        cls, field: HeadField, z_id: Tensor, template_points: np.ndarray, part: Part, model: HeadModel
    ) -> "SkinDrive":
        """Of the vertices of `part`, which lie at `template_points` [V, 3] on the mean head, on the head `z_id` `[D]`.

        How the neck's weights are divided is the model's alone.
        """
        imavatar = load_imavatar(str(z_id.device))
        _, features = corrective_features(model)
        turns = torch.from_numpy(np.stack(list(features.values())).astype(np.float32)).to(z_id)
        basis, pose, weights = [], [], []
        with torch.no_grad():
            for points in torch.from_numpy(template_points.astype(np.float32)).to(z_id).split(CHUNK):
                own = imavatar.fields(points)
                basis.append(field.expression.basis(points[None], z_id[None])[0].cpu().numpy())
                pose.append(torch.einsum("nkc,tk->ntc", own.pose, turns).cpu().numpy())
                weights.append(own.weights.cpu().numpy())
        return cls(
            dict(zip(ARKIT_NAMES, _settled(np.concatenate(basis)), strict=True)),
            dict(zip(features, _settled(np.concatenate(pose)), strict=True)),
            with_head(_without_tail(np.concatenate(weights)), carried(part, model.head_share[:, None])[:, 0]),
        )

    @classmethod
    def of_model(cls, part: Part, model: HeadModel, beta: np.ndarray) -> "SkinDrive":
        """Of the vertices of `part`, which is bound to the head of shape `beta` [100]."""
        _, corrections = bone_correctives(model)
        return cls(
            {name: carried(part, delta) for name, delta in arkit_deltas(model, beta).items()},
            {name: carried(part, delta) for name, delta in corrections.items()},
            carried(part, armature_weights(model)),
        )

    def mixed(self, other: "SkinDrive", share: np.ndarray) -> "SkinDrive":
        """This one, with the `share` [V, 1] 0..1 of the other."""

        def mix(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: one[name] + share * (two[name] - one[name]) for name in one}

        weights = self.weights + share * (other.weights - self.weights)
        return SkinDrive(mix(self.keys, other.keys), mix(self.correctives, other.correctives), weights)


def _settled(displacements: np.ndarray) -> np.ndarray:
    """[V, K, 3] as [K, V, 3], noise left out."""
    length = np.linalg.norm(displacements, axis=2, keepdims=True)
    return np.moveaxis(displacements * smoothstep(length, NOISE / 2, 2 * NOISE), 1, 0)


def _without_tail(weights: np.ndarray) -> np.ndarray:
    """Weights [V, 5] with the small ones 0."""
    kept = np.where(weights > LEAST_WEIGHT, weights, 0)
    return kept / kept.sum(1, keepdims=True)
