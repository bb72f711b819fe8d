"""Makes the files of a head or a body in a Blender without a window."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import bpy

from ..core.avatar import Avatar
from ..core.errors import InputError
from ..core.parametric.body_motion import BodyMotion
from ..core.parametric.clip import Clip
from ..core.parametric.head import HeadModel
from . import animate, body_preview, build, export, heads, levels, preview


@dataclass(frozen=True)
class Order:
    """What to make of an Avatar, and where."""

    avatar: Avatar
    out: Path
    name: str
    """File name of the results, without extension."""
    formats: list[str]
    """Of `glb`, `fbx`, `blend`."""
    clip: Clip | BodyMotion | None
    """The animation, in terms of our head, or the motion of this body."""
    fbx_preset: str
    """One of `export.PRESETS`."""
    levels: bool
    """Whether to make levels of detail too."""
    preview: bool
    """Whether to render preview.png."""
    expressions: bool = False
    """Whether to render expressions.png."""


def make(order: Order, progress: Callable[[str, float], None]) -> None:
    """Build the avatar in an empty file, export it and render its preview. Raises LikenessError."""
    progress("Building in Blender", 0.0)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    rig = build.build(order.avatar)
    if order.clip is not None:
        _animate(rig, order.clip)
    made = levels.add_levels(rig, HeadModel.load()) if order.levels else []
    _write(rig, order, len(made), progress)
    if order.preview:
        stage = "Rendering the preview"
        progress(stage, 0.3)
        _preview(rig, order, lambda done: progress(stage, 0.3 + 0.7 * done))
    if order.expressions:
        shown = "Rendering expressions"
        progress(shown, 0.3)
        preview.render_expressions(rig, order.out / "expressions.png", lambda done: progress(shown, 0.3 + 0.7 * done))
    progress("Done", 1.0)


def _write(rig: bpy.types.Object, order: Order, coarser: int, progress: Callable[[str, float], None]) -> None:
    """Every format; the .blend file holds all levels of detail, the others are one file for each."""
    files = [
        (extension, level) for extension in order.formats for level in range(1 if extension == "blend" else 1 + coarser)
    ]
    for index, (extension, level) in enumerate(files):
        path = order.out / f"{order.name}{f'_lod{level}' if level else ''}.{extension}"
        progress(f"Writing {path.name}", 0.05 + 0.25 * index / len(files))
        if extension == "blend":
            _save_blend(path)
        else:
            export.export_head(rig, path, "gltf" if extension == "glb" else order.fbx_preset, level=level)


def _preview(rig: bpy.types.Object, order: Order, progress: Callable[[float], None]) -> None:
    path = order.out / "preview.png"
    if order.avatar.kind == "body":
        motion = order.clip if isinstance(order.clip, BodyMotion) else None
        body_preview.render_body(rig, path, motion, progress)
    else:
        preview.render_preview(rig, path, order.avatar.images.get("photo"), progress)


def _animate(rig: bpy.types.Object, clip: Clip | BodyMotion) -> None:
    scene = bpy.context.scene
    scene.render.fps = round(clip.fps)
    scene.render.fps_base = scene.render.fps / clip.fps
    if isinstance(clip, BodyMotion):
        action = animate.write_motion(rig, clip)
    else:
        if clip.psi is not None:
            heads.add_psi_keys(rig, HeadModel.load())
        action = animate.write_clip(rig, clip)
    scene.frame_start, scene.frame_end = (round(frame) for frame in action.frame_range)


def _save_blend(path: Path) -> None:
    """Save a copy beside and put it in place when it is whole."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(temporary), copy=True, compress=True, check_existing=False)
        os.replace(temporary, path)
    except (RuntimeError, OSError) as error:
        raise InputError(f"{path} cannot be written; choose another folder.") from error
    finally:
        temporary.unlink(missing_ok=True)
