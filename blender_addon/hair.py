"""The hair of a head in the scene: shown or hidden, and left out of what is exported.

Hair is hidden as a user would do it, by a Mask modifier over a vertex group, so that file, render and undo know of it.
"""

import bmesh
import bpy
import numpy as np

from . import heads

HAIR = "hair"
"""Name of hair's material, of the vertex group with its vertices, and of the modifier that hides them."""


def slot(thing: bpy.types.Object) -> int | None:
    """Index of hair's material on the head's mesh or a level of detail, None for a bald head."""
    names = [material.name.partition(".")[0] if material else "" for material in thing.data.materials]
    return names.index(HAIR) if HAIR in names else None


def is_there(rig: bpy.types.Object) -> bool:
    """Whether the head has hair, shown or not."""
    return slot(heads.mesh_object(rig)) is not None


def is_shown(rig: bpy.types.Object) -> bool:
    """Whether nothing hides the hair, if there is any."""
    mask = heads.mesh_object(rig).modifiers.get(HAIR)
    return mask is None or not mask.show_viewport


def show(rig: bpy.types.Object, shown: bool) -> None:
    """Show or hide the hair in views, renders and exported files."""
    head = heads.mesh_object(rig)
    if HAIR not in head.vertex_groups:  # none yet, or of a surface that is gone
        head.vertex_groups.new(name=HAIR).add(_vertices(head), 1.0, "REPLACE")
    mask = head.modifiers.get(HAIR)
    if mask is None:
        mask = head.modifiers.new(HAIR, "MASK")
        mask.vertex_group, mask.invert_vertex_group = HAIR, True
    mask.show_viewport = mask.show_render = not shown


def _vertices(head: bpy.types.Object) -> list[int]:
    mesh = head.data
    slots = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("material_index", slots)
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    sides = np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_total", sides)
    return np.unique(corners[np.repeat(slots == slot(head), sides)]).tolist()


def without(thing: bpy.types.Object) -> bpy.types.Object:
    """A copy of the head's mesh or a level of detail, in no scene yet, that has lost the hair's faces."""
    bare = thing.copy()
    bare.data = thing.data.copy()
    mesh = bmesh.new()
    mesh.from_mesh(bare.data)
    index = slot(thing)
    bmesh.ops.delete(mesh, geom=[face for face in mesh.faces if face.material_index == index], context="FACES")
    mesh.to_mesh(bare.data)
    mesh.free()
    return bare
