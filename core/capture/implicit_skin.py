"""The extracted surface of an implicit head as an Avatar's skin: keys, weights, materials, place in the atlas."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ..avatar import Avatar, Material, Part
from ..geometry.smoothstep import smoothstep
from ..implicit.field import HeadField, chunked_keys
from ..parametric.arkit import ARKIT_NAMES
from ..parametric.assembly import MATERIALS, STILL, armature_weights, carried, limited, part_keys
from ..parametric.correctives import bone_correctives
from ..parametric.head import HeadModel
from .atlas_transfer import land
from .hair import bind_to_scalp
from .hair_shell import HAIR_HEIGHT, hair_triangles
from .head_surface import HeadSurface
from .template_registration import mean_skin

LOOSE = 4e-3
"""Metres above the skin from which hair follows the skull alone, whatever the face does."""


def implicit_skin(field: HeadField, z_id: Tensor, surface: HeadSurface, height: np.ndarray, model: HeadModel) -> Part:
    """The part `skin` of the head `z_id` `[D]`, bound to the model's skin, `height` [V] metres above the bald head.

    Its 52 keys are the field's expressions. Bones and correctives are the model's at the same places. Materials are
    0 skin, 1 the mouth's lining, 2 hair.
    """
    landing = land(model, mean_skin(model), surface.template_points, surface.triangles)
    with torch.no_grad():
        points = torch.from_numpy(surface.vertices).to(z_id)
        neutral, keys = (value.cpu().numpy() for value in chunked_keys(field, points, z_id[None]))
    hairy = hair_triangles(surface, height)
    covered = np.isin(np.arange(len(height)), surface.triangles[hairy])
    firm = 1 - (covered * smoothstep(height, HAIR_HEIGHT, LOOSE))[:, None]
    keys *= firm
    keys[np.linalg.norm(keys, axis=2) < STILL] = 0
    binding, shares = landing.binding.copy(), landing.shares.copy()
    hair = firm[:, 0] < 0.5
    if hair.any():
        binding[hair], shares[hair] = bind_to_scalp(model, model.v_template, surface.template_points[hair])
    quads = [0, 1, 2, 2]
    part = Part(
        name="skin",
        vertices=surface.vertices + firm * (neutral - surface.vertices),
        faces=surface.triangles[:, quads].astype(np.int32),
        uv=landing.uv,
        faces_uv=landing.triangles_uv[:, quads],
        face_material=np.where(hairy, 2, landing.in_mouth).astype(np.int32),
        weights=np.zeros((len(neutral), 0), np.float32),
        keys=dict(zip(ARKIT_NAMES, keys, strict=True)),
        binding=binding,
        binding_weights=shares,
    )
    _, corrections = bone_correctives(model)
    weights = limited(carried(part, armature_weights(model)))
    return replace(part, weights=weights, correctives=part_keys(part, corrections))


def with_skin(avatar: Avatar, skin: Part, materials: Mapping[str, Material]) -> Avatar:
    """The avatar with an `implicit_skin` in the place of its own; `materials` are chosen by part name as elsewhere."""
    chosen = [materials.get(name, MATERIALS[name]) for name in ("skin", "mouth", "hair")]
    names = [material.name for material in avatar.materials]
    added = [m for k, m in enumerate(chosen) if m.name not in names and (skin.face_material == k).any()]
    slots = [*avatar.materials, *added]
    index = {material.name: slot for slot, material in enumerate(slots)}
    slot_of = np.array([index.get(material.name, 0) for material in chosen], np.int32)
    skin = replace(skin, face_material=slot_of[skin.face_material])
    parts = [skin if part.name == "skin" else part for part in avatar.parts]
    return replace(avatar, parts=parts, materials=slots)
