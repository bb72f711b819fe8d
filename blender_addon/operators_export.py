"""Export with the settings that each program needs."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from ..core.errors import LikenessError
from . import export, views
from .operators_expression import HeadOperator


class LIKENESS_OT_export_head(HeadOperator, bpy.types.Operator):
    """Export the head with its shape keys, bones, textures and animation"""

    bl_idname = "likeness.export_head"
    bl_label = "Export Head"

    preset: EnumProperty(name="For", items=[(name, preset.label, "") for name, preset in export.PRESETS.items()])
    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.glb;*.fbx", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            name = bpy.path.clean_name(views.active_head(context).name)
            self.filepath = str(Path(bpy.data.filepath).parent / name) if bpy.data.filepath else name
        self.check(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, _context: bpy.types.Context) -> bool:
        """Keep the suffix in step with the preset."""
        path = bpy.path.ensure_ext(self.filepath, self._suffix)
        changed, self.filepath = path != self.filepath, path
        return changed

    @property
    def _suffix(self) -> str:
        return export.PRESETS[self.preset].extension

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.abspath(bpy.path.ensure_ext(self.filepath, self._suffix)))
        try:
            export.export_head(views.active_head(context), path, self.preset)
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{path.name} is written.")
        return {"FINISHED"}


CLASSES = (LIKENESS_OT_export_head,)
