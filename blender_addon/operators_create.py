"""Head from Photo and Random Head, and the handler that starts the first for an image dropped on a 3D view."""

import bpy
import numpy as np
from bpy.props import BoolProperty, IntProperty

from . import preferences
from .head_jobs import HeadJobOperator, HeadOptions, avatar_work, photos_work
from .jobs import DialogJobOperator, FileJobOperator, Work

IMAGE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


class LIKENESS_OT_head_from_photo(HeadOptions, HeadJobOperator, FileJobOperator, bpy.types.Operator):
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
        return photos_work(preferences.interpreter(), [self.file], {"face": self.face, **self.choices()})


class LIKENESS_OT_random_head(HeadOptions, HeadJobOperator, DialogJobOperator, bpy.types.Operator):
    """Make the head of somebody who does not exist"""

    bl_idname = "likeness.random_head"
    bl_label = "Random Head"
    bl_options = {"UNDO"}

    seed: IntProperty(
        name="Seed", description="The same seed gives the same head", min=0, max=2**31 - 1, options={"SKIP_SAVE"}
    )
    hair: BoolProperty(name="Hair", description="With a head of hair; otherwise bald", default=True)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.properties.is_property_set("seed"):
            self.seed = int(np.random.default_rng().integers(1_000_000))
        return super().invoke(context, event)

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        for name in ("seed", "hair", "model", "topology", "resolution"):
            self.layout.prop(self, name)

    def work(self, context: bpy.types.Context) -> Work:
        return avatar_work(
            preferences.interpreter(), "random_head", {"seed": self.seed, "hair": self.hair, **self.choices()}
        )


class LIKENESS_FH_photo(bpy.types.FileHandler):
    """A photo dropped on a 3D view."""

    bl_idname = "LIKENESS_FH_photo"
    bl_label = "Head from Photo"
    bl_import_operator = "likeness.head_from_photo"
    bl_file_extensions = ";".join(IMAGE_EXTENSIONS)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (LIKENESS_OT_head_from_photo, LIKENESS_OT_random_head, LIKENESS_FH_photo)
