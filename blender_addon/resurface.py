"""Gives a head in the scene another surface, with its own looks, expression and place."""

import json

import bpy

from ..core.avatar import Avatar
from ..core.parametric.assembly import psi_name
from ..core.parametric.head import HeadModel
from . import hair, heads, levels
from .actions import assign, current
from .bones import place_bones
from .build import METADATA, build_surface, metadata
from .extras import dressed, materials_of, with_extras, with_hair
from .transfer import copy_values


def resurface(rig: bpy.types.Object, avatar: Avatar, model: HeadModel) -> None:
    """Rebuild mesh, shape keys, bones and levels of detail from the avatar. Raises InputError.

    Materials of the same name stay, and so do brows and hair of a photo, the values and the animation of keys and
    bones, the mesh object and its other modifiers. Hair that is hidden stays hidden.
    """
    avatar = with_hair(with_extras(avatar, rig, model), rig, model)
    head = heads.mesh_object(rig)
    has_psi = psi_name(0) in heads.keys(rig)
    place_bones(rig, avatar.joints)
    fresh = build_surface(avatar, rig, head.users_collection[0], dressed(avatar, materials_of(rig)))
    old, head.data = head.data, fresh.data
    bpy.data.objects.remove(fresh)
    _remember(rig, avatar)
    if has_psi:
        heads.add_psi_keys(rig, model)
    assign(head.data.shape_keys, *current(old.shape_keys))
    copy_values(old.shape_keys, head.data.shape_keys)
    names = old.name, old.shape_keys.name
    bpy.data.meshes.remove(old)
    head.data.name, head.data.shape_keys.name = names
    if not hair.is_shown(rig):
        hair.show(rig, False)
    if levels.levels(rig):
        levels.add_levels(rig, model)


def _remember(rig: bpy.types.Object, avatar: Avatar) -> None:
    """Store the avatar's metadata; name and source stay, and parameters that a code does not give (camera, light)."""
    stored = heads.metadata(rig)
    parameters = {**stored["parameters"], **avatar.parameters}
    parameters.pop("hair", None)  # the surface has it now
    kept = {"name": stored["name"], "source": stored["source"], "parameters": parameters}
    rig[METADATA] = json.dumps({**metadata(avatar), **kept})
