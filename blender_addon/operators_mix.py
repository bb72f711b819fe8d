"""Mix Heads."""

from dataclasses import replace
from typing import Any

import bpy
from bpy.props import FloatProperty

from ..core.avatar import Avatar
from . import build, heads, identity, mixing, preferences, views
from .avatar_jobs import AvatarJobOperator, avatar_work, choices_of
from .extras import dressed, materials_of, with_extras, with_hair
from .hair import HAIR
from .jobs import DialogJobOperator, Job, Work


class LIKENESS_OT_mix_heads(AvatarJobOperator, DialogJobOperator, bpy.types.Operator):
    """Make a head between the active head, whose looks it takes, and the other selected one.

    Hair of the implicit model is mixed where both have it; otherwise it is the nearer head's
    """

    bl_idname = "likeness.mix_heads"
    bl_label = "Mix Heads"
    bl_options = {"UNDO"}

    factor: FloatProperty(
        name="Factor",
        description="0 is the active head, 1 the other one",
        default=0.5,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if len(views.selected_heads(context)) != 2:
            cls.poll_message_set("Select two heads that Likeness made")
            return False
        return super().poll(context)

    def work(self, context: bpy.types.Context) -> Work:
        pair = views.selected_heads(context)
        self._names = [head.name for head in pair]
        implicit = [head for head in pair if identity.is_implicit(head)]
        if not implicit:
            return _nothing
        params = {**choices_of(implicit[0]), "factor": self.factor}
        for name, head in zip(("first", "second"), pair, strict=True):
            params[name] = identity.code(head, params["model"]).tolist()
        return avatar_work(preferences.interpreter(), "mix_heads", params)

    def finish(self, context: bpy.types.Context, result: tuple[Avatar, dict[str, Any]] | None) -> None:
        first, second = map(heads.named, self._names)
        if result is None:
            self.present(context, mixing.mix_parametric(first, second, self.factor, identity.model()), [])
            return
        avatar, report = result
        nearer, model = first if self.factor < 0.5 else second, identity.model()
        avatar = with_extras(replace(avatar, name=f"{first.name} + {second.name}"), first, model)
        avatar = with_hair(avatar, nearer, model)
        looks = {**materials_of(first), HAIR: materials_of(nearer).get(HAIR)}
        used = [material.name for material in avatar.materials if looks.get(material.name)]
        head = build.build(avatar, materials=dressed(avatar, {name: looks[name].copy() for name in used}))
        self.present(context, head, report["warnings"])


def _nothing(_job: Job) -> None:
    """Two parametric heads are mixed without the engine."""


CLASSES = (LIKENESS_OT_mix_heads,)
