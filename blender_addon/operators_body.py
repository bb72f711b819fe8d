"""Bodies: Add Body, the same body with other sliders and seeds, motion."""

import tempfile
from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, IntProperty, StringProperty

from ..core.avatar import Avatar
from ..core.bodies.motion import SUFFIXES, load_motion
from ..core.bodies.shape import checked_seed, read_beta
from ..core.bodies.sliders import RANGES
from ..core.errors import InputError
from ..core.parametric.body_motion import BodyMotion
from ..core.parametric.joint_names import JOINT_NAMES
from . import actions, animate, body, heads, preferences, views
from .avatar_jobs import (
    AvatarJobOperator,
    ResolutionOption,
    avatar_work,
    draw_properties,
    in_object_mode,
    random_seed,
)
from .jobs import DialogJobOperator, FileJobOperator, Job, JobOperator, Work
from .labels import SKELETONS
from .operators_animation import RecordingOperator, show_played
from .photo_jobs import IMAGE_EXTENSIONS
from .resurface import attach, resurface_body
from .scene_avatar import avatar_of

OWN = (*RANGES, "detail_seed")
"""What may be chosen in place of what the seed says."""
AVATAR_EXTENSION = ".npz"
"""Of the file of a head."""


class SliderOptions:
    """Mixin of operators with the sliders of a body."""

    __annotations__ = {name: body.slider(name, default=body.MEAN[name], options={"SKIP_SAVE"}) for name in RANGES}


class LIKENESS_OT_add_body(SliderOptions, ResolutionOption, AvatarJobOperator, DialogJobOperator, bpy.types.Operator):
    """Make the body of somebody who does not exist, ready to be animated"""

    bl_idname = "likeness.add_body"
    bl_label = "Add Body"
    bl_options = {"UNDO"}

    seed: IntProperty(name="Seed", description="The same seed gives the same body", soft_min=0, options={"SKIP_SAVE"})
    chosen: EnumProperty(
        name="Chosen",
        description="What you choose yourself; the seed says the rest",
        items=[(name, *body.LABELS[name]) for name in RANGES]
        + [("detail_seed", "Detail Seed", "Other clothes and folds than the seed's")],
        options={"ENUM_FLAG", "SKIP_SAVE"},
    )
    detail_seed: IntProperty(
        name="Detail Seed", description="Clothes and folds on the same body", soft_min=0, options={"SKIP_SAVE"}
    )
    joint_names: EnumProperty(
        name="Bones",
        description="What the bones are called; exports for other programs name them as those expect",
        items=[(name, SKELETONS[name], "") for name in JOINT_NAMES],
    )
    beta: StringProperty(
        name="Beta",
        description="Shape parameters in place of the seed's: up to 16 numbers about 0, with commas between them",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.properties.is_property_set("seed"):
            self.seed = random_seed()
        return super().invoke(context, event)

    def draw(self, _context: bpy.types.Context) -> None:
        draw_properties(self, "seed")
        self.layout.label(text="Choose, or leave to the seed:")
        column = self.layout.column(align=True)
        for name in OWN:
            row = column.split(factor=0.4, align=True)
            row.use_property_split = False
            row.prop_enum(self, "chosen", name)
            value = row.row(align=True)
            value.enabled = name in self.chosen
            value.prop(self, name, text="", slider=name in RANGES)
        draw_properties(self, "resolution", "joint_names", "beta")

    def work(self, context: bpy.types.Context) -> Work:
        params = {"seed": self.seed, "resolution": self.resolution, "joint_names": self.joint_names}
        for name in OWN:
            # A script says what it wants by naming it alone; in the dialog it is chosen first.
            if name in self.chosen or (not self._asked and self.properties.is_property_set(name)):
                params[name] = getattr(self, name)
        for name in {"seed", "detail_seed"} & params.keys():
            checked_seed(params[name])  # here, so that no engine is started for it
        if self.beta:
            params["beta"] = read_beta(self.beta)
        return avatar_work(preferences.interpreter(), "body", params)


class BodyOperator:
    """Mixin of operators that need a body."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if views.active_body(context) is None:
            cls.poll_message_set("Select a body that Likeness made")
            return False
        return True


class ReshapeOperator(JobOperator):
    """Mixin of operators that make the active body again. A subclass gives `seeds`."""

    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        rig = views.active_body(context)
        if rig is None or not body.is_of_seed(rig):
            cls.poll_message_set("Select a body that Likeness made of a seed")
            return False
        return in_object_mode(cls, context)

    def seeds(self) -> dict[str, int]:
        """In place of what the panel has."""
        return {}

    def work(self, context: bpy.types.Context) -> Work:
        rig = views.active_body(context)
        self._name = rig.name
        return avatar_work(preferences.interpreter(), "body", body.request(rig, **self.seeds()))

    def finish(self, context: bpy.types.Context, result: tuple[Avatar, dict[str, Any]]) -> None:
        avatar, report = result
        rig = heads.named(self._name)
        views.to_object_mode(context)
        resurface_body(rig, avatar)
        for warning in report["warnings"]:
            self.report({"WARNING"}, warning)
        if len(actions.curves(rig)):
            self.report({"INFO"}, f"Import the motion again if {rig.name}'s feet slide: its legs may have changed.")


class LIKENESS_OT_update_body(ReshapeOperator, bpy.types.Operator):
    """Make the body again as its sliders and seeds say; pose, animation and materials stay"""

    bl_idname = "likeness.update_body"
    bl_label = "Update Body"

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if not super().poll(context):
            return False
        if not body.is_ahead(views.active_body(context)):
            cls.poll_message_set("The body is as the sliders say")
            return False
        return True


class LIKENESS_OT_resample_body(ReshapeOperator, bpy.types.Operator):
    """Give the body another shape or another detail; the other one stays, and so does what you set"""

    bl_idname = "likeness.resample_body"
    bl_label = "Resample Body"

    code: EnumProperty(
        name="What",
        items=(
            ("SHAPE", "Shape", "Another person of the sex, age and build that you set"),
            ("DETAIL", "Detail", "Other clothes and folds on the same person"),
        ),
    )
    seed: IntProperty(name="Seed", description="A random one where none is given", soft_min=0, options={"SKIP_SAVE"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: "LIKENESS_OT_resample_body") -> str:
        """The tooltip of what the button resamples."""
        return cls.bl_rna.properties["code"].enum_items[properties.code].description

    def seeds(self) -> dict[str, int]:
        seed = self.seed if self.properties.is_property_set("seed") else random_seed()
        return {body.SEEDS[self.code]: checked_seed(seed)}


class LIKENESS_OT_release_slider(BodyOperator, bpy.types.Operator):
    """Let the seed say this again"""

    bl_idname = "likeness.release_slider"
    bl_label = "Release Slider"
    bl_options = {"REGISTER", "UNDO"}

    slider: EnumProperty(name="Slider", items=[(name, *body.LABELS[name]) for name in RANGES])

    def execute(self, context: bpy.types.Context) -> set[str]:
        body.want(views.active_body(context), self.slider, None)
        return {"FINISHED"}


def _heads(_operator: bpy.types.Operator, context: bpy.types.Context | None) -> list[tuple[str, str, str]]:
    """Items of the heads in the scene. Blender frees the texts of those that Python lets go of."""
    rigs = views.scene_heads(context) if context else []
    _heads.kept = [(rig.name, rig.name, "Put this head on the body") for rig in rigs]
    return _heads.kept


class LIKENESS_OT_attach_head(BodyOperator, FileJobOperator, bpy.types.Operator):
    """Put a head on the body in place of its own: one skin, one armature, and the head's expressions"""

    bl_idname = "likeness.attach_head"
    bl_label = "Attach Head"
    bl_options = {"UNDO"}

    head: EnumProperty(name="Head", description="A head of the scene", items=_heads, options={"SKIP_SAVE"})
    filter_glob: StringProperty(
        default=";".join(f"*{suffix}" for suffix in (AVATAR_EXTENSION, *IMAGE_EXTENSIONS)), options={"HIDDEN"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return super().poll(context) and in_object_mode(cls, context)

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return self.start(context) if self._is_of_scene else super().invoke(context, event)

    @property
    def _is_of_scene(self) -> bool:
        return self.properties.is_property_set("head")

    def work(self, context: bpy.types.Context) -> Work:
        rig, head = views.active_body(context), heads.named(self.head) if self._is_of_scene else None
        self._name, self._head = rig.name, head and head.name
        if head is None and not self.file.is_file():
            raise InputError(f"There is no file {self.file.name or 'chosen'}; choose a head's photo or .npz file.")
        interpreter, device, given = preferences.interpreter(), preferences.device(), self.file
        body_avatar, head_avatar = avatar_of(rig), head and avatar_of(head)

        def work(job: Job) -> tuple[Avatar, dict[str, Any]]:
            with tempfile.TemporaryDirectory(prefix="likeness-") as folder:
                files = {"body": Path(folder) / "body.npz", "head": given}
                body_avatar.save(files["body"])
                if head_avatar:
                    files["head"] = Path(folder) / "head.npz"
                    head_avatar.save(files["head"])
                params = {**{name: str(file) for name, file in files.items()}, "device": device}
                return avatar_work(interpreter, "attach_head", params)(job)

        return work

    def finish(self, context: bpy.types.Context, result: tuple[Avatar, dict[str, Any]]) -> None:
        avatar, report = result
        rig, head = heads.named(self._name), heads.named(self._head) if self._head else None
        views.to_object_mode(context)
        attach(rig, avatar, head)
        for thing in (head, *head.children_recursive) if head else ():
            thing.hide_set(True)
        for warning in report["warnings"]:
            self.report({"WARNING"}, warning)
        self.report({"INFO"}, f"{rig.name} has another head{f'; {head.name} is hidden' if head else ''}.")


class LIKENESS_OT_import_motion(BodyOperator, RecordingOperator, bpy.types.Operator):
    """Animate the body by a motion: BVH, or the npz of AMASS and SMPL. Its feet are set on the floor"""

    bl_idname = "likeness.import_motion"
    bl_label = "Import Motion"

    filter_glob: StringProperty(default=";".join(f"*{suffix}" for suffix in SUFFIXES), options={"HIDDEN"})

    def work(self, context: bpy.types.Context) -> Work:
        rig, path = views.active_body(context), self.file
        self._name, joints = rig.name, heads.joint_places(rig)

        def work(job: Job) -> BodyMotion:
            job.report("Reading the motion", 0.1)
            return load_motion(path, joints, ground=0.0)

        return work

    def finish(self, context: bpy.types.Context, result: BodyMotion) -> None:
        rig = heads.named(self._name)
        before = actions.current(rig)[0]
        animate.write_motion(rig, result, self.start_frame)
        if before is not None:
            before.use_fake_user = True  # it stays in the file, though nothing plays it
        show_played(self, context, rig, result, self.start_frame)


CLASSES = (
    LIKENESS_OT_add_body,
    LIKENESS_OT_update_body,
    LIKENESS_OT_resample_body,
    LIKENESS_OT_release_slider,
    LIKENESS_OT_attach_head,
    LIKENESS_OT_import_motion,
)
