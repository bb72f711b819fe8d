"""A head as exporters need it: every value at rest, and one action in which whatever was not at rest is keyed.

Exporters write an unkeyed value as the default of the file, or not at all: a smile that the user set by hand and did
not key would either be there before the clip starts or be missing while it plays.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import bpy

from .actions import Animated, assign, current, curves, own_curves

REST = {
    "location": (0.0, 0.0, 0.0),
    "rotation_quaternion": (1.0, 0.0, 0.0, 0.0),
    "rotation_euler": (0.0, 0.0, 0.0),
    "scale": (1.0, 1.0, 1.0),
}
"""Properties of a bone at rest."""


@dataclass(frozen=True)
class Held:
    """The clip to export."""

    name: str
    start: int
    end: int


@contextmanager
def held_actions(rig: bpy.types.Object, head: bpy.types.Object, animation: bool) -> Iterator[Held | None]:
    """Put the head at rest; with `animation`, give it copies of its actions that also key every value not at rest.

    Yields the clip, None where there is nothing animated. Values and actions are put back at the end.
    """
    owners: tuple[Animated, ...] = (rig, head.data.shape_keys)
    actions = {owner: current(owner) for owner in owners}
    values = {owner: list(_values(owner)) for owner in owners}
    before = set(bpy.data.actions)
    try:
        clip = _clip(owners) if animation else None
        for owner in owners:
            if clip is None:
                assign(owner, None)
            else:
                _hold(owner, clip, values[owner])
        for held in values.values():
            for thing, name, _, rest in held:
                setattr(thing, name, rest)
        yield clip
    finally:
        for owner, (action, slot) in actions.items():
            assign(owner, action, slot)
        for held in values.values():
            for thing, name, value, _ in held:
                setattr(thing, name, value)
        for action in set(bpy.data.actions) - before:
            bpy.data.actions.remove(action)


def _values(owner: Animated) -> Iterator[tuple[bpy.types.bpy_struct, str, object, object]]:
    """Everything of the owner that can be animated: (what, property, value now, value at rest)."""
    if isinstance(owner, bpy.types.Key):
        for key in owner.key_blocks[1:]:
            yield key, "value", key.value, 0.0
    else:
        for bone in owner.pose.bones:
            for name, rest in REST.items():
                yield bone, name, tuple(getattr(bone, name)), rest


def _clip(owners: tuple[Animated, ...]) -> Held | None:
    animated = [owner for owner in owners if len(curves(owner))]
    if not animated:
        return None
    ranges = [current(owner)[0].frame_range for owner in animated]
    name = current(animated[0])[0].name
    return Held(name, int(min(r[0] for r in ranges)), round(max(r[1] for r in ranges)))


def _hold(owner: Animated, clip: Held, values: list) -> None:
    """Give the owner a copy of its action that also keys its values which are neither animated nor at rest."""
    action, slot = current(owner)
    if len(curves(owner)):
        copy = action.copy()
        assign(owner, copy, copy.slots[slot.identifier] if slot else None)
        target = curves(owner)
    else:
        target = own_curves(owner, bpy.data.actions.new(clip.name))
    animated = {curve.data_path for curve in target}
    driven = {driver.data_path for driver in owner.animation_data.drivers}
    for thing, name, value, rest in values:
        path = f"{thing.path_from_id()}.{name}"
        if path in animated or path in driven or value == rest:
            continue
        for index, component in enumerate(value if isinstance(value, tuple) else (value,)):
            target.new(path, index=index).keyframe_points.insert(clip.start, component)
