"""Gives a head in the scene the skin and the eyes of another photo; its shape, keys, pose and hair stay."""

import json

import bpy

from ..core.avatar import Avatar
from ..core.errors import InputError
from . import heads, look, materials
from .build import METADATA
from .extras import materials_of


def reskin(rig: bpy.types.Object, avatar: Avatar) -> None:
    """Take over what the avatar's materials have as textures, and what is known of its photo.

    Raises InputError, before it changes anything, when the head has no skin that could be painted.
    """
    there = materials_of(rig)
    painted = {made.name: made for made in avatar.materials if made.color_texture and made.name in there}
    if "skin" not in painted or not materials.textures(there["skin"], painted["skin"]):
        raise InputError(f"{rig.name} has lost its skin's material or maps; make the head again.")
    look.show(rig, look.Look.after)
    for name, material in painted.items():
        materials.retexture(there[name], material)
    stored = heads.metadata(rig)
    of_photo = {name: value for name, value in avatar.parameters.items() if name != "beta"}
    parameters = {**stored["parameters"], **of_photo}
    rig[METADATA] = json.dumps({**stored, "source": avatar.source, "parameters": parameters})
