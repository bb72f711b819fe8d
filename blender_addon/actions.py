"""Actions across Blender's versions: from 4.4 on, one action has a slot for each data-block that it animates."""

from typing import Any

import bpy

SLOTTED = hasattr(bpy.types, "ActionSlot")

Animated = bpy.types.Object | bpy.types.Key


def current(owner: Animated) -> tuple[Any, Any]:
    """The owner's action and slot, None where there is none."""
    data = owner.animation_data
    if data is None:
        return None, None
    return data.action, data.action_slot if SLOTTED else None


def assign(owner: Animated, action: bpy.types.Action | None, slot: Any = None) -> None:
    """Make `action`, with that slot of it, the owner's."""
    data = owner.animation_data or owner.animation_data_create()
    data.action = action
    if SLOTTED and action is not None:
        data.action_slot = slot


def curves(owner: Animated) -> Any:
    """The F-curves that animate the owner: a collection, or an empty list where there are none."""
    action, slot = current(owner)
    if action is None:
        return []
    if not SLOTTED:
        return action.fcurves
    bag = action.layers[0].strips[0].channelbag(slot) if slot and action.layers and action.layers[0].strips else None
    return [] if bag is None else bag.fcurves


def own_curves(owner: Animated, action: bpy.types.Action) -> Any:
    """Make `action` the owner's, with a new slot, and return its collection of F-curves."""
    if not SLOTTED:
        if action.id_root not in ("", owner.id_type) and len(action.fcurves):
            action = bpy.data.actions.new(f"{action.name} {owner.id_type.lower()}")
        action.id_root = owner.id_type
        assign(owner, action)
        return action.fcurves
    assign(owner, action, action.slots.new(owner.id_type, owner.name))
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(owner.animation_data.action_slot, ensure=True).fcurves
