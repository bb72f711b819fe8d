"""The properties behind the sliders that are more than a shape key's own value.

Each reads and writes what it stands for (two shape keys, a bone, the stored identity) and stores nothing itself: undo,
animation and scripts that touch those directly can never disagree with the panel.
"""

from collections.abc import Callable
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.bodies.sliders import RANGES
from ..core.parametric.arkit import ARKIT_NAMES, mirrored
from . import body, expression, hair, hair_color, heads, identity, labels, look, pose

IDENTITY_SLIDERS = 24
"""Components of identity that have a slider: they come in the order of how much they explain."""
HAIR_SLIDERS = 8
"""Components of an implicit head's hair that have one, in the same order."""
LOOKS = tuple(look.Look)
"""In the order of the property's items."""


def _group(name: str, doc: str, sliders: dict[str, Any]) -> type:
    return type(name, (bpy.types.PropertyGroup,), {"__doc__": doc, "__annotations__": sliders})


def _proxy(label: str, low: float, high: float, get: Callable, write: Callable, **options: Any) -> Any:
    """A slider of the object that carries it. It is not animatable itself: what it writes to is."""
    return FloatProperty(
        name=label,
        soft_min=low,
        soft_max=high,
        get=lambda group: get(group.id_data),
        set=lambda group, value: write(group.id_data, value),
        options=set(),
        **options,
    )


def _twin_slider(name: str) -> Any:
    """Both sides of a blendshape, whose left one is `name`."""
    return _proxy(
        labels.blendshape(name),
        0,
        1,
        lambda head: heads.keys(head)[name].value,
        lambda head, value: expression.apply(head, {name: value, mirrored(name): value}),
        min=0,
        max=1,
    )


def _identity_slider(component: int) -> Any:
    return _proxy(
        f"Shape {component + 1}",
        -3,
        3,
        lambda head: identity.beta(head)[component],
        lambda head, value: identity.draft(head, component, value),
        min=-5,
        max=5,
        description="One component of the face's shape, in standard deviations; the sliders come in order of effect",
    )


def _hair_slider(component: int) -> Any:
    return _proxy(
        f"Hair {component + 1}",
        -2,
        2,
        lambda head: identity.hair(head)[component],
        lambda head, value: identity.set_hair(head, component, value),
        min=-4,
        max=4,
        description="One component of the hair's shape, in standard deviations; Update Surface shows it",
    )


def _pose_slider(channel: str) -> Any:
    c = pose.CHANNELS[channel]
    return _proxy(
        c.label,
        c.low,
        c.high,
        lambda head: pose.angle(head, channel),
        lambda head, value: pose.set_angle(head, channel, value),
        subtype="ANGLE",
    )


def _body_slider(name: str) -> Any:
    return body.slider(
        name,
        get=lambda group: body.value(group.id_data, name),
        set=lambda group, value: body.want(group.id_data, name, value),
        options=set(),
    )


def _body_seed(name: str, label: str, tooltip: str) -> Any:
    return IntProperty(
        name=label,
        description=tooltip,
        min=0,
        get=lambda group: int(body.value(group.id_data, name)),
        set=lambda group, value: body.want(group.id_data, name, value),
        options=set(),
    )


LIKENESS_PG_twins = _group(
    "LIKENESS_PG_twins",
    "The blendshapes of one head that have two sides, both moved together.",
    {name: _twin_slider(name) for name in ARKIT_NAMES if expression.has_twin(name) and name.endswith("Left")},
)
LIKENESS_PG_identity = _group(
    "LIKENESS_PG_identity",
    "The first identity components of one head.",
    {f"beta_{k:03d}": _identity_slider(k) for k in range(IDENTITY_SLIDERS)},
)
LIKENESS_PG_hair = _group(
    "LIKENESS_PG_hair",
    "The first components of an implicit head's hair.",
    {f"hair_{k:02d}": _hair_slider(k) for k in range(HAIR_SLIDERS)},
)
LIKENESS_PG_pose = _group(
    "LIKENESS_PG_pose",
    "Angles of one head's joints, FLAME's theta.",
    {channel: _pose_slider(channel) for channel in pose.CHANNELS},
)


LIKENESS_PG_body = _group(
    "LIKENESS_PG_body",
    "What one body is made of, as the artist wants it; Update Body makes it so.",
    {
        **{name: _body_slider(name) for name in RANGES},
        "shape_seed": _body_seed("shape_seed", "Shape Seed", "Whose body it is; what you set of it stays as set"),
        "detail_seed": _body_seed("detail_seed", "Detail Seed", "The clothes and the folds on the same body"),
    },
)


class LIKENESS_PG_head(bpy.types.PropertyGroup):
    """Everything that the panel can change on one head or body: `Object.likeness_sliders` of its armature."""

    twins: PointerProperty(type=LIKENESS_PG_twins)
    identity: PointerProperty(type=LIKENESS_PG_identity)
    hair: PointerProperty(type=LIKENESS_PG_hair)
    pose: PointerProperty(type=LIKENESS_PG_pose)
    body: PointerProperty(type=LIKENESS_PG_body)
    show_hair: BoolProperty(
        name="Show Hair",
        description="Show the hair in views, renders and exported files; without it the whole skin is there",
        get=lambda group: hair.is_shown(group.id_data),
        set=lambda group, shown: hair.show(group.id_data, shown),
        options=set(),
    )
    hair_color: FloatVectorProperty(
        name="Hair Color",
        description="The hair's colour on the whole; its strands stay lighter and darker. Exported files have it",
        subtype="COLOR",
        min=0,
        max=1,
        get=lambda group: hair_color.color(group.id_data),
        set=lambda group, picked: hair_color.set_color(group.id_data, picked),
        options=set(),
    )
    look: EnumProperty(
        name="Before/After",
        description="Compare what the photo gave; exported files have the finished head always",
        items=(
            ("BEFORE", "Before", "The fitted shape in clay, without folds, wrinkles and pores"),
            ("RELIEF", "Relief", "The shape in clay with folds, wrinkles and pores"),
            ("AFTER", "After", "The finished head with its skin maps"),
        ),
        get=lambda group: LOOKS.index(look.of(group.id_data)),
        set=lambda group, chosen: look.show(group.id_data, LOOKS[chosen]),
        options=set(),
    )


class LIKENESS_PG_settings(bpy.types.PropertyGroup):
    """How the panel behaves: `WindowManager.likeness`. Not saved with the file."""

    mirror: BoolProperty(name="Mirror", description="Move both sides of the face together", default=True)
    search: StringProperty(
        name="Search", description="Show only the sliders whose name contains this", options={"TEXTEDIT_UPDATE"}
    )


def settings(context: bpy.types.Context) -> LIKENESS_PG_settings:
    return context.window_manager.likeness


def attach() -> None:
    """Give Blender's types their properties.

    Before Blender 5.0 a property and a custom property of one name are the same: hence not `Object.likeness`.
    """
    bpy.types.Object.likeness_sliders = PointerProperty(type=LIKENESS_PG_head)
    bpy.types.WindowManager.likeness = PointerProperty(type=LIKENESS_PG_settings)


def detach() -> None:
    """The inverse of `attach`."""
    del bpy.types.WindowManager.likeness
    del bpy.types.Object.likeness_sliders


CLASSES = (
    LIKENESS_PG_twins,
    LIKENESS_PG_identity,
    LIKENESS_PG_hair,
    LIKENESS_PG_pose,
    LIKENESS_PG_body,
    LIKENESS_PG_head,
    LIKENESS_PG_settings,
)
