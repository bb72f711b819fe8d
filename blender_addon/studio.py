"""A photographer's studio in a scene of its own: three soft lights, a grey backdrop, a short telephoto lens, Cycles on
the processor. It renders the panels of previews and puts them together.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

from . import heads
from .materials import use_nodes

GAP = 6
"""Pixels between panels."""
SAMPLES = 12
FIELD = math.radians(19)
"""Vertical field of view: that of an 85 mm lens held upright, which draws a face without distortion."""

LIGHTS = {"key": ((-34, 27), 13.0, 0.5), "fill": ((48, 6), 2.6, 0.9), "rim": ((148, 36), 11.0, 0.5)}
"""Name -> (degrees round the head from its front, degrees up), watts, metres across; all a metre from the head."""
AMBIENT = (0.145, 0.152, 0.166, 1.0)
BACKDROP = (0.2, 0.205, 0.215, 1.0)


@contextmanager
def studio(
    rig: bpy.types.Object, panel: tuple[int, int], center: Vector, scale: float = 1.0, floor: bool = False
) -> Iterator[bpy.types.Scene]:
    """A scene with the avatar, lights about `center`, a camera, and a backdrop that goes round with the camera.

    `panel` is the picture's width and height in pixels; `scale` how many times larger than a head what is shown is.
    With a `floor` at height 0 the backdrop bends into it, so that there are shadows to stand on.
    """
    scene = bpy.data.scenes.new("studio")
    for thing in (rig, heads.mesh_object(rig)):
        scene.collection.objects.link(thing)
    _set_render(scene, panel)
    scene.world = bpy.data.worlds.new("studio")
    use_nodes(scene.world)
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = AMBIENT
    own: list[bpy.types.ID] = [scene.world]
    for name, data, matrix in _props(center, scale, floor):
        prop = bpy.data.objects.new(f"studio {name}", data)
        prop.matrix_world = matrix
        scene.collection.objects.link(prop)
        own += [prop, data, *getattr(data, "materials", ())]
        if name == "camera":
            scene.camera = prop
        elif name == "backdrop":
            prop.parent = scene.camera
    try:
        yield scene
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.batch_remove(own)


def _set_render(scene: bpy.types.Scene, panel: tuple[int, int]) -> None:
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 6
    scene.cycles.sample_clamp_indirect = 2.0
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y = panel
    scene.render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "Standard"  # the texture's own colours, to compare with the photo


def _props(center: Vector, scale: float, floor: bool) -> Iterator[tuple[str, bpy.types.ID, Matrix]]:
    """Lights, camera and backdrop: name, data, place."""
    for name, ((around, up), watts, size) in LIGHTS.items():
        light = bpy.data.lights.new(f"studio {name}", "AREA")
        light.energy, light.size = watts * scale**2, size * scale
        yield name, light, _looking_at(center, around, up, scale)
    camera = bpy.data.cameras.new("studio camera")
    camera.sensor_fit = "VERTICAL"
    camera.angle = FIELD
    yield "camera", camera, Matrix()
    mesh = bpy.data.meshes.new("studio backdrop")
    profile = _swept(-center.z, scale) if floor else [(-4 * scale, -3 * scale), (4 * scale, -3 * scale)]
    points = [(side * 4 * scale, up, back) for up, back in profile for side in (-1, 1)]
    mesh.from_pydata(points, [], [(i, i + 1, i + 3, i + 2) for i in range(0, len(points) - 2, 2)])
    mesh.shade_smooth()
    material = bpy.data.materials.new("studio backdrop")
    use_nodes(material)
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = BACKDROP
    shader.inputs["Roughness"].default_value = 1.0
    mesh.materials.append(material)
    yield "backdrop", mesh, Matrix()


def aim(scene: bpy.types.Scene, center: Vector, height: float, around: float) -> None:
    """Have the camera look at `center` from `around` degrees to the avatar's left; it sees `height` metres."""
    scene.camera.matrix_world = _looking_at(center, around, 0, height / 2 / math.tan(FIELD / 2))


def _swept(ground: float, scale: float) -> list[tuple[float, float]]:
    """Height over the camera and way behind it of a backdrop's profile: the floor, a bend, the wall."""
    radius, end = 0.6 * scale, -2.4 * scale
    turns = [math.pi / 2 * step / 8 for step in range(9)]
    bend = [(ground + radius * (1 - math.cos(turn)), end - radius * math.sin(turn)) for turn in turns]
    return [(ground, scale), *bend, (4 * scale, end - radius)]


def _looking_at(center: Vector, around: float, up: float, distance: float) -> Matrix:
    """Matrix of a camera or lamp at `around` degrees from the head's front towards its left, `up` degrees above it."""
    turn = Euler((math.radians(90 - up), 0, math.radians(around)))
    rotation = turn.to_matrix().to_4x4()
    return Matrix.Translation(center) @ rotation @ Matrix.Translation((0, 0, distance))


def render(scene: bpy.types.Scene, path: Path) -> np.ndarray:
    """One panel, `[H, W, 3]` in display values, top row first."""
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    image = bpy.data.images.load(str(path))
    try:
        return pixels(image)
    finally:
        bpy.data.images.remove(image)


def pixels(image: bpy.types.Image) -> np.ndarray:
    """`[H, W, 3]` in display values, top row first."""
    width, height = image.size
    flat = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(height, width, image.channels)[::-1, :, :3]


def write_sheet(rows: list[list[np.ndarray]], path: Path) -> None:
    """Write rows of panels as one picture, white between them."""
    padded = [np.pad(panel, ((0, GAP), (0, GAP), (0, 0)), constant_values=1.0) for row in rows for panel in row]
    sheet = np.concatenate(
        [np.concatenate(padded[i : i + len(rows[0])], 1) for i in range(0, len(padded), len(rows[0]))]
    )
    sheet = sheet[:-GAP, :-GAP]
    height, width = sheet.shape[:2]
    image = bpy.data.images.new("preview", width, height)
    opaque = np.ones((height, width, 4), np.float32)
    opaque[..., :3] = sheet[::-1]
    image.pixels.foreach_set(opaque.ravel())
    image.file_format = "PNG"
    image.save(filepath=str(path))
    bpy.data.images.remove(image)
