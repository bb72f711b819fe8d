"""The hair's material: its colour in the photo where it was seen, and strands of like colour and contrast elsewhere."""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import spsolve

from ..avatar import Material
from ..geometry.charts import box_charts
from ..rendering.camera import Camera
from ..rendering.rasterise import interpolate, rasterise
from ..rendering.shading import linear_to_srgb, srgb_to_linear
from .segmentation import Masks
from .texture import encode, pull_push

SIZE = 1024
STRAND_DEPTH = 0.0002
"""Metres of relief, one deviation of the strands' noise."""
EDGE = 0.0013
"""Metres above the skin at which the hair's edge breaks up into strands."""
CONTRAST = (0.12, 0.3)
"""Least and most deviation of log luminance among strands."""
DARK = 0.004
"""Linear value under which colours are not told apart."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
TINT = 0.75
"""Share of the photo's variation in colour that stays: what lies behind the hair shines through it."""
SHADE = 0.8
"""What is left of the light on average within the hair; the photo's colour over it is the hair's own."""
LIT = 0.6
"""Share of the photo's broad light and dark that stays."""


@dataclass(frozen=True)
class HairSurface:
    """The hair's mesh in the photo's pose."""

    vertices: np.ndarray
    """[V, 3] metres."""
    triangles: np.ndarray
    """[F, 3]."""
    normals: np.ndarray
    """[V, 3]."""
    height: np.ndarray
    """[V] metres above the skin."""
    crown: np.ndarray
    """[3] the middle of the skull: strands part round the axis from here to the whorl."""


def hair_material(
    surface: HairSurface, camera: Camera, pixels: np.ndarray, masks: Masks
) -> tuple[np.ndarray, np.ndarray, Material]:
    """Texture coordinates `[T, 2]`, their triangles `[F, 3]` and the material of hair seen in the photo `pixels`."""
    uv, uv_triangles, side = box_charts(surface.vertices, surface.triangles)
    chart = np.stack([uv[:, 0], 1 - uv[:, 1]], -1) * SIZE
    raster = rasterise(chart, uv_triangles, (SIZE, SIZE))
    corners = surface.triangles[raster.triangle[raster.covered]]
    barycentric = raster.barycentric[raster.covered]
    position = interpolate(surface.vertices.astype(np.float32), corners, barycentric)

    log, broad = _photo_colors(pixels, masks)
    low, contrast = _broad_colors(surface, camera, masks, log, broad)
    base = interpolate(low, corners, barycentric)
    trust = interpolate(_trust(surface, camera, masks), corners, barycentric)[:, None]
    crop = _to_crop(camera, masks, position)
    detail = _sample(log - broad, crop)
    luminance = (detail @ LUMINANCE)[:, None]
    detail = luminance + TINT * (detail - luminance)
    strands = _strands(position - surface.crown)

    relief = trust * np.clip(luminance / contrast, -2, 2) + (1 - trust) * strands[:, None]
    color = np.exp(base + trust * detail + (1 - trust) * contrast * strands[:, None])
    covered = raster.covered
    height = interpolate(surface.height.astype(np.float32), corners, barycentric)[:, None]
    opacity = 0.5 + 1.5 * (height - EDGE) / EDGE + 0.5 * strands[:, None]
    rgba = np.concatenate([linear_to_srgb(np.clip(color, 0, 1)), np.clip(opacity, 0, 1)], 1)
    material = Material(
        "hair",
        color_texture=_png(_image(covered, rgba)),
        normal_texture=encode(_normals(_image(covered, relief)[..., 0] * STRAND_DEPTH * SIZE / side)),
        roughness=0.7,
        alpha="clip",
        double_sided=True,
    )
    return uv, uv_triangles, material


def _photo_colors(pixels: np.ndarray, masks: Masks) -> tuple[np.ndarray, np.ndarray]:
    """Log linear colour [H, W, 3] of the crop, and its average over the hair nearby."""
    log = np.log(np.maximum(srgb_to_linear(masks.crop(pixels).astype(np.float32) / 255), DARK)).astype(np.float32)
    log = _without_background(log, masks)
    weight = cv2.erode((masks.hair > 0.8).astype(np.float32), np.ones((7, 7)))
    total = cv2.GaussianBlur(weight, (0, 0), 8.0)[..., None]
    broad = cv2.GaussianBlur(log * weight[..., None], (0, 0), 8.0) / (total + 1e-3)
    return log, np.where(total > 0.02, broad, log)


def _without_background(log: np.ndarray, masks: Masks) -> np.ndarray:
    """Take out of log colours [H, W, 3] whatever hue they share with the background, which shines through thin hair."""
    core = cv2.erode(masks.hair, np.ones((15, 15))) > 0.8
    core = core if core.any() else masks.hair > 0.5
    behind = (masks.background > 0.9) & (cv2.dilate(masks.hair, np.ones((61, 61))) > 0.5)
    if not behind.any():
        return log
    chroma = log - (log @ LUMINANCE)[..., None]
    own = np.median(chroma[core], axis=0)
    other = np.median(chroma[behind], axis=0)
    vivid = np.clip(np.linalg.norm(other) - 0.3, 0, 1)  # a grey background tints nothing
    towards = (other - own) / (np.linalg.norm(other - own) + 1e-6)
    return log - vivid * np.clip((chroma - own) @ towards, 0, None)[..., None] * towards


def _broad_colors(
    surface: HairSurface, camera: Camera, masks: Masks, log: np.ndarray, broad: np.ndarray
) -> tuple[np.ndarray, float]:
    """Broad log colour of each vertex [V, 3], diffused from the seen to the unseen, and the strands' contrast."""
    hair = masks.hair > 0.8
    mean = np.log(np.mean(np.exp(log[hair if hair.any() else masks.hair > 0.5]), axis=0))
    contrast = float(np.clip(((log - broad)[hair] @ LUMINANCE).std(), *CONTRAST)) if hair.any() else CONTRAST[0]
    seen = _sample(broad, _to_crop(camera, masks, surface.vertices))
    luminance = ((seen - mean) @ LUMINANCE)[:, None]
    seen = mean + LIT * luminance + TINT * (seen - mean - luminance)
    trust = _trust(surface, camera, masks)

    triangles = surface.triangles
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ones = np.ones(len(edges))
    graph = coo_matrix((ones, edges.T), (len(trust), len(trust)))
    graph = graph + graph.T
    system = diags(np.asarray(graph.sum(1)).ravel()) - graph + diags(trust + 0.002)
    right = trust[:, None] * seen + 0.002 * mean
    low = np.asarray(spsolve(system.tocsc(), right), np.float32).reshape(-1, 3) - np.log(SHADE)
    return low.astype(np.float32), contrast


def _trust(surface: HairSurface, camera: Camera, masks: Masks) -> np.ndarray:
    """0..1 how well the photo shows each vertex as hair: [V] float32."""
    eye = -camera.rotation.T @ camera.translation - surface.vertices
    facing = (surface.normals * eye).sum(1) / np.linalg.norm(eye, axis=1)
    crop = _to_crop(camera, masks, surface.vertices)
    height, width = masks.hair.shape
    depth = rasterise(np.concatenate([crop + 0.5, _depth(camera, surface.vertices)[:, None]], 1), surface.triangles,
                      (width, height)).depth  # fmt: skip
    column, row = np.clip(crop.round().astype(int), 0, [width - 1, height - 1]).T
    front = _depth(camera, surface.vertices) < depth[row, column] + 0.008
    solid = cv2.GaussianBlur(cv2.erode(masks.hair, np.ones((9, 9))), (0, 0), 1.5)
    return (np.clip((facing - 0.15) / 0.35, 0, 1) * front * np.clip(2 * solid[row, column] - 0.8, 0, 1)).astype(
        np.float32
    )


def _depth(camera: Camera, points: np.ndarray) -> np.ndarray:
    return camera.to_camera(points)[:, 2]


def _to_crop(camera: Camera, masks: Masks, points: np.ndarray) -> np.ndarray:
    """Crop pixels [N, 2] (centres at whole numbers) of points in head space."""
    return camera.project(points)[:, :2] @ masks.transform[:, :2].T + masks.transform[:, 2] - 0.5


def _sample(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values [N, C] of an image [H, W, C] at `points` [N, 2] (centres at whole numbers)."""
    at = points.T[::-1]
    return np.stack([ndimage.map_coordinates(c, at, order=1, mode="nearest") for c in np.moveaxis(image, -1, 0)], -1)


def _strands(offset: np.ndarray) -> np.ndarray:
    """Noise [N] of unit deviation, drawn out along strands that run from the whorl over the skull and hang down.

    `offset` [N, 3] is from the skull's middle. A strand keeps its angle round an axis that leaves the head at the
    whorl, behind the crown; along it only the height and the distance from the whorl change.
    """
    axis = np.array([0, np.cos(0.4), -np.sin(0.4)])
    side = np.array([1.0, 0, 0])
    front = np.cross(side, axis)
    angle = np.arctan2(offset @ side, offset @ front) / (2 * np.pi)
    along = np.arccos(np.clip(offset @ axis / (np.linalg.norm(offset, axis=1) + 1e-9), -1, 1)) * 0.1
    along = along + np.clip(-offset[:, 1], 0, None)
    sway = 0.003 * np.sin(along * 35 + 9 * np.sin(angle * 2 * np.pi * 2)) + 0.001 * np.sin(along * 90 + angle * 40)
    random = np.random.default_rng(0)
    total = np.zeros(len(offset), np.float32)
    for count, length, weight in ((48, 0.09, 0.5), (160, 0.08, 0.7), (520, 0.06, 0.8)):
        noise = ndimage.gaussian_filter(random.standard_normal((64, count * 2)), (0.7, 0.7), mode="wrap")
        noise /= noise.std()
        at = np.stack([along / length, (angle + sway) * count * 2]).astype(np.float32)
        total += weight * ndimage.map_coordinates(noise.astype(np.float32), at, order=1, mode="grid-wrap")
    return total / total.std()


def _png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _image(covered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values `[N, C]` of the covered texels as an image [SIZE, SIZE, C], carried on beyond the charts' borders."""
    image = np.zeros((*covered.shape, values.shape[1]), np.float32)
    image[covered] = values
    return pull_push(image, covered.astype(np.float32))


def _normals(height: np.ndarray) -> np.ndarray:
    """Tangent-space normals [H, W, 3] in 0..1 of a `height` [H, W] in texels."""
    right = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    up = -cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    normal = np.stack([-right, -up, np.ones_like(height)], -1)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True) * 0.5 + 0.5
