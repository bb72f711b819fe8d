"""A photo whose truth is known: the mean head, drawn with a given albedo under a given light, on a given background."""

from dataclasses import dataclass

import numpy as np

from likeness.core.capture.face_crop import SIZE
from likeness.core.capture.segmentation import Masks
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.camera import Camera
from likeness.core.rendering.rasterise import interpolate, rasterise, triangulate
from likeness.core.rendering.shading import linear_to_srgb, shade, vertex_normals

FRONT = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
LIGHT = np.array([2.6, 0.5, 0.6, 0.45, 0.1, -0.1, 0.05, 0.15, 0.05], np.float32)[:, None] * np.ones(3, np.float32)
"""From above, the front and the subject's left."""


@dataclass(frozen=True)
class Scene:
    pixels: np.ndarray
    """[H, W, 3] uint8, of the size of the masks."""
    masks: Masks
    camera: Camera
    vertices: np.ndarray


def draw(
    model: HeadModel,
    albedo: np.ndarray,
    *,
    light: np.ndarray = LIGHT,
    background: tuple[float, float, float] = (0.5, 0.5, 0.5),
    eyes: tuple[float, float, float] = (0.7, 0.7, 0.7),
    hair: np.ndarray | None = None,
) -> Scene:
    """Draw the mean head with linear `albedo` [V, 3] of the skin; `hair` [V] bool is hidden under green."""
    camera = Camera(1500.0, (256.0, 300.0), SIZE, FRONT, np.array([0, 0, 1.0], np.float32))
    triangles, _ = triangulate(model.faces)
    drawn = ~np.isin(model.vertex_part[triangles[:, 0]], [model.parts.index("lashes")])
    triangles = triangles[drawn]
    raster = rasterise(camera.project(model.v_template), triangles, SIZE)
    covered, corners = raster.covered, triangles[raster.triangle[raster.covered]]
    weights = raster.barycentric[covered]
    is_skin = model.vertex_part[corners[:, 0]] == model.parts.index("skin")
    colors = np.where(is_skin[:, None], interpolate(albedo, corners, weights), eyes)
    hidden = np.zeros(len(corners), bool) if hair is None else hair[corners].all(1)
    colors[hidden] = (0.0, 0.8, 0.0)
    normals = interpolate(vertex_normals(model.v_template, triangles), corners, weights)
    image = np.broadcast_to(np.array(background), (*covered.shape, 3)).copy()
    image[covered] = colors * shade(normals / np.linalg.norm(normals, axis=1, keepdims=True), light)

    def mask(member: np.ndarray) -> np.ndarray:
        result = np.zeros(covered.shape, np.float32)
        result[covered] = member
        return result

    empty = np.zeros(covered.shape, np.float32)
    masks = Masks(
        transform=np.eye(2, 3, dtype=np.float32),
        person=mask(True),
        background=1 - mask(True),
        skin=mask(is_skin & ~hidden),
        hair=mask(hidden),
        clothes=empty,
        beard=empty,
        brows=empty,
        eyes=mask(~is_skin & ~hidden),
        lips=empty,
        mouth_interior=empty,
        glasses=empty,
    )
    pixels = (linear_to_srgb(image) * 255 + 0.5).astype(np.uint8)
    return Scene(pixels, masks, camera, model.v_template)
