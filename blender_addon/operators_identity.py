"""Random and original identity."""

import bpy
import numpy as np
from bpy.props import FloatProperty, IntProperty

from ..core.errors import LikenessError
from ..core.parametric.head import SHAPES
from . import identity, views
from .operators_expression import HeadOperator


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
        self.seed = int(np.random.default_rng().integers(1_000_000))
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


def _rebuild(operator: bpy.types.Operator, context: bpy.types.Context, beta: np.ndarray) -> set[str]:
    try:
        identity.rebuild(views.active_head(context), beta)
    except LikenessError as error:
        operator.report({"ERROR"}, str(error))
        return {"CANCELLED"}
    return {"FINISHED"}


CLASSES = (LIKENESS_OT_randomise_identity, LIKENESS_OT_reset_identity)
