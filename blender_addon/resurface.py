"""Gives a head or a body in the scene another surface, with its own looks, expression, pose and place."""

import json

import bpy

from ..core.avatar import Avatar
from ..core.parametric.assembly import psi_name
from ..core.parametric.head import HeadModel
from . import hair, heads, levels
from .actions import assign, current
from .bones import place_bones
from .build import METADATA, Materials, build_surface, metadata
from .extras import dressed, materials_of, with_extras, with_hair
from .transfer import copy_values

SKIN = "skin"
"""Name of the skin's material."""


def resurface(rig: bpy.types.Object, avatar: Avatar, model: HeadModel) -> None:
    """Rebuild mesh, shape keys, bones and levels of detail of a head from the avatar. Raises InputError.

    Materials of the same name stay, and so do brows and hair of a photo, the values and the animation of keys and
    bones, the mesh object and its other modifiers. Hair that is hidden stays hidden.
    """
    avatar = with_hair(with_extras(avatar, rig, model), rig, model)
    has_psi = psi_name(0) in heads.keys(rig)
    parameters = {**heads.metadata(rig)["parameters"], **avatar.parameters}  # camera and light are no code's
    parameters.pop("hair", None)  # the surface has it now
    old = _with_surface(rig, avatar, dressed(avatar, materials_of(rig)), parameters)
    if has_psi:
        heads.add_psi_keys(rig, model)
    _carry_over(rig, old)
    if not hair.is_shown(rig):
        hair.show(rig, False)
    if levels.levels(rig):
        levels.add_levels(rig, model)


def resurface_body(rig: bpy.types.Object, avatar: Avatar) -> None:
    """Rebuild mesh, shape keys and bones of a body from the avatar. Raises InputError.

    Materials of the same name stay where the avatar paints none, likewise values, animation and modifiers.
    """
    painted = {material.name for material in avatar.materials if material.color_texture or material.normal_texture}
    kept = {name: material for name, material in materials_of(rig).items() if name not in painted}
    _carry_over(rig, _with_surface(rig, avatar, kept, avatar.parameters))


def attach(rig: bpy.types.Object, avatar: Avatar, head: bpy.types.Object | None) -> None:
    """Rebuild a body from the avatar of it with a head on it, values and animation likewise. Raises InputError.

    Of a head of the scene it gets copies of the materials but for the skin's, whose maps end in the body's tone.
    """
    kept: dict[str, bpy.types.Material] = {}
    if head is not None:
        of_head = {name: material for name, material in materials_of(head).items() if name != SKIN}
        kept |= {name: material for name, material in materials_of(rig).items() if name not in (SKIN, *of_head)}
        used = {material.name for material in avatar.materials}
        kept |= {name: material.copy() for name, material in of_head.items() if name in used}
    _carry_over(rig, _with_surface(rig, avatar, kept, avatar.parameters))


def _with_surface(
    rig: bpy.types.Object, avatar: Avatar, used: Materials, parameters: dict[str, list[float]]
) -> bpy.types.Mesh:
    """Give the mesh object the avatar's mesh and the armature its bones and metadata, but for name and source.

    Returns the old mesh. Raises InputError.
    """
    thing, stored = heads.mesh_object(rig), heads.metadata(rig)
    place_bones(rig, avatar.joints)
    fresh = build_surface(avatar, rig, thing.users_collection[0], used)
    old, thing.data = thing.data, fresh.data
    bpy.data.objects.remove(fresh)
    kept = {"name": stored["name"], "source": stored["source"], "parameters": parameters}
    rig[METADATA] = json.dumps({**metadata(avatar), **kept})
    return old


def _carry_over(rig: bpy.types.Object, old: bpy.types.Mesh) -> None:
    """Take animation, values and names over from the old mesh, which goes."""
    mesh = heads.mesh_object(rig).data
    assign(mesh.shape_keys, *current(old.shape_keys))
    copy_values(old.shape_keys, mesh.shape_keys)
    names = old.name, old.shape_keys.name
    bpy.data.meshes.remove(old)
    mesh.name, mesh.shape_keys.name = names
