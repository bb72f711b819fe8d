"""Retexture."""

from typing import Any

import bpy

from ..core.avatar import Avatar
from . import heads, identity, preferences, views
from .avatar_jobs import avatar_work, in_object_mode
from .jobs import Work
from .photo_jobs import DetailOptions, PhotoJobOperator
from .reskin import reskin


class LIKENESS_OT_retexture(DetailOptions, PhotoJobOperator, bpy.types.Operator):
    """Give the head the skin and the eyes of another photo; its shape, keys, pose and hair stay"""

    bl_idname = "likeness.retexture"
    bl_label = "Retexture"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        head = views.active_head(context)
        if head is None or not heads.is_of_photo(head):
            cls.poll_message_set("Select a head that was made from a photo")
            return False
        return in_object_mode(cls, context)

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.use_property_split = True
        for name in ("face", "refine", "texture_size"):
            self.layout.prop(self, name)

    def work(self, context: bpy.types.Context) -> Work:
        head = views.active_head(context)
        self._name = head.name
        params = {"photo": self.photo, "beta": identity.beta(head).tolist(), "face": self.face, **self.detail()}
        return avatar_work(preferences.interpreter(), "retexture", {**params, "device": preferences.device()})

    def finish(self, context: bpy.types.Context, result: tuple[Avatar, dict[str, Any]]) -> None:
        avatar, report = result
        head = heads.named(self._name)
        views.to_object_mode(context)
        reskin(head, avatar)
        for warning in report["warnings"]:
            self.report({"WARNING"}, warning)
        self.report({"INFO"}, f"{head.name} has the skin of {avatar.source}.")


CLASSES = (LIKENESS_OT_retexture,)
