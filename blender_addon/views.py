"""What the user has before him: the head that is active, and the 3D views that look at it."""

import bpy

from ..core.errors import InputError
from . import heads
from .build import METADATA


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
