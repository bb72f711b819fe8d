"""Photos of heads whose relief is known: folds, bags and wrinkles by formula, shaded per pixel under a known light."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..capture.albedo import TONES
from ..capture.complexion import HEMOGLOBIN, MELANIN, pigment
from ..capture.face_crop import SIZE
from ..capture.segmentation import Masks
from ..parametric.head import SHAPES, HeadModel
from ..parametric.lbs import rotation_matrix
from ..rendering.atlas import Atlas
from ..rendering.camera import Camera
from ..rendering.rasterise import interpolate, rasterise, triangulate
from ..rendering.shading import linear_to_srgb, shade, vertex_normals

SCALE = 2
"""Pixels of the photo for one of the masks."""
PIXELS_PER_METRE = 1500.0
NOISE = 1.5 / 255
"""Deviation of the sRGB values."""
GLOSS, SHARPNESS = 0.06, 40.0
"""Blinn's highlight: its strength and exponent."""
STEP = 1e-5
"""Metres, of the finite differences that give the relief's slopes."""
OCCLUDERS = ("none", "glasses", "beard")


@dataclass(frozen=True)
class FineHead:
    """A head, its photo, and the truth."""

    vertices: np.ndarray
    """[V, 3]."""
    camera: Camera
    pixels: np.ndarray
    """[H, W, 3] uint8."""
    masks: Masks
    marks: np.ndarray
    """[68, 3] the head's landmarks, to which relief and pigment keep."""
    smooth: np.ndarray
    """[V, 3] log reflectance but for its mottling."""
    seed: int

    def log_albedo(self, atlas: Atlas) -> np.ndarray:
        """The truth at texels, `[N, 3]`."""
        return atlas.gather(self.smooth) + _mottle(atlas.gather(self.vertices), self.seed)


def relief_height(points: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Metres `[N]` at `points` [N, 3]: folds from the nose's wings to past the corners of the mouth, bags under the
    eyes, lines across the forehead and from the eyes' outer corners."""
    height = np.zeros(len(points))
    unit = 1e-3
    for side, (wing, corner, outer, under) in ((-1, (31, 48, 36, (40, 41))), (1, (35, 54, 45, (46, 47)))):
        path = marks[[wing, corner]] + [[side * 0.004, 0.004, 0], [side * 0.008, 0, 0]]
        along, across = _segment(points, path[0], path[1], outward=side)
        height += unit * (-0.7 * _bell(across, 0.002) + 0.5 * _bell(across - 0.006, 0.004)) * _window(along)
        bag = points - marks[list(under)].mean(0) + [0, 0.011, 0]
        height += 0.6 * unit * _bell(bag[:, 0], 0.009) * _bell(bag[:, 1], 0.003) * _bell(bag[:, 2], 0.02)
        for turn in (-0.35, 0.0, 0.35):
            start = marks[outer] + [side * 0.007, 0, -0.004]
            end = start + 0.014 * np.array([side * np.cos(turn), np.sin(turn), -0.5])
            along, across = _segment(points, start, end, outward=side)
            height -= 0.15 * unit * _bell(across, 0.0008) * _window(along)
    brow = marks[[19, 24]].mean(0)
    above = points[:, 1] - brow[1]
    lines = sum(_bell(above - y - 0.002 * np.cos(points[:, 0] / 0.012), 0.001) for y in (0.016, 0.025, 0.034))
    return height - 0.25 * unit * lines * _bell(points[:, 0] - brow[0], 0.022) * (points[:, 2] > brow[2] - 0.03)


def fine_head(model: HeadModel, seed: int, occluder: str) -> FineHead:
    """The head of a `seed`, photographed with one of `OCCLUDERS` on it."""
    rng = np.random.default_rng(seed)
    vertices = model.shaped(0.5 * rng.standard_normal(SHAPES).astype(np.float32)).astype(np.float32)
    marks = vertices[model.landmarks68]
    turn = rotation_matrix(rng.normal(0, np.radians((4.0, 10.0, 3.0)))) @ np.diag([1.0, -1.0, -1.0])
    size = (SCALE * SIZE[0], SCALE * SIZE[1])
    middle = np.array([0, 0, 1.0]) - turn @ marks[[27, 30, 33]].mean(0)
    camera = Camera(SCALE * PIXELS_PER_METRE, (size[0] / 2, size[1] / 2), size, turn.astype(np.float32), middle)
    light = np.zeros((9, 3), np.float32)
    direction = np.array([rng.uniform(-0.6, 0.6), rng.uniform(0.2, 0.8), 0.8])
    direction /= np.linalg.norm(direction)
    light[:4] = np.array([2.6, *(1.5 * direction[[1, 2, 0]])])[:, None]
    light[4:] = rng.normal(0, 0.1, (5, 1))
    light *= 0.75 / shade(np.array([0, 0, 1.0]), light).mean()

    triangles = triangulate(model.faces)[0]
    triangles = triangles[model.vertex_part[triangles[:, 0]] != model.parts.index("lashes")]
    raster = rasterise(camera.project(vertices), triangles, size)
    corners, weights = triangles[raster.triangle[raster.covered]], raster.barycentric[raster.covered]
    points = interpolate(vertices, corners, weights)
    skin = model.vertex_part[corners[:, 0]] == model.parts.index("skin")
    bent = bent_normals(interpolate(vertex_normals(vertices, triangles), corners, weights), points, marks)
    tone = np.log([0.5, 0.3, 0.2]) + rng.uniform(0, 1) * (TONES[1] - np.log([0.5, 0.3, 0.2]))
    smooth = tone + pigment(model)
    albedo = np.exp(interpolate(smooth, corners, weights) + _mottle(points, seed))
    half = direction + (-turn.T @ middle) / np.linalg.norm(middle)
    gloss = GLOSS * np.clip(bent @ (half / np.linalg.norm(half)), 0, 1) ** SHARPNESS
    color = np.where(skin[:, None], albedo * shade(bent, light) + gloss[:, None], 0.6)

    hidden = np.zeros(len(points))
    if occluder == "glasses":
        hidden = (np.abs(points[:, 1] - marks[[37, 44]].mean(0)[1]) < 0.018).astype(float)
        color[hidden > 0] = 0.01
    elif occluder == "beard":
        hidden = (points[:, 1] < marks[[48, 54]].mean(0)[1] - 0.008).astype(float)
        hairs = rng.standard_normal(raster.covered.shape)
        color *= np.exp(-hidden * np.abs(cv2.GaussianBlur(hairs, (3, 7), 0))[raster.covered] * 2)[:, None]

    def image(values: np.ndarray) -> np.ndarray:
        result = np.zeros((*raster.covered.shape, *values.shape[1:]), np.float32)
        result[raster.covered] = values
        return result

    def mask(members: np.ndarray) -> np.ndarray:
        return cv2.resize(image(members.astype(np.float32)), SIZE, interpolation=cv2.INTER_AREA)

    none, shown = np.zeros(len(points)), skin * (1 - hidden)
    given = {"glasses": none, "beard": none, occluder: hidden}
    masks = Masks(
        transform=np.array([[1 / SCALE, 0, 0], [0, 1 / SCALE, 0]], np.float32),
        background=1 - mask(np.ones(len(points))),
        person=mask(np.ones(len(points))),
        skin=mask(shown + skin * given["beard"]),
        beard=mask(given["beard"]),
        glasses=mask(given["glasses"]),
        eyes=mask(~skin),
        **{name: mask(none) for name in ("hair", "clothes", "brows", "lips", "mouth_interior")},
    )
    noisy = linear_to_srgb(image(color)) + rng.normal(0, NOISE, (*raster.covered.shape, 3))
    pixels = (np.clip(noisy, 0, 1) * 255 + 0.5).astype(np.uint8)
    return FineHead(vertices, camera, pixels, masks, marks, smooth, seed)


def bent_normals(normals: np.ndarray, points: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Unit normals `[N, 3]` of the surface with normals `normals` [N, 3] when it has the relief."""
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    steps = STEP * np.eye(3)
    slope = np.stack([relief_height(points + h, marks) - relief_height(points - h, marks) for h in steps], 1)
    slope /= 2 * STEP
    bent = normals - (slope - normals * (slope * normals).sum(1, keepdims=True))
    return bent / np.linalg.norm(bent, axis=1, keepdims=True)


def _bell(distance: np.ndarray, deviation: float) -> np.ndarray:
    return np.exp(-0.5 * (distance / deviation) ** 2)


def _window(along: np.ndarray) -> np.ndarray:
    """1 in the middle of 0..1, 0 from its ends on."""
    inside = np.clip(along, 0, 1)
    return np.sin(np.pi * inside) ** 2


def _segment(points: np.ndarray, start: np.ndarray, end: np.ndarray, outward: int) -> tuple[np.ndarray, np.ndarray]:
    """Place `[N]` along a segment, 0..1, and metres `[N]` across it as seen from the front, positive `outward`."""
    line = end - start
    across = np.array([-line[1], line[0], 0.0])
    across *= np.sign(across[0] * outward or 1.0) / np.linalg.norm(across)
    near = points - start
    return near @ line / (line @ line), near @ across


def _mottle(points: np.ndarray, seed: int) -> np.ndarray:
    """Log colours `[N, 3]` of blood and melanin that vary over millimetres and centimetres."""
    rng = np.random.default_rng(seed + 1000)
    result = np.zeros((len(points), 3))
    for pigment_, strength in ((HEMOGLOBIN, 0.1), (MELANIN, 0.06)):
        waves = rng.standard_normal((12, 3)) * 2 * np.pi / np.exp(rng.uniform(np.log(0.004), np.log(0.04), (12, 1)))
        phase = rng.uniform(0, 2 * np.pi, 12)
        result += strength * np.sqrt(2 / 12) * np.cos(points @ waves.T + phase).sum(1)[:, None] * pigment_
    return result
