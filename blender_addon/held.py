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

    @property
    def rest(self) -> int:
        """The frame before the clip, at which every value rests: an exporter takes the file's defaults from it."""
        return self.start - 1


@dataclass(frozen=True)
class Value:
    """A property of a shape key or a bone: its components now and at rest."""

    owner: bpy.types.bpy_struct
    name: str
    now: tuple[float, ...]
    rest: tuple[float, ...]

    def set(self, components: tuple[float, ...]) -> None:
        setattr(self.owner, self.name, components if len(components) > 1 else components[0])


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
            for value in held:
                value.set(value.rest)
        yield clip
    finally:
        for owner, (action, slot) in actions.items():
            assign(owner, action, slot)
        for held in values.values():
            for value in held:
                value.set(value.now)
        for action in set(bpy.data.actions) - before:
            bpy.data.actions.remove(action)


def _values(owner: Animated) -> Iterator[Value]:
    """Everything of the owner that may be animated."""
    if isinstance(owner, bpy.types.Key):
        for key in owner.key_blocks[1:]:
            yield Value(key, "value", (key.value,), (0.0,))
    else:
        for bone in owner.pose.bones:
            for name, rest in REST.items():
                yield Value(bone, name, tuple(getattr(bone, name)), rest)


def _clip(owners: tuple[Animated, ...]) -> Held | None:
    animated = [owner for owner in owners if len(curves(owner))]
    if not animated:
        return None
    ranges = [current(owner)[0].frame_range for owner in animated]
    name = current(animated[0])[0].name
    return Held(name, int(min(r[0] for r in ranges)), round(max(r[1] for r in ranges)))


def _hold(owner: Animated, clip: Held, values: list[Value]) -> None:
    """Give the owner a copy of its action that rests before the clip and keys what is neither animated nor at rest."""
    action, slot = current(owner)
    if len(curves(owner)):
        copy = action.copy()
        assign(owner, copy, copy.slots[slot.identifier] if slot else None)
        target = curves(owner)
    else:
        target = own_curves(owner, bpy.data.actions.new(clip.name))
    animated = {(curve.data_path, curve.array_index): curve for curve in target}
    driven = {driver.data_path for driver in owner.animation_data.drivers}
    for value in values:
        path = f"{value.owner.path_from_id()}.{value.name}"
        for index, (now, rest) in enumerate(zip(value.now, value.rest, strict=True)):
            curve = animated.get((path, index))
            if curve is None and path not in driven and now != rest:
                curve = target.new(path, index=index)
                curve.keyframe_points.insert(clip.start, now)
            if curve is not None and not len(curve.modifiers):
                # FAST leaves the handles of the user's keys as they are.
                curve.keyframe_points.insert(clip.rest, rest, options={"FAST"}).interpolation = "CONSTANT"
