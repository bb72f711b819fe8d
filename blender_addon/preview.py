"""Renders preview.png: the photo, then the head from the front, at three quarters, from the side and with an expression.

A portrait studio in a scene of its own: three soft lights, a grey backdrop, a short telephoto lens, Cycles on the processor.
"""

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

from . import heads
from .materials import packed_image

PANEL = (432, 540)
"""Width and height of one panel in pixels."""
GAP = 6
SAMPLES = 32
FIELD = math.radians(19)
"""Vertical field of view: that of an 85 mm lens held upright, which draws a face without distortion."""

VIEWS = {"front": 0.0, "three-quarter": 38.0, "side": 88.0}
"""Panel -> degrees by which the camera goes round to the head's left."""

EXPRESSION = {
    "mouthSmileLeft": 0.75,
    "mouthSmileRight": 0.7,
    "jawOpen": 0.32,
    "cheekSquintLeft": 0.5,
    "cheekSquintRight": 0.5,
    "eyeSquintLeft": 0.25,
    "eyeSquintRight": 0.25,
    "browInnerUp": 0.45,
    "browOuterUpLeft": 0.5,
    "browOuterUpRight": 0.45,
    "mouthUpperUpLeft": 0.2,
    "mouthUpperUpRight": 0.2,
}

LIGHTS = {"key": ((-38, 32), 11.0, 0.55), "fill": ((45, 8), 3.2, 0.9), "rim": ((150, 38), 14.0, 0.5)}
"""Name -> (degrees round the head from its front, degrees up), watts, metres across; all a metre from the head."""


def render_preview(
    rig: bpy.types.Object, path: Path, photo: bytes | None, progress: Callable[[float], None] = lambda fraction: None
) -> None:
    """Write the strip of panels to `path` (PNG). `photo` is the encoded input, left out where there is none.

    The head is shown neutral and then with `EXPRESSION`; it is left neutral.
    """
    scene = _studio(rig)
    panels = [] if photo is None else [_photo_panel(photo)]
    _express(rig, {})
    shots = [(angle, {}) for angle in VIEWS.values()] + [(0.0, EXPRESSION)]
    with tempfile.TemporaryDirectory(prefix="likeness-") as folder:
        for index, (angle, expression) in enumerate(shots):
            _express(rig, expression)
            _aim(scene, rig, angle)
            panels.append(_render(scene, Path(folder) / f"{index}.png"))
            progress((index + 1) / len(shots))
    _express(rig, {})
    _write_strip(panels, path)
    for thing in list(scene.collection.objects):
        if thing.name.startswith("studio"):
            bpy.data.objects.remove(thing)
    bpy.data.scenes.remove(scene)


def _express(rig: bpy.types.Object, expression: dict[str, float]) -> None:
    for key in heads.keys(rig)[1:]:
        key.value = expression.get(key.name, 0.0)


def _studio(rig: bpy.types.Object) -> bpy.types.Scene:
    """A scene with the head, its lights, a camera and a backdrop that goes round with the camera."""
    scene = bpy.data.scenes.new("studio")
    for thing in (rig, *rig.children_recursive):
        scene.collection.objects.link(thing)
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.adaptive_threshold = 0.03
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 6
    scene.cycles.sample_clamp_indirect = 2.0
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y = PANEL
    scene.render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "Standard"
    scene.world = bpy.data.worlds.new("studio")
    if bpy.app.version < (5, 0, 0):
        scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.5, 0.52, 0.56, 1)
    scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.35

    center, _ = _frame(rig)
    for name, ((around, up), watts, size) in LIGHTS.items():
        light = bpy.data.lights.new(f"studio {name}", "AREA")
        light.energy, light.size = watts, size
        lamp = bpy.data.objects.new(light.name, light)
        lamp.matrix_world = _looking_at(center, around, up, 1.0)
        scene.collection.objects.link(lamp)
    camera = bpy.data.objects.new("studio camera", bpy.data.cameras.new("studio camera"))
    camera.data.sensor_fit = "VERTICAL"
    camera.data.angle = FIELD
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.collection.objects.link(_backdrop(camera))
    return scene


def _backdrop(camera: bpy.types.Object) -> bpy.types.Object:
    mesh = bpy.data.meshes.new("studio backdrop")
    mesh.from_pydata([(-4, -4, -3), (4, -4, -3), (4, 4, -3), (-4, 4, -3)], [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new("studio backdrop")
    if bpy.app.version < (5, 0, 0):
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (0.2, 0.205, 0.215, 1)
    shader.inputs["Roughness"].default_value = 1.0
    mesh.materials.append(material)
    backdrop = bpy.data.objects.new("studio backdrop", mesh)
    backdrop.parent = camera
    return backdrop


def _frame(rig: bpy.types.Object) -> tuple[Vector, float]:
    """Centre and height of the picture: from above the hair to just above the end of the neck."""
    basis = heads.keys(rig)[0]
    points = np.empty(len(basis.data) * 3, np.float32)
    basis.data.foreach_get("co", points)
    low, high = points[2::3].min(), points[2::3].max()
    height = float(high - low)
    front = float(points[1::3].min())
    back = float(points[1::3].max())
    return Vector((0.0, (front + back) / 2, float(low) + 0.55 * height)), height * 1.02


def _looking_at(center: Vector, around: float, up: float, distance: float) -> Matrix:
    """Matrix of a camera or lamp at `around` degrees from the head's front towards its left, `up` degrees above it."""
    turn = Euler((math.radians(90 - up), 0, math.radians(around)))
    rotation = turn.to_matrix().to_4x4()
    return Matrix.Translation(center) @ rotation @ Matrix.Translation((0, 0, distance))


def _aim(scene: bpy.types.Scene, rig: bpy.types.Object, around: float) -> None:
    center, height = _frame(rig)
    distance = height / 2 / math.tan(FIELD / 2)
    scene.camera.matrix_world = _looking_at(center, around, 0, distance)


def _render(scene: bpy.types.Scene, path: Path) -> np.ndarray:
    """One panel, `[H, W, 3]` in display values, top row first."""
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    image = bpy.data.images.load(str(path))
    try:
        return _pixels(image)
    finally:
        bpy.data.images.remove(image)


def _photo_panel(photo: bytes) -> np.ndarray:
    """The photo, cut about its middle to the panel's shape and scaled to it."""
    image = packed_image("photo", photo)
    width, height = image.size
    scale = max(PANEL[0] / width, PANEL[1] / height)
    image.scale(max(round(width * scale), PANEL[0]), max(round(height * scale), PANEL[1]))
    pixels = _pixels(image)
    bpy.data.images.remove(image)
    top, left = (pixels.shape[0] - PANEL[1]) // 2, (pixels.shape[1] - PANEL[0]) // 2
    return pixels[top : top + PANEL[1], left : left + PANEL[0]]


def _pixels(image: bpy.types.Image) -> np.ndarray:
    width, height = image.size
    flat = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(height, width, image.channels)[::-1, :, :3]


def _write_strip(panels: list[np.ndarray], path: Path) -> None:
    gap = np.ones((PANEL[1], GAP, 3), np.float32)
    strip = np.concatenate([column for panel in panels for column in (panel, gap)][:-1], 1)
    height, width = strip.shape[:2]
    image = bpy.data.images.new("preview", width, height)
    opaque = np.ones((height, width, 4), np.float32)
    opaque[..., :3] = strip[::-1]
    image.pixels.foreach_set(opaque.ravel())
    image.file_format = "PNG"
    image.save(filepath=str(path))
    bpy.data.images.remove(image)
