"""Jobs of the engine that end with a new head or body in the scene."""

import tempfile
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.props import EnumProperty, IntProperty

from ..core.avatar import Avatar
from . import build, heads, preferences, views
from .jobs import Job, JobOperator, Work, engine_work


class ResolutionOption:
    """Mixin of operators whose avatar may have a surface that is extracted."""

    resolution: IntProperty(
        name="Resolution",
        description="Cells along the longest side when the surface is extracted: more are finer, and slower",
        default=256,
        min=64,
        max=512,
    )


class HeadOptions(ResolutionOption):
    """Mixin of operators with a choice of the implicit head, and of the mesh that its surface becomes."""

    model: EnumProperty(
        name="Model",
        description="The implicit head that gives the shape",
        items=(
            ("auto", "Automatic", "What measures best for the topology"),
            ("npm", "NPM", "One network for the whole head: the smallest, and the smoothest"),
            ("nphm", "NPHM", "Many small networks around the features of the face: the finest detail"),
            ("triplane", "Tri-Plane", "Three planes of features and a small network: the fastest"),
        ),
        default="auto",
    )
    topology: EnumProperty(
        name="Topology",
        description="The mesh of the head",
        items=(
            ("quads", "Quads", "Likeness' own quads, with loops around eyes and lips, for animation and games"),
            ("implicit", "Implicit", "Triangles as they are extracted from the model: every detail of it, for renders"),
        ),
        default="quads",
    )

    def choices(self) -> dict[str, Any]:
        """As the engine's methods take them, with the device."""
        chosen = {"model": self.model, "topology": self.topology, "resolution": self.resolution}
        return {**chosen, "device": preferences.device()}


def choices_of(head: bpy.types.Object) -> dict[str, Any]:
    """What an implicit head was made with, likewise."""
    stored = heads.metadata(head)
    made = {"model": stored["implicit"], "topology": stored["topology"]}
    return {**made, "resolution": int(stored["parameters"]["resolution"][0]), "device": preferences.device()}


def avatar_work(interpreter: Path, method: str, params: dict[str, Any]) -> Work:
    """The work of a call to the engine whose method makes an Avatar: its result is that and the report."""

    def work(job: Job) -> tuple[Avatar, dict[str, Any]]:
        with tempfile.TemporaryDirectory(prefix="likeness-") as folder:
            out = Path(folder) / "avatar.npz"
            report = engine_work(interpreter, method, {**params, "out": str(out)})(job)
            return Avatar.load(out), report

    return work


def in_object_mode(operator: type[bpy.types.Operator], context: bpy.types.Context) -> bool:
    """Part of a poll: new objects and meshes are undone in one step from there alone."""
    if context.mode != "OBJECT":
        operator.poll_message_set("Go to Object Mode first")
        return False
    return True


def random_seed() -> int:
    """A seed that an operator shows, so that its result can be had again."""
    return int(np.random.default_rng().integers(1_000_000))


def draw_properties(operator: bpy.types.Operator, *names: str) -> None:
    """Rows of some of the operator's properties in its dialog."""
    operator.layout.use_property_split = True
    for name in names:
        operator.layout.prop(operator, name)


class AvatarJobOperator(JobOperator):
    """Mixin of operators whose job gives an Avatar and its report: it is built beside what is there."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return in_object_mode(cls, context)

    def finish(self, context: bpy.types.Context, result: tuple[Avatar, dict[str, Any]]) -> None:
        avatar, report = result
        self.present(context, build.build(avatar), report["warnings"])

    def present(self, context: bpy.types.Context, rig: bpy.types.Object, warnings: list[str]) -> None:
        """Show a new head or body and say that it is made."""
        views.to_object_mode(context)
        views.set_aside(context, rig)
        views.show(context, rig)
        for warning in warnings:
            self.report({"WARNING"}, warning)
        self.report({"INFO"}, f"{rig.name} is made.")
