"""Head from Photo and Random Head, and the handler that starts the first for images dropped on a 3D view."""

import bpy
from bpy.props import BoolProperty, IntProperty

from . import preferences
from .avatar_jobs import AvatarJobOperator, HeadOptions, avatar_work, draw_properties, random_seed
from .jobs import DialogJobOperator, Work
from .photo_jobs import IMAGE_EXTENSIONS, DetailOptions, PhotosJobOperator


class LIKENESS_OT_head_from_photo(DetailOptions, HeadOptions, AvatarJobOperator, PhotosJobOperator, bpy.types.Operator):
    """Make an animatable head from one or several photos of a person"""

    bl_idname = "likeness.head_from_photo"
    bl_label = "Head from Photo"
    # Without REGISTER: the panel "Adjust Last Operation" would run the whole capture again at every change.
    bl_options = {"UNDO"}

    def draw(self, _context: bpy.types.Context) -> None:
        draw_properties(self, "face", "refine", "texture_size", "model", "topology", "resolution")

    def work(self, context: bpy.types.Context) -> Work:
        params = {"photos": self.photos, "face": self.face, **self.detail(), **self.choices()}
        return avatar_work(preferences.interpreter(), "head", params)


class LIKENESS_OT_random_head(HeadOptions, AvatarJobOperator, DialogJobOperator, bpy.types.Operator):
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
            self.seed = random_seed()
        return super().invoke(context, event)

    def draw(self, _context: bpy.types.Context) -> None:
        draw_properties(self, "seed", "hair", "model", "topology", "resolution")

    def work(self, context: bpy.types.Context) -> Work:
        return avatar_work(
            preferences.interpreter(), "random_head", {"seed": self.seed, "hair": self.hair, **self.choices()}
        )


class LIKENESS_FH_photo(bpy.types.FileHandler):
    """Photos of a person dropped on a 3D view."""

    bl_idname = "LIKENESS_FH_photo"
    bl_label = "Head from Photo"
    bl_import_operator = "likeness.head_from_photo"
    bl_file_extensions = ";".join(IMAGE_EXTENSIONS)

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        return context.area is not None and context.area.type == "VIEW_3D"


CLASSES = (LIKENESS_OT_head_from_photo, LIKENESS_OT_random_head, LIKENESS_FH_photo)
