"""Export with the settings that each program needs."""

from pathlib import Path

import bpy
from bpy.props import EnumProperty, StringProperty

from ..core.errors import LikenessError
from ..core.parametric.joint_names import JOINT_NAMES
from . import export, views
from .labels import SKELETONS
from .operators_body import BodyOperator
from .operators_expression import HeadOperator


class ExportOperator:
    """Mixin of operators that export what is active. A subclass gives `active`, `extension` and `write`."""

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.glb;*.fbx", options={"HIDDEN"})

    @staticmethod
    def active(context: bpy.types.Context) -> bpy.types.Object | None:
        """The armature of what is exported."""
        raise NotImplementedError

    @property
    def extension(self) -> str:
        """Of the file."""
        raise NotImplementedError

    def write(self, rig: bpy.types.Object, path: Path) -> None:
        """Export. Raises LikenessError."""
        raise NotImplementedError

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if not self.filepath:
            name = bpy.path.clean_name(self.active(context).name)
            self.filepath = str(Path(bpy.data.filepath).parent / name) if bpy.data.filepath else name
        self.check(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, _context: bpy.types.Context) -> bool:
        """Keep the suffix in step with the preset."""
        path = bpy.path.ensure_ext(self.filepath, self.extension)
        changed, self.filepath = path != self.filepath, path
        return changed

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(bpy.path.abspath(bpy.path.ensure_ext(self.filepath, self.extension)))
        try:
            self.write(self.active(context), path)
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{path.name} is written.")
        return {"FINISHED"}


class LIKENESS_OT_export_head(HeadOperator, ExportOperator, bpy.types.Operator):
    """Export the head with its shape keys, bones, textures and animation"""

    bl_idname = "likeness.export_head"
    bl_label = "Export Head"

    preset: EnumProperty(name="For", items=[(name, preset.label, "") for name, preset in export.PRESETS.items()])
    active = staticmethod(views.active_head)

    @property
    def extension(self) -> str:
        return export.PRESETS[self.preset].extension

    def write(self, rig: bpy.types.Object, path: Path) -> None:
        export.export_head(rig, path, self.preset)


class LIKENESS_OT_export_body(BodyOperator, ExportOperator, bpy.types.Operator):
    """Export the body with its bones, textures and animation"""

    bl_idname = "likeness.export_body"
    bl_label = "Export Body"

    preset: EnumProperty(
        name="For",
        items=[
            (name, preset.label, f"Bones are called as in {SKELETONS.get(preset.joint_names, 'the scene')}")
            for name, preset in export.BODY_PRESETS.items()
        ],
    )
    joint_names: EnumProperty(
        name="Bones",
        description="What the bones are called in the file",
        items=[
            ("PRESET", "As the Program Expects", "What the program that the preset is for calls its bones"),
            *((name, SKELETONS[name], "") for name in JOINT_NAMES),
        ],
        options={"SKIP_SAVE"},
    )
    active = staticmethod(views.active_body)

    @property
    def extension(self) -> str:
        return export.PRESETS[export.BODY_PRESETS[self.preset].preset].extension

    def write(self, rig: bpy.types.Object, path: Path) -> None:
        chosen = export.BODY_PRESETS[self.preset]
        names = chosen.joint_names if self.joint_names == "PRESET" else self.joint_names
        export.export_head(rig, path, chosen.preset, joint_names=names)


CLASSES = (LIKENESS_OT_export_head, LIKENESS_OT_export_body)
