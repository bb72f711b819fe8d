"""What the user has before him: the head or body that is active, and the 3D views that look at it."""

import bpy
from mathutils import Vector

from ..core.errors import InputError
from ..core.parametric.arkit import ARKIT_NAMES
from . import heads
from .build import METADATA

GAP = 0.05
"""Metres between a new head or body and what stands beside it."""


def active_head(context: bpy.types.Context) -> bpy.types.Object | None:
    """The armature of the head that the active object belongs to; where it belongs to nothing of Likeness', the scene's
    only avatar, if that is a head.

    A head that lost its mesh or its shape keys is none, and a body neither.
    """
    return _active(context, "head")


def active_body(context: bpy.types.Context) -> bpy.types.Object | None:
    """The armature of the active body, likewise."""
    return _active(context, "body")


def active_face(context: bpy.types.Context) -> bpy.types.Object | None:
    """The armature of what is active and can smile: a head, or a body that got a head of its own."""
    body = active_body(context)
    return body if body and ARKIT_NAMES[0] in heads.keys(body) else active_head(context)


def _active(context: bpy.types.Context, kind: str) -> bpy.types.Object | None:
    rig = heads.find(context.view_layer.objects.active)
    if rig is None:
        found = [thing for thing in context.scene.objects if METADATA in thing]
        rig = found[0] if len(found) == 1 else None
    return rig if rig and _is_whole(rig, kind) else None


def _is_whole(rig: bpy.types.Object, kind: str) -> bool:
    try:
        heads.check_kind(rig, kind)
        heads.mesh_object(rig)
    except InputError:
        return False
    return True


def scene_heads(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The armatures of the scene's heads."""
    return [thing for thing in context.scene.objects if METADATA in thing and _is_whole(thing, "head")]


def selected_heads(context: bpy.types.Context) -> list[bpy.types.Object]:
    """The armatures of the heads to which selected objects belong, each once; that of the active object comes first."""
    active = context.view_layer.objects.active
    things = sorted(context.selected_objects, key=lambda thing: thing != active)
    found = dict.fromkeys(heads.find(thing) for thing in things)
    return [head for head in found if head and _is_whole(head, "head")]


def to_object_mode(context: bpy.types.Context) -> None:
    """Leave whatever mode the user has gone to since a job was started."""
    if context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")


def set_aside(context: bpy.types.Context, rig: bpy.types.Object) -> None:
    """Move what is new to the right of the meshes that it would stand in: other heads, a scan, Blender's cube."""
    mesh = heads.mesh_object(rig)
    context.view_layer.update()
    seen = [thing for thing in context.view_layer.objects if thing.type == "MESH" and thing.visible_get()]
    low, high = _box(mesh)
    for left, right in sorted((_box(thing) for thing in seen if thing != mesh), key=lambda box: box[0].x):
        if all(low[k] < right[k] and left[k] < high[k] for k in range(3)):
            step = right.x + GAP - low.x
            rig.location.x += step
            low.x, high.x = low.x + step, high.x + step


def _box(thing: bpy.types.Object) -> tuple[Vector, Vector]:
    """Lowest and highest corner of the object's bounding box in the scene."""
    corners = [thing.matrix_world @ Vector(corner) for corner in thing.bound_box]
    return tuple(Vector(map(choose, zip(*corners, strict=True))) for choose in (min, max))


def show(context: bpy.types.Context, rig: bpy.types.Object) -> None:
    """Select the mesh of a head or body and frame it in the 3D views, from the front.

    Solid shading shows textures from then on: Material Preview is prettier, but compiles its shaders for many seconds
    on a computer without a good GPU.
    """
    mesh = heads.mesh_object(rig)
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
