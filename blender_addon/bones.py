"""The armature's bones, which can be edited in edit mode alone, in a view layer that shows the armature."""

from collections.abc import Sequence

import bpy

from ..core.avatar import Joint
from .axes import to_blender


def place_bones(rig: bpy.types.Object, joints: Sequence[Joint]) -> None:
    """Make the armature's bones, or move those that are there, to the joints' rest positions.

    It happens in a scene of its own, so that whatever the user has active, selected or hidden stays as it is.
    """
    scene = bpy.data.scenes.new("Likeness bones")
    scene.collection.objects.link(rig)
    layer = scene.view_layers[0]
    layer.objects.active = rig
    try:
        with bpy.context.temp_override(scene=scene, view_layer=layer, active_object=rig, object=rig):
            bpy.ops.object.mode_set(mode="EDIT")
            bones = rig.data.edit_bones
            for joint in joints:
                bone = bones.get(joint.name) or bones.new(joint.name)
                bone.head, bone.tail = to_blender(joint.head), to_blender(joint.tail)
                bone.parent = bones[joint.parent] if joint.parent else None
            bpy.ops.object.mode_set(mode="OBJECT")
    finally:
        bpy.data.scenes.remove(scene)
