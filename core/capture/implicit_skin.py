"""The extracted skin of an implicit head as an Avatar's: keys, weights, materials, place in the atlas."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree
from torch import Tensor

from ..avatar import Avatar, Material, Part
from ..geometry.smoothstep import smoothstep
from ..implicit.field import CANONICAL_JAW, HeadField
from ..parametric.assembly import MATERIALS
from ..parametric.head import HeadModel
from ..parametric.parts import limited, moving
from .atlas_transfer import land
from .head_surface import HeadSurface
from .skin_drive import SkinDrive
from .template_registration import Registration, closing_skin, mean_skin

FOLD = (5e-3, 15e-3)
"""Metres from where skin folds upon itself: up to the first the model drives it, from the second on the fields."""


def implicit_skin(
    surface: HeadSurface, field: HeadField, z_id: Tensor, model: HeadModel, registration: Registration
) -> Part:
    """The part `skin`, neutral, of the surface of the head `z_id` `[D]`, driven by the fields.

    Lips and lids must meet to a tenth of a millimetre, and across their folds a smooth field blurs what moves with what
    stays, by millimetres: they are drawn to the registered template, whose edges meet, and there and about the folds
    its drive takes over. Materials are 0 skin, 1 the mouth's lining.
    """
    landing = land(model, mean_skin(model), surface.template_points, surface.triangles)
    edge = (landing.shares * (closing_skin(model) >= 0)[landing.binding]).sum(1, keepdims=True)
    registered = np.einsum("vk,vkc->vc", landing.shares, registration.canonical[landing.binding])
    canonical = surface.vertices + edge * (registered - surface.vertices)
    quads = [0, 1, 2, 2]
    part = Part(
        name="skin",
        vertices=canonical,
        faces=surface.triangles[:, quads].astype(np.int32),
        uv=landing.uv,
        faces_uv=landing.triangles_uv[:, quads],
        face_material=landing.in_mouth.astype(np.int32),
        weights=np.zeros((len(canonical), 0), np.float32),
        binding=landing.binding,
        binding_weights=landing.shares,
    )
    of_fields = SkinDrive.of_fields(field, z_id, surface.template_points, part, model)
    folds = _about_folds(model, surface.template_points)
    drive = of_fields.mixed(SkinDrive.of_model(part, model, registration.beta), folds)
    return replace(
        part,
        vertices=(canonical - CANONICAL_JAW * drive.keys["jawOpen"]).astype(np.float32),
        weights=limited(drive.weights),
        keys=moving(part.name, drive.keys),
        correctives=moving(part.name, drive.correctives),
    )


def _about_folds(model: HeadModel, template_points: np.ndarray) -> np.ndarray:
    """[V, 1] 1 about lips, lids and what lies behind them, 0 from `FOLD` on."""
    sockets = (model.masks["mouth_socket"] > 0.5) | (model.masks["eye_sockets"] > 0.5)
    skin = model.vertex_part == 0
    folded = mean_skin(model)[(sockets | (closing_skin(model) >= 0))[skin]]
    distance, _ = cKDTree(folded).query(template_points)
    return 1 - smoothstep(distance, *FOLD)[:, None]


def with_skin(avatar: Avatar, skin: Part, materials: Mapping[str, Material]) -> Avatar:
    """The avatar with an `implicit_skin` in the place of its own; `materials` are chosen by part name as elsewhere."""
    slots = [material.name for material in avatar.materials]
    chosen = [slots.index(materials.get(name, MATERIALS[name]).name) for name in ("skin", "mouth")]
    skin = replace(skin, face_material=np.array(chosen, np.int32)[skin.face_material])
    return replace(avatar, parts=[skin if part.name == "skin" else part for part in avatar.parts])
