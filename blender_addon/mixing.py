"""A parametric head between two."""

import bpy
from mathutils import Matrix

from ..core.parametric.head import HeadModel
from . import heads, identity, look
from .actions import assign


def mix_parametric(
    first: bpy.types.Object, second: bpy.types.Object, factor: float, model: HeadModel
) -> bpy.types.Object:
    """A copy of the first head, at rest, whose beta lies `factor` of the way to the second's. Raises InputError."""
    beta = (1 - factor) * identity.beta(first) + factor * identity.beta(second)
    for head in (first, second):
        heads.carriers(head, model)  # refuses before anything is made
    with look.finished(first):
        mixed = duplicate(first, f"{first.name} + {second.name}")
    heads.set_identity(mixed, model, beta)
    heads.set_parameters(mixed, beta_made=beta.tolist())
    return mixed


def duplicate(rig: bpy.types.Object, name: str) -> bpy.types.Object:
    """A copy of the head in a collection of its own: at rest, without its animation and its levels of detail."""
    collection = bpy.data.collections.new(name)
    bpy.context.scene.collection.children.link(collection)
    own_rig, own_mesh = (_copied(thing, collection) for thing in (rig, heads.mesh_object(rig)))
    own_rig.name = own_rig.data.name = own_mesh.data.name = name
    own_mesh.name = f"{name} mesh"
    own_mesh.parent = own_rig
    for modifier in own_mesh.modifiers:
        if modifier.type == "ARMATURE" and modifier.object == rig:
            modifier.object = own_rig
    for slot, material in enumerate(own_mesh.data.materials):
        own_mesh.data.materials[slot] = material and material.copy()
    for owner in (own_rig, own_mesh.data.shape_keys):
        if owner.animation_data:
            assign(owner, None)
            _redirect_drivers(owner.animation_data, rig, own_rig)
    for key in own_mesh.data.shape_keys.key_blocks:
        key.value = 0.0
    for bone in own_rig.pose.bones:
        bone.matrix_basis = Matrix()
    return own_rig


def _copied(thing: bpy.types.Object, collection: bpy.types.Collection) -> bpy.types.Object:
    copy = thing.copy()
    copy.data = thing.data.copy()
    collection.objects.link(copy)
    return copy


def _redirect_drivers(data: bpy.types.AnimData, old: bpy.types.Object, new: bpy.types.Object) -> None:
    for curve in data.drivers:
        for variable in curve.driver.variables:
            for target in variable.targets:
                if target.id == old:
                    target.id = new
