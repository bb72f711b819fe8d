"""Levels of detail of a head."""

import bpy

from ..core.errors import LikenessError
from . import identity, levels, look, views
from .operators_expression import HeadOperator


class LIKENESS_OT_add_levels(HeadOperator, bpy.types.Operator):
    """Make coarser meshes of the head as it is now, for games; they are hidden, and follow its expression and bones"""

    bl_idname = "likeness.add_levels"
    bl_label = "Levels of Detail"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        head = views.active_head(context)
        try:
            with look.finished(head):
                made = levels.add_levels(head, identity.model())
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{' and '.join(thing.name for thing in made)} are made.")
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_add_levels,)
