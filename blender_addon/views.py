"""What the user has before him: the head that is active, and the 3D views that look at it."""

import bpy

from ..core.errors import InputError
from . import heads
from .build import METADATA

SPACING = 0.45
"""Metres from one head to the next: a little more than the shoulders are wide."""


def active_head(context: bpy.types.Context) -> bpy.types.Object | None:
    """The armature of the head that the active object belongs to; where it belongs to none, the scene's only head.

    A head that lost its mesh or its shape keys is none.
    """
    head = heads.find(context.view_layer.objects.active)
    if head is None:
        found = [thing for thing in context.scene.objects if METADATA in thing]
        head = found[0] if len(found) == 1 else None
    return head if head and _is_whole(head) else None


def _is_whole(head: bpy.types.Object) -> bool:
    try:
        heads.mesh_object(head)
    except InputError:
        return False
    return True


def selected_heads(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The armatures of the heads to which selected objects belong, each once; that of the active object comes first."""
    active = context.view_layer.objects.active
    things = sorted(context.selected_objects, key=lambda thing: thing != active)
    found = dict.fromkeys(heads.find(thing) for thing in things)
    return [head for head in found if head and _is_whole(head)]


def set_aside(context: bpy.types.Context, head: bpy.types.Object) -> None:
    """Move a new head to the right of all others where it would stand in one of them."""
    others = [thing for thing in context.scene.objects if METADATA in thing and thing != head]
    if any((thing.location - head.location).length < SPACING / 2 for thing in others):
        head.location.x = max(thing.location.x for thing in others) + SPACING


def show(context: bpy.types.Context, head: bpy.types.Object) -> None:
    """Select the head's mesh and frame it in the 3D views, from the front.

    Solid shading shows textures from then on: Material Preview is prettier, but compiles its shaders for many seconds
    on a computer without a good GPU.
    """
    mesh = heads.mesh_object(head)
    for thing in context.selected_objects:
        thing.select_set(False)
    mesh.select_set(True)
    context.view_layer.objects.active = mesh
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                _frame(window, area)


def _frame(window: bpy.types.Window, area: bpy.types.Area) -> None:
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.view3d.view_axis(type="FRONT")
        area.spaces.active.region_3d.view_perspective = "PERSP"
        bpy.ops.view3d.view_selected()
    area.spaces.active.shading.color_type = "TEXTURE"
