"""Random and original identity; the surface of an implicit head, extracted anew."""

from typing import Any

import bpy
import numpy as np
from bpy.props import FloatProperty, IntProperty

from ..core.avatar import Avatar
from ..core.errors import LikenessError
from ..core.parametric.head import SHAPES
from . import heads, identity, preferences, views
from .avatar_jobs import avatar_work, choices_of, in_object_mode, random_seed
from .jobs import JobOperator, Work
from .operators_expression import HeadOperator
from .resurface import resurface


class LIKENESS_OT_randomise_identity(HeadOperator, bpy.types.Operator):
    """Give the head another face"""

    bl_idname = "likeness.randomise_identity"
    bl_label = "Random Identity"
    bl_options = {"REGISTER", "UNDO"}

    seed: IntProperty(name="Seed", description="The same seed gives the same face", min=0)
    strength: FloatProperty(
        name="Strength", description="How far from the average face", default=0.7, min=0.0, max=1.5, subtype="FACTOR"
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.seed = random_seed()
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        beta = self.strength * np.random.default_rng(self.seed).standard_normal(SHAPES)
        return _rebuild(self, context, beta)


class LIKENESS_OT_reset_identity(HeadOperator, bpy.types.Operator):
    """Bring back the identity that the head was made with"""

    bl_idname = "likeness.reset_identity"
    bl_label = "Reset Identity"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        return _rebuild(self, context, identity.original(views.active_head(context)))


class LIKENESS_OT_update_surface(JobOperator, bpy.types.Operator):
    """Extract the implicit head's surface for the identity and the hair that the sliders show"""

    bl_idname = "likeness.update_surface"
    bl_label = "Update Surface"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        head = views.active_head(context)
        if head is None or not identity.is_implicit(head):
            cls.poll_message_set("Select a head that was made with an implicit model")
        elif not identity.is_ahead(head):
            cls.poll_message_set("The surface is as the sliders say")
        else:
            return in_object_mode(cls, context)
        return False

    def work(self, context: bpy.types.Context) -> Work:
        head = views.active_head(context)
        self._name = head.name
        params = {**choices_of(head), "z_id": identity.code(head).tolist()}
        return avatar_work(preferences.interpreter(), "resample_head", params)

    def finish(self, context: bpy.types.Context, result: tuple[Avatar, dict[str, Any]]) -> None:
        avatar, report = result
        views.to_object_mode(context)
        resurface(heads.named(self._name), avatar, identity.model())
        for warning in report["warnings"]:
            self.report({"WARNING"}, warning)


def _rebuild(operator: bpy.types.Operator, context: bpy.types.Context, beta: np.ndarray) -> set[str]:
    try:
        identity.rebuild(views.active_head(context), beta)
    except LikenessError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    return {"FINISHED"}


CLASSES = (LIKENESS_OT_randomise_identity, LIKENESS_OT_reset_identity, LIKENESS_OT_update_surface)
