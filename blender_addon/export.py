"""Exports a head or a body as glTF or FBX, with presets that set every option that matters.

The exporters run on a scene of their own that holds it alone, so the user's scene, selection and frame stay as
they are; values, actions and the names of bones are put back afterwards.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ..core.errors import InputError
from ..core.parametric.joint_names import FACE_JOINTS, JOINT_NAMES
from . import hair, hair_color, heads, look
from .actions import assign, current
from .held import Held, held_actions
from .levels import mesh_at


@dataclass(frozen=True)
class Preset:
    """An export for one kind of reader."""

    label: str
    extension: str
    options: dict[str, Any] = field(default_factory=dict)
    root_name: str | None = None
    """Name of the armature's node in the file; the head's own name if None."""


FBX = {
    "use_mesh_modifiers": False,  # applying a modifier drops every shape key
    "mesh_smooth_type": "FACE",  # Unity computes the normals of blend shapes and wants smoothing groups
    "add_leaf_bones": False,
    "use_armature_deform_only": False,
    "bake_anim_use_all_actions": False,  # one clip, not one for each action
    "bake_anim_use_nla_strips": False,
    "bake_anim_force_startend_keying": True,
    "bake_anim_simplify_factor": 0.0,
    "object_types": {"ARMATURE", "MESH"},
    "path_mode": "COPY",
    "embed_textures": True,
    "axis_forward": "-Z",
    "axis_up": "Y",
    "use_custom_props": False,
    "use_tspace": False,  # refuses meshes with n-gons, and every reader computes tangents itself
}

PRESETS: dict[str, Preset] = {
    "gltf": Preset(
        "glTF",
        ".glb",
        {
            "export_format": "GLB",
            "use_visible": True,  # or children of the armature come along, levels of detail among them
            "export_yup": True,
            "export_apply": False,  # applying a modifier drops every shape key
            "export_morph": True,
            "export_morph_normal": True,
            "export_morph_tangent": False,
            "export_try_sparse_sk": True,
            "export_skins": True,
            "export_all_influences": False,  # four, what every reader has
            "export_def_bones": False,
            "export_rest_position_armature": True,
            "export_force_sampling": True,
            "export_animation_mode": "ACTIVE_ACTIONS",  # bones and keys in one clip
            "export_optimize_animation_size": False,
            "export_current_frame": False,
            "export_frame_range": True,
            "export_image_format": "AUTO",
            "export_extras": False,
            "export_cameras": False,
            "export_lights": False,
        },
    ),
    "fbx_unity": Preset("FBX for Unity", ".fbx", {**FBX, "apply_scale_options": "FBX_SCALE_ALL"}),
    # Unreal drops a top node of this name, which leaves `root` as the skeleton's root, and reads centimetres.
    "fbx_unreal": Preset("FBX for Unreal", ".fbx", {**FBX, "apply_scale_options": "FBX_SCALE_NONE"}, "Armature"),
    "fbx_generic": Preset("FBX", ".fbx", {**FBX, "apply_scale_options": "FBX_SCALE_UNITS"}),
}


@dataclass(frozen=True)
class BodyPreset:
    """An export of a body for one program."""

    label: str
    preset: str
    """One of `PRESETS`."""
    joint_names: str = ""
    """Whose names the bones have in the file, one of `JOINT_NAMES`; as they are in the scene if empty."""


BODY_PRESETS: dict[str, BodyPreset] = {
    "gltf": BodyPreset("glTF", "gltf"),
    "fbx_unity": BodyPreset("FBX for Unity", "fbx_unity", "vrm"),
    "fbx_unreal": BodyPreset("FBX for Unreal", "fbx_unreal", "unreal"),
    "fbx_mixamo": BodyPreset("FBX for Mixamo", "fbx_generic", "mixamo"),
}


def export_head(
    rig: bpy.types.Object,
    path: Path | str,
    preset: str = "gltf",
    animation: bool = True,
    level: int = 0,
    joint_names: str = "",
) -> None:
    """Write the head or body to `path` by one of `PRESETS`; the file appears whole or not at all.

    The head is written finished, however it is looked at; without `animation` neutral and at rest. With it, one clip
    covers the head's current actions and whatever keys and bones hold a value without being animated. `level` is the
    level of detail, 0 the full mesh; `joint_names` of `JOINT_NAMES` are those of a body's bones in the file. Raises
    InputError when the place cannot be written or the head is no longer whole.
    """
    chosen = PRESETS[preset]
    path = Path(path)
    head, shown = heads.mesh_object(rig), mesh_at(rig, level)
    with ExitStack() as stack:
        temporary = stack.enter_context(_beside(path))
        stack.enter_context(_joints_named(rig, joint_names))
        stack.enter_context(look.finished(rig))
        clip = stack.enter_context(held_actions(rig, head, animation))
        stack.enter_context(_same_action(head, shown))
        shown = stack.enter_context(_without_hidden_hair(rig, shown))
        stack.enter_context(hair_color.baked(rig))
        scene = stack.enter_context(_own_scene(rig, shown, clip))
        if chosen.root_name:
            stack.enter_context(_renamed(rig, chosen.root_name))
        stack.enter_context(bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]))
        _run(chosen, temporary, clip)
        os.replace(temporary, path)


def _run(preset: Preset, path: Path, clip: Held | None) -> None:
    if preset.extension == ".glb":
        bpy.ops.export_scene.gltf(
            filepath=str(path),
            use_active_scene=True,
            export_animations=clip is not None,
            export_nla_strips_merged_animation_name=clip.name if clip else "",
            **preset.options,
        )
    else:
        bpy.ops.export_scene.fbx(filepath=str(path), use_selection=False, bake_anim=clip is not None, **preset.options)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of `path`, with its extension, gone afterwards. Raises InputError."""
    try:
        folder = tempfile.TemporaryDirectory(prefix=".likeness-", dir=path.parent)
    except OSError as error:
        raise InputError(f"{path.parent} cannot be written ({error.strerror}); choose another folder.") from error
    with folder:
        yield Path(folder.name) / path.name


@contextmanager
def _own_scene(rig: bpy.types.Object, head: bpy.types.Object, clip: Held | None) -> Iterator[bpy.types.Scene]:
    """A scene with the head alone, the clip's length and name (FBX takes it from here), the user's frame rate."""
    user = bpy.context.scene
    scene = bpy.data.scenes.new(clip.name if clip else "Scene")
    try:
        scene.render.fps, scene.render.fps_base = user.render.fps, user.render.fps_base
        scene.unit_settings.scale_length = user.unit_settings.scale_length
        if clip:
            scene.frame_start, scene.frame_end = clip.start, clip.end
            scene.frame_current = clip.rest
        for thing in (rig, head):
            scene.collection.objects.link(thing)
        yield scene
    finally:
        bpy.data.scenes.remove(scene)


@contextmanager
def _same_action(head: bpy.types.Object, shown: bpy.types.Object) -> Iterator[None]:
    """A level of detail, whose keys are driven, has the head's action for a while: glTF leaves out what has none."""
    if shown == head:
        yield
        return
    action, slot = current(head.data.shape_keys)
    assign(shown.data.shape_keys, action, slot)
    try:
        yield
    finally:
        assign(shown.data.shape_keys, None)


@contextmanager
def _without_hidden_hair(rig: bpy.types.Object, shown: bpy.types.Object) -> Iterator[bpy.types.Object]:
    """The mesh to export, or where the user hides the hair a copy that has none: no exporter applies the modifier."""
    if hair.is_shown(rig) or hair.slot(shown) is None:
        yield shown
        return
    bare = hair.without(shown)
    try:
        with _renamed(bare, shown.name), _renamed(bare.data, shown.data.name):
            yield bare
    finally:
        bpy.data.meshes.remove(bare.data)  # and its object


@contextmanager
def _joints_named(rig: bpy.types.Object, scheme: str) -> Iterator[None]:
    """A body's bones have a scheme's names for a while; Blender has vertex groups, drivers and the action follow.

    A bone of the user's that has such a name goes by another meanwhile.
    """
    own, names = [], []
    for table in (JOINT_NAMES, FACE_JOINTS) if scheme else ():
        for old, new in zip(table[heads.metadata(rig)["joint_names"]], table[scheme], strict=True):
            if old in rig.data.bones:  # few bodies have the face's
                own.append(old)
                names.append(new)
    bones = [rig.data.bones[name] for name in own]
    others = {bone: bone.name for bone in rig.data.bones if bone.name in names and bone not in bones}
    try:
        for bone in others:
            bone.name = f"{bone.name} (aside)"
        _rename_bones(bones, names)
        yield
    finally:
        _rename_bones(bones, own)
        for bone, name in others.items():
            bone.name = name


def _rename_bones(bones: list[bpy.types.Bone], names: Sequence[str]) -> None:
    """By way of names that nothing has: a scheme may call one bone as another calls another."""
    changed = [(bone, name) for bone, name in zip(bones, names, strict=True) if bone.name != name]
    for index, (bone, _) in enumerate(changed):
        bone.name = f"likeness {index}"
    for bone, name in changed:
        bone.name = name


@contextmanager
def _renamed(thing: bpy.types.Object | bpy.types.Mesh, name: str) -> Iterator[None]:
    """Another name for a while, even if something else has it."""
    own = thing.name
    other = (bpy.data.meshes if isinstance(thing, bpy.types.Mesh) else bpy.data.objects).get(name)
    if other is not None and other is not thing:
        other.name = f"{name} (aside)"
    thing.name = name
    try:
        yield
    finally:
        thing.name = own
        if other is not None and other is not thing:
            other.name = name
