"""Parts of an Avatar made of a parametric model, a head's or a body's: its own pieces, and what is bound to it.

Everything that is not of the model itself (hair, brows, clothes) is *bound* to it: each of its vertices names three
model vertices and their shares, and takes from them its skinning weights and every displacement, of expression, pose
and identity alike. A vertex of the model is the special case of one carrier with share 1, so that one rule, `carried`,
serves all parts; a part with weights of its own keeps these, and one that nothing carries has share 0 of everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..avatar import Material, Part
from .skinned_model import SkinnedModel

INFLUENCES = 4
"""Most joints one vertex may follow: what glTF and the game engines read."""

STILL = 1e-5
"""Metres: a key moves a vertex by more than this or not at all. The model's keys are sums of components that reach
everywhere by microns; without them files are a third smaller, and teeth have no key for the brows."""


@dataclass
class PartMaker:
    """Gives parts what they take from the model: weights, shape keys, correctives, and a material each."""

    weights: np.ndarray
    """[Vm, J] of the model's vertices, a column for each joint of the Avatar."""
    chosen: Mapping[str, Material]
    """By part name; a part that is not in it gets a plain one of its own name."""
    keys: Mapping[str, np.ndarray]
    """Shape key -> [Vm, 3] displacement of the model's vertices."""
    correctives: Mapping[str, np.ndarray]
    used: dict[str, Material] = field(default_factory=dict)
    """By name, in the order of the Avatar's materials."""

    def slot(self, part: str) -> int:
        """Index of the material of that part; two parts given the same material share it."""
        material = self.chosen.get(part) or Material(part)
        self.used.setdefault(material.name, material)
        return list(self.used).index(material.name)

    def finished(self, part: Part) -> Part:
        """The part, all of it of its own material."""
        return replace(
            part,
            face_material=np.full(len(part.faces), self.slot(part.name), np.int32),
            weights=limited(part.weights if part.weights.size else carried(part, self.weights)),
            keys=part_keys(part, self.keys),
            correctives=part_keys(part, self.correctives),
        )


def model_part(model: SkinnedModel, vertices: np.ndarray, index: int, shown: np.ndarray | None = None) -> Part:
    """Part `index` of the model at the given vertices `[Vm, 3]`, with its own numbering of vertices and UVs.

    Of its faces, those that are `shown` `[F]`, all by default.
    """
    own = model.face_part == index if shown is None else shown & (model.face_part == index)
    members, faces = np.unique(model.faces[own], return_inverse=True)
    uv_members, faces_uv = np.unique(model.faces_uv[own], return_inverse=True)
    return Part(
        name=model.parts[index],
        vertices=vertices[members],
        faces=faces.reshape(-1, 4).astype(np.int32),
        uv=model.uv[uv_members],
        faces_uv=faces_uv.reshape(-1, 4).astype(np.int32),
        face_material=np.zeros(int(own.sum()), np.int32),
        weights=np.zeros((len(members), 0), np.float32),
        model_vertices=members.astype(np.int32),
    )


def carriers(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """The three model vertices that carry each vertex, `[V, 3]` int32, and their shares, `[V, 3]` float32."""
    shares = np.zeros((len(part.vertices), 3), np.float32)
    if part.model_vertices is not None:
        shares[:, 0] = 1
        return np.repeat(part.model_vertices[:, None], 3, 1).astype(np.int32), shares
    if part.binding is None or part.binding_weights is None:
        return np.zeros_like(shares, np.int32), shares
    return part.binding.astype(np.int32), part.binding_weights.astype(np.float32)


def carried(part: Part, field: np.ndarray) -> np.ndarray:
    """A field on the model's vertices, `[Vm, C]`, as the part takes it: `[V, C]`."""
    if part.model_vertices is not None:
        return field[part.model_vertices]
    indices, shares = carriers(part)
    return np.einsum("vk,vkc->vc", shares, field[indices])


def part_keys(part: Part, deltas: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Keys of one part from the displacements of the model's vertices (see `moving`)."""
    return moving(part.name, {name: carried(part, delta) for name, delta in deltas.items()})


def moving(part: str, deltas: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The displacements `[V, 3]` of a part that move it, 0 where it stays.

    The skin has every key, so that the avatar does.
    """
    keys = {}
    for name, delta in deltas.items():
        moves = np.linalg.norm(delta, axis=1, keepdims=True) > STILL
        if moves.any() or part == "skin":
            keys[name] = np.where(moves, delta, 0).astype(np.float32)
    return keys


def limited(weights: np.ndarray) -> np.ndarray:
    """The `INFLUENCES` largest weights of each row `[V, J]`, rows summing to 1. Raises ValueError where all are 0."""
    dropped = np.argsort(weights, 1)[:, :-INFLUENCES]
    weights = weights.copy()
    np.put_along_axis(weights, dropped, 0, 1)
    total = weights.sum(1, keepdims=True)
    if not (total > 0).all():
        raise ValueError("a vertex follows no joint: its part is neither bound to the model nor has it weights")
    return weights / total
