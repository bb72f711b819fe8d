"""Animation: the preview clip, and import of ARKit and FLAME recordings."""

import tempfile
from pathlib import Path

import bpy
from bpy.props import IntProperty, StringProperty

from ..core.errors import LikenessError
from ..core.parametric.animation import Clip, demo_clip, read_clip
from ..core.parametric.body_motion import BodyMotion
from ..core.parametric.flame_sequences import SUFFIXES as FLAME_SUFFIXES
from ..core.parametric.retarget import FlameTransfer, retarget
from . import animate, heads, identity, preferences, views
from .jobs import FileJobOperator, Job, Work, engine_work
from .operators_expression import HeadOperator


def play(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    clip: Clip,
    start: int,
    transfer: FlameTransfer | None = None,
) -> None:
    """Animate the active head by the clip from frame `start` on, and fit the scene's range. Raises LikenessError."""
    head = views.active_head(context)
    clip = retarget(clip, identity.model(), transfer)
    if clip.psi is not None:
        heads.add_psi_keys(head, identity.model())
    animate.write_clip(head, clip, start)
    show_played(operator, context, head, clip, start)


def show_played(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    rig: bpy.types.Object,
    clip: Clip | BodyMotion,
    start: int,
) -> None:
    """Fit the scene's range to what was put on the head or body, and say what that is."""
    scene = context.scene
    fps = scene.render.fps / scene.render.fps_base
    scene.frame_start, scene.frame_end = start, start + round(clip.seconds * fps)
    scene.frame_set(start)
    for warning in clip.warnings:
        operator.report({"WARNING"}, warning)
    operator.report({"INFO"}, f"{clip.source}: {clip.seconds:.1f} seconds are on {rig.name}.")


class LIKENESS_OT_preview_animation(HeadOperator, bpy.types.Operator):
    """Give the head six seconds of animation that show how every region of the face moves"""

    bl_idname = "likeness.preview_animation"
    bl_label = "Preview Animation"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        result = self.execute(context)
        if result == {"FINISHED"} and not context.screen.is_animation_playing:
            bpy.ops.screen.animation_play()
        return result

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            play(self, context, demo_clip(), context.scene.frame_start)
        except LikenessError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class RecordingOperator(FileJobOperator):
    """Mixin of operators that read a recording from a file."""

    bl_options = {"UNDO"}

    start_frame: IntProperty(name="Start Frame", description="Frame at which the recording begins", default=1)


class ImportOperator(HeadOperator, RecordingOperator):
    """Mixin of operators that read a recording of a head."""

    def finish(self, context: bpy.types.Context, result: tuple[Clip, FlameTransfer | None]) -> None:
        play(self, context, result[0], self.start_frame, result[1])


class LIKENESS_OT_import_arkit(ImportOperator, bpy.types.Operator):
    """Import a recording of Live Link Face or another ARKit recorder (CSV)"""

    bl_idname = "likeness.import_arkit"
    bl_label = "Import ARKit CSV"

    filter_glob: StringProperty(default="*.csv", options={"HIDDEN"})

    def work(self, context: bpy.types.Context) -> Work:
        path = self.file

        def work(_job: Job) -> tuple[Clip, None]:
            return read_clip(path), None

        return work


class LIKENESS_OT_import_flame(ImportOperator, bpy.types.Operator):
    """Import FLAME parameters of DECA, EMOCA, SMIRK, VHAP or metrical-tracker: a file, or a folder of frames"""

    bl_idname = "likeness.import_flame"
    bl_label = "Import FLAME Sequence"

    filter_glob: StringProperty(default=";".join(f"*{suffix}" for suffix in FLAME_SUFFIXES), options={"HIDDEN"})

    def work(self, context: bpy.types.Context) -> Work:
        path, flame = self.file, preferences.flame_model()
        interpreter = preferences.interpreter() if flame else None

        def work(job: Job) -> tuple[Clip, FlameTransfer | None]:
            clip = read_clip(path)
            if interpreter is None or flame is None or clip.psi is None:
                return clip, None
            with tempfile.TemporaryDirectory(prefix="likeness-") as folder:
                out = Path(folder) / "transfer.npz"
                engine_work(interpreter, "flame_transfer", {"flame": str(flame), "out": str(out)})(job)
                return clip, FlameTransfer.load(out)

        return work


CLASSES = (LIKENESS_OT_preview_animation, LIKENESS_OT_import_arkit, LIKENESS_OT_import_flame)
