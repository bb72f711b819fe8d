"""Animation: the preview clip, and import of ARKit and FLAME recordings."""

from pathlib import Path

import bpy
from bpy.props import IntProperty, StringProperty

from ..core.errors import LikenessError
from ..core.parametric.animation import Clip, demo_clip, read_clip
from ..core.parametric.retarget import retarget
from . import animate, heads, identity, views
from .operators_expression import HeadOperator


def play(operator: bpy.types.Operator, context: bpy.types.Context, clip: Clip, start: int) -> None:
    """Animate the active head by the clip from frame `start` on, and fit the scene's range. Raises LikenessError."""
    scene, head = context.scene, views.active_head(context)
    clip = retarget(clip, identity.model())
    if clip.psi is not None:
        heads.add_psi_keys(head, identity.model())
    animate.write_clip(head, clip, start)
    fps = scene.render.fps / scene.render.fps_base
    scene.frame_start, scene.frame_end = start, start + round(clip.seconds * fps)
    scene.frame_set(start)
    for warning in clip.warnings:
        operator.report({"WARNING"}, warning)


class LIKENESS_OT_preview_animation(HeadOperator, bpy.types.Operator):
    """Give the head six seconds of animation that show how every region of the face moves"""

    bl_idname = "likeness.preview_animation"
    bl_label = "Preview Animation"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        play(self, context, demo_clip(), context.scene.frame_start)
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        result = self.execute(context)
        if not context.screen.is_animation_playing:
            bpy.ops.screen.animation_play()
        return result


class ImportOperator(HeadOperator):
    """Mixin of operators that read a recording from a file."""

    filepath: StringProperty(name="File", subtype="FILE_PATH", options={"SKIP_SAVE"})
    start: IntProperty(name="Start Frame", description="Frame of the scene at which the recording begins", default=1)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if self.filepath:
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            clip = read_clip(Path(bpy.path.abspath(self.filepath)))
            play(self, context, clip, self.start)
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"{len(clip)} frames of {clip.source} are on the head.")
        return {"FINISHED"}


class LIKENESS_OT_import_arkit(ImportOperator, bpy.types.Operator):
    """Import a recording of Live Link Face or another ARKit recorder (CSV)"""

    bl_idname = "likeness.import_arkit"
    bl_label = "Import ARKit CSV"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(default="*.csv", options={"HIDDEN"})


class LIKENESS_OT_import_flame(ImportOperator, bpy.types.Operator):
    """Import a sequence of FLAME parameters as DECA, EMOCA, SMIRK, VHAP and metrical-tracker write them"""

    bl_idname = "likeness.import_flame"
    bl_label = "Import FLAME Sequence"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: StringProperty(default="*.npz;*.npy;*.pkl;*.frame;*.json;*.mat", options={"HIDDEN"})


CLASSES = (LIKENESS_OT_preview_animation, LIKENESS_OT_import_arkit, LIKENESS_OT_import_flame)
