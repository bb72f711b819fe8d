"""Reset, presets and keyframes of the expression; FLAME's expression keys."""

import bpy
from bpy.props import EnumProperty, FloatProperty

from ..core.errors import LikenessError
from ..core.parametric.arkit import ARKIT_NAMES, PRESETS, REGIONS, VISEMES
from ..core.parametric.assembly import psi_name
from ..core.parametric.head import EXPRESSIONS
from . import expression, heads, identity, pose, views

ALL = "ALL"


class HeadOperator:
    """Mixin of operators that need a head."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if views.active_head(context) is None:
            cls.poll_message_set("Select a head that Likeness made")
            return False
        return True


class FaceOperator:
    """Mixin of operators that need something that can smile."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if views.active_face(context) is None:
            cls.poll_message_set("Select a head that Likeness made, or a body that has one")
            return False
        return True


class LIKENESS_OT_reset_expression(FaceOperator, bpy.types.Operator):
    """Bring the face back to its neutral expression"""

    bl_idname = "likeness.reset_expression"
    bl_label = "Reset Expression"
    bl_options = {"REGISTER", "UNDO"}

    region: EnumProperty(
        name="Region",
        items=((ALL, "All", "The whole face, jaw and eyes too"), *((name, name, "") for name in REGIONS)),
        default=ALL,
        options={"SKIP_SAVE"},
    )

    def execute(self, context: bpy.types.Context) -> set[str]:
        head = views.active_face(context)
        if self.region == ALL:
            names = (*ARKIT_NAMES, *(psi_name(k) for k in range(EXPRESSIONS)))
            pose.reset(head)
        else:
            names = REGIONS[self.region]
        expression.apply(head, dict.fromkeys(names, 0.0))
        return {"FINISHED"}


class LIKENESS_OT_apply_preset(FaceOperator, bpy.types.Operator):
    """Set the face to a ready-made expression"""

    bl_idname = "likeness.apply_preset"
    bl_label = "Expression Preset"
    bl_options = {"REGISTER", "UNDO"}

    preset: EnumProperty(name="Preset", items=[(name, name, "") for name in (*PRESETS, *VISEMES)])
    strength: FloatProperty(name="Strength", default=1.0, min=0.0, max=1.0, subtype="FACTOR", options={"SKIP_SAVE"})

    def execute(self, context: bpy.types.Context) -> set[str]:
        weights = {**PRESETS, **VISEMES}[self.preset]
        expression.apply(
            views.active_face(context), {name: self.strength * weights.get(name, 0.0) for name in ARKIT_NAMES}
        )
        return {"FINISHED"}


class LIKENESS_OT_key_expression(FaceOperator, bpy.types.Operator):
    """Insert keyframes of the whole expression at the current frame"""

    bl_idname = "likeness.key_expression"
    bl_label = "Key Expression"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        expression.insert_keyframes(views.active_face(context), context.scene.frame_current)
        return {"FINISHED"}


class LIKENESS_OT_add_flame_keys(HeadOperator, bpy.types.Operator):
    """Add the 50 expression components of FLAME as shape keys"""

    bl_idname = "likeness.add_flame_keys"
    bl_label = "Add FLAME Keys"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            heads.add_psi_keys(views.active_head(context), identity.model())
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


CLASSES = (
    LIKENESS_OT_reset_expression,
    LIKENESS_OT_apply_preset,
    LIKENESS_OT_key_expression,
    LIKENESS_OT_add_flame_keys,
)
