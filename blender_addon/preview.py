"""Renders preview.png: the photo, the head from the front, at three quarters, from the side, with an expression; and
expressions.png: the head with each of a few expressions, from the front and at three quarters.

A portrait studio in a scene of its own: three soft lights, a grey backdrop, a short telephoto lens, Cycles on the
processor.
"""

import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy
import numpy as np
from mathutils import Euler, Matrix, Vector

from . import heads
from .held import held_actions
from .materials import packed_image, use_nodes

PANEL = (400, 500)
"""Width and height of one panel in pixels."""
GAP = 6
SAMPLES = 12
FIELD = math.radians(19)
"""Vertical field of view: that of an 85 mm lens held upright, which draws a face without distortion."""

VIEWS = {"front": 0.0, "three-quarter": 38.0, "side": 88.0}
"""Panel -> degrees by which the camera goes round to the head's left."""

EXPRESSION = {
    "mouthSmileLeft": 0.87,
    "mouthSmileRight": 0.83,
    "mouthUpperUpLeft": 0.12,
    "mouthUpperUpRight": 0.12,
    "jawOpen": 0.16,
    "cheekSquintLeft": 0.6,
    "cheekSquintRight": 0.6,
    "eyeSquintLeft": 0.3,
    "eyeSquintRight": 0.3,
}
"""A smile that reaches the eyes and shows the upper teeth."""

EXPRESSIONS: dict[str, dict[str, float]] = {
    "neutral": {},
    "jaw open": {"jawOpen": 0.8},
    "blink": {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    "smile": EXPRESSION,
}
"""What expressions.png shows."""

Shot = tuple[float, dict[str, float]]
"""Degrees by which the camera goes round, and the expression."""

LIGHTS = {"key": ((-34, 27), 13.0, 0.5), "fill": ((48, 6), 2.6, 0.9), "rim": ((148, 36), 11.0, 0.5)}
"""Name -> (degrees round the head from its front, degrees up), watts, metres across; all a metre from the head."""
AMBIENT = (0.145, 0.152, 0.166, 1.0)
BACKDROP = (0.2, 0.205, 0.215, 1.0)


def render_preview(rig: bpy.types.Object, path: Path, photo: bytes | None, progress: Callable[[float], None]) -> None:
    """Write the strip of panels to `path` (PNG). `photo` is the encoded input, left out where there is none.

    The head is shown neutral and then with `EXPRESSION`; its values and actions are put back afterwards.
    """
    panels = [] if photo is None else [_photo_panel(photo)]
    shots: list[Shot] = [(angle, {}) for angle in VIEWS.values()]
    panels += _render_all(rig, [*shots, (0.0, EXPRESSION)], progress)
    _write([panels], path)


def render_expressions(rig: bpy.types.Object, path: Path, progress: Callable[[float], None]) -> None:
    """Write the head with each of `EXPRESSIONS` to `path` (PNG): one row from the front, one at three quarters."""
    angles = VIEWS["front"], VIEWS["three-quarter"]
    panels = _render_all(
        rig, [(angle, shown) for angle in angles for shown in EXPRESSIONS.values()], progress, percent=50
    )
    _write([panels[: len(EXPRESSIONS)], panels[len(EXPRESSIONS) :]], path)


def _render_all(
    rig: bpy.types.Object, shots: list[Shot], progress: Callable[[float], None], percent: int = 100
) -> list[np.ndarray]:
    """A panel for each shot, at `percent` of its size; the head's values and actions are put back afterwards."""
    panels = []
    with (
        tempfile.TemporaryDirectory(prefix="likeness-") as folder,
        held_actions(rig, heads.mesh_object(rig), animation=False),
        _studio(rig) as scene,
    ):
        scene.render.resolution_percentage = percent
        for index, (angle, expression) in enumerate(shots):
            _express(rig, expression)
            _aim(scene, rig, angle)
            panels.append(_render(scene, Path(folder) / f"{index}.png"))
            progress((index + 1) / len(shots))
    return panels


def _express(rig: bpy.types.Object, expression: dict[str, float]) -> None:
    for key in heads.keys(rig)[1:]:
        key.value = expression.get(key.name, 0.0)


@contextmanager
def _studio(rig: bpy.types.Object) -> Iterator[bpy.types.Scene]:
    """A scene with the head, its lights, a camera and a backdrop that goes round with the camera."""
    scene = bpy.data.scenes.new("studio")
    for thing in (rig, heads.mesh_object(rig)):
        scene.collection.objects.link(thing)
    _set_render(scene)
    scene.world = bpy.data.worlds.new("studio")
    use_nodes(scene.world)
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = AMBIENT
    own: list[bpy.types.ID] = [scene.world]
    for name, data, matrix in _props(rig):
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


def _set_render(scene: bpy.types.Scene) -> None:
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = SAMPLES
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = True
    scene.cycles.max_bounces = 6
    scene.cycles.sample_clamp_indirect = 2.0
    scene.render.use_persistent_data = True
    scene.render.resolution_x, scene.render.resolution_y = PANEL
    scene.render.image_settings.file_format = "PNG"
    scene.view_settings.view_transform = "Standard"  # the texture's own colours, to compare with the photo


def _props(rig: bpy.types.Object) -> Iterator[tuple[str, bpy.types.ID, Matrix]]:
    """Lights, camera and backdrop: name, data, place."""
    center, _ = _frame(rig)
    for name, ((around, up), watts, size) in LIGHTS.items():
        light = bpy.data.lights.new(f"studio {name}", "AREA")
        light.energy, light.size = watts, size
        yield name, light, _looking_at(center, around, up, 1.0)
    camera = bpy.data.cameras.new("studio camera")
    camera.sensor_fit = "VERTICAL"
    camera.angle = FIELD
    yield "camera", camera, Matrix()
    mesh = bpy.data.meshes.new("studio backdrop")
    mesh.from_pydata([(-4, -4, -3), (4, -4, -3), (4, 4, -3), (-4, 4, -3)], [], [(0, 1, 2, 3)])
    material = bpy.data.materials.new("studio backdrop")
    use_nodes(material)
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = BACKDROP
    shader.inputs["Roughness"].default_value = 1.0
    mesh.materials.append(material)
    yield "backdrop", mesh, Matrix()


def _frame(rig: bpy.types.Object) -> tuple[Vector, float]:
    """Centre and height of the picture in metres: the head with its hair, from any side, and the neck below."""
    points = heads.positions(heads.keys(rig)[0])
    chin = rig.data.bones["jaw"].tail_local.z
    head = points[points[:, 2] > chin]
    low, high = head.min(0), head.max(0)
    height = float(high[2]) - chin
    width = max(high[0] - low[0], high[1] - low[1])
    frame = max(1.42 * height, 1.16 * float(width) * PANEL[1] / PANEL[0])
    middle = float(low[1] + high[1]) / 2
    return Vector((0.0, middle, high[2] + 0.09 * frame - frame / 2)), frame


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


def _write(rows: list[list[np.ndarray]], path: Path) -> None:
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
