"""Head from Photo: the operator, and the handler that starts it for an image dropped on a 3D view."""

import tempfile
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, IntProperty

from ..core.avatar import Avatar
from ..core.errors import InputError
from . import build, preferences, views
from .jobs import FileJobOperator, Job, Work, engine_work

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


class LIKENESS_OT_head_from_photo(FileJobOperator, bpy.types.Operator):
    """Make an animatable head from a photo of a face"""

    bl_idname = "likeness.head_from_photo"
    bl_label = "Head from Photo"
    # Without REGISTER: the panel "Adjust Last Operation" would run the whole capture again at every change.
    bl_options = {"UNDO"}

    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    face: IntProperty(
        name="Face",
        description="Which face of a photo that shows several; 1 is the largest",
        default=1,
        min=1,
        options={"SKIP_SAVE"},
    )

    def work(self, context: bpy.types.Context) -> Work:
        photo = self.file
        if not photo.is_file():
            raise InputError(f"There is no photo {photo.name or 'chosen'}; choose an image file.")
        interpreter, device = preferences.interpreter(), preferences.device()

        def work(job: Job) -> tuple[Avatar, dict[str, Any]]:
            with tempfile.TemporaryDirectory(prefix="likeness-") as folder:
                out = Path(folder) / "avatar.npz"
                params = {"photos": [str(photo)], "out": str(out), "face": self.face, "device": device}
                report = engine_work(interpreter, "head", params)(job)
                return Avatar.load(out), report

        return work

    def finish(self, context: bpy.types.Context, result: tuple[Avatar, dict[str, Any]]) -> None:
        avatar, report = result
        head = build.build(avatar)
        views.show(context, head)
        for warning in report["warnings"]:
            self.report({"WARNING"}, warning)
        self.report({"INFO"}, f"{head.name} is made.")


class LIKENESS_FH_photo(bpy.types.FileHandler):
    """A photo dropped on a 3D view."""

    bl_idname = "LIKENESS_FH_photo"
    bl_label = "Head from Photo"
    bl_import_operator = "likeness.head_from_photo"
    bl_file_extensions = ";".join(IMAGE_EXTENSIONS)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (LIKENESS_OT_head_from_photo, LIKENESS_FH_photo)
