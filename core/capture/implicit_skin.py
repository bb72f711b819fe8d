"""The extracted surface of an implicit head as an Avatar's skin: keys, weights, materials, place in the atlas."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..avatar import Avatar, Material, Part
from ..implicit.field import CANONICAL_JAW
from ..parametric.assembly import MATERIALS, arkit_deltas, armature_weights, carried, limited, part_keys
from ..parametric.correctives import bone_correctives
from ..parametric.head import HeadModel
from .atlas_transfer import land
from .hair import bind_to_scalp
from .hair_shell import hair_triangles
from .head_surface import HeadSurface
from .template_registration import Registration, closing_skin, mean_skin


def implicit_skin(surface: HeadSurface, height: np.ndarray, model: HeadModel, registration: Registration) -> Part:
    """The part `skin`, neutral, of a surface that lies `height` [V] metres above the bald head.

    The field's warp carries the model's expressions, bones and correctives to it: a vertex has those of the place on
    the skin where its template point lies, hair those of the scalp. Lips and lids are drawn to the registered
    template's, which meet. Materials are 0 skin, 1 the mouth's lining, 2 hair.
    """
    landing = land(model, mean_skin(model), surface.template_points, surface.triangles)
    hairy = hair_triangles(surface, height)
    binding, shares = landing.binding.copy(), landing.shares.copy()
    if hairy.any():
        hair = np.unique(surface.triangles[hairy])
        binding[hair], shares[hair] = bind_to_scalp(model, model.v_template, surface.template_points[hair])
    edge = (shares * (closing_skin(model) >= 0)[binding]).sum(1, keepdims=True)
    registered = np.einsum("vk,vkc->vc", shares, registration.canonical[binding])
    vertices = surface.vertices + edge * (registered - surface.vertices)
    quads = [0, 1, 2, 2]
    part = Part(
        name="skin",
        vertices=vertices,
        faces=surface.triangles[:, quads].astype(np.int32),
        uv=landing.uv,
        faces_uv=landing.triangles_uv[:, quads],
        face_material=np.where(hairy, 2, landing.in_mouth).astype(np.int32),
        weights=np.zeros((len(surface.vertices), 0), np.float32),
        binding=binding,
        binding_weights=shares,
    )
    deltas = arkit_deltas(model, registration.beta)
    _, corrections = bone_correctives(model)
    return replace(
        part,
        vertices=vertices - CANONICAL_JAW * carried(part, deltas["jawOpen"]),
        weights=limited(carried(part, armature_weights(model))),
        keys=part_keys(part, deltas),
        correctives=part_keys(part, corrections),
    )


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
