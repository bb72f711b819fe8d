"""What Blender registers: the classes of every file, their properties and their menu entries."""

import bpy

from . import (
    operators_animation,
    operators_body,
    operators_create,
    operators_engine,
    operators_export,
    operators_expression,
    operators_identity,
    operators_levels,
    operators_mix,
    operators_retexture,
    operators_scan,
    operators_transfer,
    panels,
    preferences,
    properties,
)

MODULES = (
    preferences,
    properties,
    operators_engine,
    operators_create,
    operators_scan,
    operators_retexture,
    operators_identity,
    operators_mix,
    operators_expression,
    operators_animation,
    operators_transfer,
    operators_body,
    operators_export,
    operators_levels,
    panels,
)
"""In order of registration: what a class points to comes before it."""

CLASSES = tuple(cls for module in MODULES for cls in module.CLASSES)


def register() -> None:
    """Make the extension known to Blender."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    properties.attach()
    bpy.types.TOPBAR_MT_file_import.append(panels.draw_import_menu)
    bpy.types.TOPBAR_MT_file_export.append(panels.draw_export_menu)


def unregister() -> None:
    """The inverse of `register`."""
    bpy.types.TOPBAR_MT_file_export.remove(panels.draw_export_menu)
    bpy.types.TOPBAR_MT_file_import.remove(panels.draw_import_menu)
    properties.detach()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
