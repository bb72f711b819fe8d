"""Brows as fine hairs that grow on the skin where the photo shows them, bound to it so that brow keys move them."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy import ndimage

from ..avatar import Material, Part
from ..parametric.assembly import MATERIALS
from ..parametric.head import HeadModel
from ..rendering.camera import Camera
from ..rendering.rasterise import Raster, rasterise, triangulate
from ..rendering.shading import srgb_to_linear, vertex_normals
from .albedo import LUMINANCE
from .face_crop import BROWS, SIZE
from .fit import HeadFit
from .photo import Photo
from .segmentation import Masks

HAIRS = (90, 260)
"""Fewest and most hairs of one brow."""
LENGTH = (0.0045, 0.008)
"""Metres, at the ends and in the middle of a brow."""
WIDTH = 0.00028
"""Metres at the root; hairs taper to a point."""
LIFT = np.array([-0.0002, 0.0006, 0.0007, 0.0004], np.float32)
"""Metres above the skin at the joints of a hair, root first."""
RISE = np.radians((75.0, 8.0))
"""How steeply hairs rise from the brow's line at its inner and its outer end."""
JOINTS = len(LIFT)
LASHES = 0.45
"""Luminance of lashes over that of the brows' hairs: they are the darkest hair of a face."""
LASH_RANGE = (0.006, 0.08)
"""Luminance that lashes can have."""


@dataclass(frozen=True)
class _Surface:
    """The skin as the crop shows it, filled in beyond its border."""

    raster: Raster
    triangles: np.ndarray
    """[F, 3]."""
    position: np.ndarray
    """[H, W, 3]."""
    normal: np.ndarray
    """[H, W, 3]."""
    pixel: float
    """Metres a crop pixel."""


def grow_brows(
    model: HeadModel, fit: HeadFit, photo: Photo, masks: Masks, exposure: np.ndarray
) -> tuple[Part, Material] | None:
    """Both brows of the person in `photo`, bound to the skin of `model`; None where there are none to see.

    `exposure` [3] is the linear colour that a white card on the face would have.
    """
    posed = model.vertices(fit.beta, fit.psi, fit.theta)
    surface = _skin_surface(model, posed, fit.camera, masks)
    linear = srgb_to_linear(masks.crop(photo.pixels).astype(np.float32) / 255)
    strength = _strength(masks, linear) * surface.raster.covered
    landmarks = fit.landmarks @ masks.transform[:, :2].T + masks.transform[:, 2]
    random = np.random.default_rng(0)
    paths = np.concatenate([_hairs(strength, landmarks[ring], surface.pixel, random) for ring in BROWS])
    if len(paths) == 0:
        return None
    vertices, across = _ribbons(paths, surface)
    binding, shares = _carriers(paths, surface)
    binding, shares = np.repeat(binding, 2, axis=0), np.repeat(shares, 2, axis=0)
    moved = model.shaped(fit.beta) - posed
    faces = _ribbon_faces(len(paths))
    part = Part(
        name="brows",
        vertices=(vertices + np.einsum("vk,vkc->vc", shares, moved[binding])).astype(np.float32),
        faces=faces,
        uv=across,
        faces_uv=faces,
        face_material=np.zeros(len(faces), np.int32),
        weights=np.zeros((len(vertices), 0), np.float32),
        binding=binding.astype(np.int32),
        binding_weights=shares.astype(np.float32),
    )
    color = _color(linear / exposure, strength)
    return part, Material("brows", (*color.tolist(), 1.0), roughness=0.6, double_sided=True)


def lash_material(brows: Material) -> Material:
    """The lashes of somebody with such `brows`: of their hue, darker, and never black on a fair face."""
    color = np.array(brows.color[:3])
    luminance = float(color @ LUMINANCE)
    darker = np.clip(LASHES * luminance, *LASH_RANGE) / max(luminance, 1e-4)
    return replace(MATERIALS["lashes"], color=(*np.clip(darker * color, 0, 1).tolist(), 1.0))


def _skin_surface(model: HeadModel, posed: np.ndarray, camera: Camera, masks: Masks) -> _Surface:
    triangles, _ = triangulate(model.faces[model.face_part == model.parts.index("skin")])
    projected = camera.project(posed)
    projected[:, :2] = projected[:, :2] @ masks.transform[:, :2].T + masks.transform[:, 2]
    raster = rasterise(projected, triangles, SIZE)
    nearest = ndimage.distance_transform_edt(~raster.covered, return_distances=False, return_indices=True)
    images = []
    for values in (posed, vertex_normals(posed, triangles)):
        image = np.zeros((*masks.hair.shape, 3), np.float32)
        image[raster.covered] = raster.interpolate(triangles, values.astype(np.float32))
        images.append(cv2.GaussianBlur(image[tuple(nearest)], (0, 0), 0.7))
    middle = projected[triangles[:, 0], 2].mean()
    pixel = float(middle / camera.focal / np.hypot(*masks.transform[:, 0]))
    return _Surface(raster, triangles, images[0], images[1], pixel)


def _strength(masks: Masks, linear: np.ndarray) -> np.ndarray:
    """0..1 how much brow [H, W] the photo shows: the mask, where it is darker than the skin around."""
    luminance = np.log(linear @ LUMINANCE + 0.01)
    skin = masks.skin * (1 - masks.glasses)
    around = cv2.GaussianBlur(luminance * skin, (0, 0), 10.0) / (cv2.GaussianBlur(skin, (0, 0), 10.0) + 1e-3)
    darker = np.clip((around - luminance) / 0.5, 0.1, 1)
    return masks.brows * darker * (1 - masks.glasses) * (masks.hair < 0.5)


def _hairs(strength: np.ndarray, ring: np.ndarray, pixel: float, random: np.random.Generator) -> np.ndarray:
    """Paths of one brow's hairs over the crop, `[N, JOINTS, 2]` pixels, root first.

    `ring` `[10, 2]` are the brow's landmarks: five along the upper and five along the lower border.
    """
    zone = np.zeros_like(strength)
    cv2.fillPoly(zone, [np.round(ring.mean(0) + (ring - ring.mean(0)) * (1.15, 1.3)).astype(np.int32)], 1.0)
    chance = strength * cv2.GaussianBlur(zone, (0, 0), 1.0)
    if chance.sum() < 1:
        return np.zeros((0, JOINTS, 2))
    count = int(np.clip(2.2 * chance.sum(), *HAIRS))
    chosen = random.choice(chance.size, count, p=chance.ravel() / chance.sum())
    root = np.stack(np.unravel_index(chosen, chance.shape), -1)[:, ::-1] + random.random((count, 2))

    # FaceMesh lists a brow's upper border from its outer to its inner end, then the lower one from the inner end.
    outer, inner = ring[[0, 9]].mean(0), ring[[4, 5]].mean(0)
    axis = outer - inner
    outward = axis / np.linalg.norm(axis)
    up = np.array([outward[1], -outward[0]]) * np.sign(outward[0])
    along = np.clip((root - inner) @ outward / np.linalg.norm(axis), 0, 1)
    upper, lower = ring[:5][::-1], ring[5:]
    top, bottom = (np.interp(along, np.linspace(0, 1, 5), (line - inner) @ up) for line in (upper, lower))
    height = np.clip(((root - inner) @ up - bottom) / np.maximum(top - bottom, 1), 0, 1)
    middle = (upper + lower) / 2
    slope = np.interp(along, np.linspace(0, 1, 5), np.gradient((middle - inner) @ up, (middle - inner) @ outward))
    angle = np.arctan(slope) + RISE[1] + (RISE[0] - RISE[1]) * (1 - along) ** 2.5
    angle += np.where(along > 0.25, (0.5 - height) * 0.7, 0) + random.normal(0, 0.12, count)
    length = (LENGTH[0] + (LENGTH[1] - LENGTH[0]) * np.sin(np.pi * along)) * random.uniform(0.7, 1.1, count) / pixel

    bend = -0.35 * (0.3 + along)
    step = np.zeros((count, JOINTS, 2))
    for joint in range(1, JOINTS):
        turned = (angle + bend * (joint - 1) / (JOINTS - 2))[:, None]
        step[:, joint] = (np.cos(turned) * outward + np.sin(turned) * up) * (length / (JOINTS - 1))[:, None]
    return root[:, None] + np.cumsum(step, axis=1)


def _ribbons(paths: np.ndarray, surface: _Surface) -> tuple[np.ndarray, np.ndarray]:
    """Two vertices for each joint of each hair, `[N JOINTS 2, 3]` metres, and their texture coordinates."""
    position, normal = (_sample(image, paths) for image in (surface.position, surface.normal))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    center = position + normal * LIFT[None, :, None]
    forward = np.gradient(center, axis=1)
    side = np.cross(normal, forward)
    side /= np.linalg.norm(side, axis=-1, keepdims=True) + 1e-12
    taper = np.array([0.8, 1.0, 0.7, 0.0], np.float32)
    half = side * (taper * WIDTH / 2)[None, :, None]
    vertices = np.stack([center + half, center - half], 2).reshape(-1, 3)
    along = np.linspace(0, 1, JOINTS, dtype=np.float32)
    uv = np.stack(np.meshgrid([0, 1], along), -1).reshape(-1, 2)
    return vertices, np.tile(uv, (len(paths), 1)).astype(np.float32)


def _ribbon_faces(count: int) -> np.ndarray:
    """Quads `[count (JOINTS - 1), 4]` of `count` ribbons; the last of each is a triangle: its tip is a point."""
    first = np.arange(JOINTS - 1) * 2
    quad = np.stack([first, first + 1, first + 3, first + 2], -1)
    quad[-1] = [quad[-1, 0], quad[-1, 1], quad[-1, 2], quad[-1, 2]]
    return (np.arange(count)[:, None, None] * 2 * JOINTS + quad).reshape(-1, 4).astype(np.int32)


def _carriers(paths: np.ndarray, surface: _Surface) -> tuple[np.ndarray, np.ndarray]:
    """The skin triangle under each joint's root, its vertices `[N JOINTS, 3]` and shares: a hair moves as one."""
    height, width = surface.raster.triangle.shape
    column, row = np.clip(paths[:, 0].astype(int), 0, [width - 1, height - 1]).T
    vertices = surface.triangles[surface.raster.triangle[row, column]]
    shares = surface.raster.barycentric[row, column]
    return np.repeat(vertices, JOINTS, axis=0), np.repeat(shares / shares.sum(1, keepdims=True), JOINTS, axis=0)


def _sample(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of `image` [H, W, C] at crop pixels `points` [..., 2]."""
    at = np.moveaxis(points[..., ::-1] - 0.5, -1, 0)
    return np.stack([ndimage.map_coordinates(c, at, order=1, mode="nearest") for c in np.moveaxis(image, -1, 0)], -1)


def _color(linear: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Linear colour [3] of the hairs: the darker part of the brows, since skin shows between hairs.

    Never greener than red nor bluer than green, as no hair is: that is make-up, or glass.
    """
    sure = strength >= np.quantile(strength[strength > 0], 0.7)
    color = np.clip(np.quantile(linear[sure], 0.3, axis=0) * 0.8, 0.004, 0.6)
    return np.minimum.accumulate(color)
