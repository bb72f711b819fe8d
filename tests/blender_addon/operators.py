"""Calls operators for the tests as a script does."""

import bpy
import pytest


def inventory() -> dict[str, list[str]]:
    """What a failed operator must leave as it was."""
    kinds = ("objects", "meshes", "collections", "armatures", "materials", "images", "actions", "scenes", "shape_keys")
    return {kind: sorted(item.name for item in getattr(bpy.data, kind)) for kind in kinds}


def refused(operator, **arguments) -> str:
    """Call an operator that must fail; returns its one sentence."""
    before = inventory()
    with pytest.raises(RuntimeError) as raised:
        operator(**arguments)
    assert inventory() == before
    message = str(raised.value).strip()
    assert message.startswith("Error: ")
    assert "Traceback" not in message
    assert "\n" not in message
    return message.removeprefix("Error: ")


def select(active, *others) -> None:
    """Make one object active, and select it and others alone."""
    layer = bpy.context.view_layer
    layer.update()  # objects that are new to it cannot be selected before
    for thing in layer.objects:
        thing.select_set(thing in (active, *others))
    layer.objects.active = active
