"""Transfer Expression."""

import bpy

from ..core.errors import LikenessError
from . import identity, views
from .transfer import has_expression, transfer


class LIKENESS_OT_transfer_expression(bpy.types.Operator):
    """Copy the active head's animation and its present expression to the other selected heads.

    What NLA strips, drivers or constraints do is keyed frame by frame over the scene's range
    """

    bl_idname = "likeness.transfer_expression"
    bl_label = "Transfer Expression"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if len(views.selected_heads(context)) < 2:
            cls.poll_message_set("Select the heads to copy to, and last the head to copy from")
            return False
        return True

    def execute(self, context: bpy.types.Context) -> set[str]:
        source, *targets = views.selected_heads(context)
        if not has_expression(source):
            self.report({"WARNING"}, f"{source.name} is neutral and has no animation: there is nothing to transfer.")
            return {"CANCELLED"}
        try:
            transfer(source, targets, identity.model())
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        names = ", ".join(head.name for head in targets)
        self.report({"INFO"}, f"The expression of {source.name} is transferred to {names}.")
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_transfer_expression,)
