"""The hair's colours, from the photo where it was seen and carried on to where it was not."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from ..geometry.smoothstep import smoothstep
from ..rendering.camera import Camera
from ..rendering.rasterise import rasterise
from ..rendering.shading import srgb_to_linear
from .hair_flow import HairFlow, diffused, photo_flow, surface_flow
from .segmentation import Masks

CONTRAST = np.array([[0.06, 0.05], [0.14, 0.16]])
"""Least and most deviation of log luminance among strands and among locks."""
FACING = (0.1, 0.8)
"""Cosine to the camera from which the photo counts, and that from which it counts in full: the hand-over is broad."""
DARK = 0.004
"""Linear value under which colours are not told apart."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
TINT = 0.5
"""Share of the photo's variation in colour that stays: what lies behind the hair shines through it."""
LIT = 0.55
"""Share of the photo's broad light and dark that stays."""
CHROMA = 0.9
"""Share of the mean colour's saturation that stays: light between strands has saturated it."""
SHADE = np.array([0.9, 0.66], np.float32)
"""What strands leave of the light where the photo shows them and where it does not, there with no highlights."""
FAIREST = 0.5
"""Mean luminance that hair can have: what is more is the light's, which white hair throws back into the lens."""
LOCK = 3.0
"""Pixels of the crop: finer light and dark is of strands, coarser of locks."""
PALE = 0.12
"""Luminance from which hair is as pale as SHADE has it."""


@dataclass(frozen=True)
class Shell:
    """The hair's closed surface in the photo's pose."""

    vertices: np.ndarray
    """[V, 3] metres."""
    triangles: np.ndarray
    """[F, 3]."""
    normals: np.ndarray
    """[V, 3]."""
    height: np.ndarray
    """[V] metres above the skin."""
    crown: np.ndarray
    """[3] the middle of the skull."""


@dataclass(frozen=True)
class HairColors:
    """What is known of the hair's colour at the vertices of its shell, as logarithms of linear RGB."""

    detail: Callable[[np.ndarray], np.ndarray]
    """Points `[N, 3]` to what the photo adds to its own broad colours there, `[N, 3]`."""
    base: np.ndarray
    """[V, 3] broad colours."""
    trust: np.ndarray
    """[V] 0..1 how well the photo shows each vertex as hair."""
    contrast: np.ndarray
    """[2] deviation of log luminance among strands and among locks."""
    flow: HairFlow

    @classmethod
    def of(cls, shell: Shell, camera: Camera, pixels: np.ndarray, masks: Masks, exposure: np.ndarray) -> "HairColors":
        """The colours of hair seen in the photo `pixels` [H, W, 3], under light of `exposure` [3]."""
        log, broad = _photo_colors(pixels, masks)
        trust = _trust(shell, camera, masks)
        hair = masks.hair > 0.8
        hair = hair if hair.any() else masks.hair > 0.5
        mean = np.log(np.mean(np.exp(log[hair]), axis=0))
        crop = to_crop(camera, masks, shell.vertices)
        seen = sample(broad, crop)
        luminance = ((seen - mean) @ LUMINANCE)[:, None]
        seen = mean + LIT * luminance + TINT * (seen - mean - luminance)
        rest = np.average(seen, axis=0, weights=trust + 1e-6)  # a side is as light as what is seen of the front
        base = diffused(shell.triangles, trust**4, seen, 0.002, rest) - np.log(exposure)
        level = (mean - np.log(exposure)) @ LUMINANCE
        base = base - np.maximum(level - np.log(FAIREST), 0)
        base = base - (1 - CHROMA) * (base - (base @ LUMINANCE)[:, None])
        pale = np.clip(np.exp(mean) @ LUMINANCE / PALE, 0, 1)  # dark hair passes on little light
        unseen = SHADE[0] + (SHADE[1] - SHADE[0]) * pale
        base = base - np.log(unseen + (SHADE[0] - unseen) * trust[:, None])
        detail = log - broad
        luminance = (detail @ LUMINANCE)[..., None]
        detail = luminance + TINT * (detail - luminance)
        contrast = np.clip(_contrast(detail @ LUMINANCE, broad @ LUMINANCE, hair), *CONTRAST)
        direction, sure = photo_flow(log @ LUMINANCE, camera, masks, crop, shell.normals)
        flow = surface_flow(shell.vertices - shell.crown, shell.triangles, shell.normals, (direction, sure * trust))
        field = HairFlow.of(shell.vertices, shell.normals, flow)

        def seen_detail(points: np.ndarray) -> np.ndarray:
            return sample(detail, to_crop(camera, masks, points))

        return cls(seen_detail, base.astype(np.float32), trust, contrast, field)

    @classmethod
    def plain(cls, shell: Shell, color: np.ndarray) -> "HairColors":
        """Hair of one linear colour [3], which no photo shows."""
        unseen = np.zeros(len(shell.vertices), np.float32)
        flow = surface_flow(shell.vertices - shell.crown, shell.triangles, shell.normals, (shell.normals, unseen))
        field = HairFlow.of(shell.vertices, shell.normals, flow)
        base = np.tile(np.log(color).astype(np.float32), (len(unseen), 1))
        return cls(np.zeros_like, base, unseen, CONTRAST.mean(0), field)


def _photo_colors(pixels: np.ndarray, masks: Masks) -> tuple[np.ndarray, np.ndarray]:
    """Log linear colour [H, W, 3] of the crop, and its average over the hair nearby."""
    log = np.log(np.maximum(srgb_to_linear(masks.crop(pixels).astype(np.float32) / 255), DARK)).astype(np.float32)
    log = _without_background(log, masks)
    weight = cv2.erode((masks.hair > 0.8).astype(np.float32), np.ones((7, 7)))
    total = cv2.GaussianBlur(weight, (0, 0), 8.0)[..., None]
    broad = cv2.GaussianBlur(log * weight[..., None], (0, 0), 8.0) / (total + 1e-3)
    return log, np.where(total > 0.02, broad, log)


def _contrast(detail: np.ndarray, broad: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """Deviation [2] of log luminance among the strands and among the locks that the photo shows where `hair` is:
    `detail` [H, W] is what it adds to `broad` [H, W].
    """
    coarse = cv2.GaussianBlur(detail, (0, 0), LOCK)
    waves = LIT * (broad - cv2.GaussianBlur(broad, (0, 0), 4 * LOCK))
    return np.array([(detail - coarse)[hair].std(), np.hypot(coarse[hair].std(), waves[hair].std())])


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


def _trust(shell: Shell, camera: Camera, masks: Masks) -> np.ndarray:
    """0..1 how well the photo shows each vertex as hair: [V] float32."""
    eye = -camera.rotation.T @ camera.translation - shell.vertices
    facing = (shell.normals * eye).sum(1) / np.linalg.norm(eye, axis=1)
    crop = to_crop(camera, masks, shell.vertices)
    height, width = masks.hair.shape
    depth = rasterise(np.concatenate([crop + 0.5, _depth(camera, shell.vertices)[:, None]], 1), shell.triangles,
                      (width, height)).depth  # fmt: skip
    column, row = np.clip(crop.round().astype(int), 0, [width - 1, height - 1]).T
    front = _depth(camera, shell.vertices) < depth[row, column] + 0.008
    solid = cv2.GaussianBlur(cv2.erode(masks.hair, np.ones((9, 9))), (0, 0), 1.5)
    return (smoothstep(facing, *FACING) * front * np.clip(2 * solid[row, column] - 0.8, 0, 1)).astype(np.float32)


def _depth(camera: Camera, points: np.ndarray) -> np.ndarray:
    return camera.to_camera(points)[:, 2]


def to_crop(camera: Camera, masks: Masks, points: np.ndarray) -> np.ndarray:
    """Crop pixels [N, 2] (centres at whole numbers) of points in head space."""
    return camera.project(points)[:, :2] @ masks.transform[:, :2].T + masks.transform[:, 2] - 0.5


def sample(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values [N, C] of an image [H, W, C] at `points` [N, 2] (centres at whole numbers)."""
    at = points.T[::-1]
    return np.stack([ndimage.map_coordinates(c, at, order=1, mode="nearest") for c in np.moveaxis(image, -1, 0)], -1)
