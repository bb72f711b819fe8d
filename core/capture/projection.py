"""What a photo shows of the skin: its colour at every texel that the camera saw, and how far to trust it."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas
from ..rendering.camera import Camera
from ..rendering.lookup import lookup
from ..rendering.rasterise import rasterise, triangulate
from ..rendering.shading import srgb_to_linear, vertex_normals
from .segmentation import Masks

DEPTH_SIZE = 1024
"""Pixels across the head in the visibility test."""
MARGIN = 0.003
"""Metres round an occluder, or round a mask's border, in which the photo is not believed: the fit is not better."""
GRAZING, FACING = 0.18, 0.6
"""Cosine between normal and view at which trust starts and is full."""
SEE_THROUGH = ("lashes", "left_cornea", "right_cornea")


@dataclass(frozen=True)
class Projection:
    """The seen texels, a subset of an Atlas' texels."""

    index: np.ndarray
    """[M] into the atlas' texels."""
    color: np.ndarray
    """[M, 3] linear RGB as in the photo."""
    trust: np.ndarray
    """[M] float32, 0..1."""
    pixels_per_metre: float
    """Of the photo, at the face."""


def project_photo(
    model: HeadModel, atlas: Atlas, vertices: np.ndarray, camera: Camera, pixels: np.ndarray, masks: Masks
) -> Projection:
    """Sample the photo `pixels` uint8 [H, W, 3] at the texels of the posed `vertices` [V, 3] that it shows."""
    projected = camera.project(vertices).astype(np.float32)
    triangles, _ = triangulate(model.faces)
    normals = vertex_normals(vertices, triangles)
    to_eye = -camera.rotation.T @ camera.translation - vertices
    facing = (normals * to_eye).sum(1) / np.linalg.norm(to_eye, axis=1)
    pixels_per_metre = float(camera.focal / np.median(projected[atlas.corners[::997, 0], 2]))

    index = np.flatnonzero((facing > GRAZING)[atlas.corners[:, 0]])
    vertex_data = np.concatenate([projected, facing[:, None]], 1, dtype=np.float32)
    data = atlas.interpolation[index] @ vertex_data
    points, depth, cosine = np.ascontiguousarray(data[:, :2]), data[:, 2], data[:, 3]
    trust = np.clip((cosine - GRAZING) / (FACING - GRAZING), 0, 1)
    trust *= _visible(model, triangles, projected, points, depth, cosine, MARGIN * pixels_per_metre)
    trust *= _on_skin(masks, points, MARGIN * pixels_per_metre)

    kept = trust > 0.01
    index, points, trust = index[kept], points[kept], trust[kept]
    color = _sample(pixels, points, pixels_per_metre / float(np.median(atlas.density[index])))
    return Projection(index, srgb_to_linear(color), trust.astype(np.float32), pixels_per_metre)


def _visible(
    model: HeadModel,
    triangles: np.ndarray,
    projected: np.ndarray,
    points: np.ndarray,
    depth: np.ndarray,
    cosine: np.ndarray,
    margin: float,
) -> np.ndarray:
    """[M] bool: nothing of the head, its eyes and teeth included, is in front of a point or within `margin` pixels."""
    low, high = projected[:, :2].min(0) - 2, projected[:, :2].max(0) + 2
    scale = DEPTH_SIZE / float((high - low).max())
    drawn = (projected - [*low, 0]) * [scale, scale, 1]
    hidden = np.isin(model.vertex_part[triangles[:, 0]], [i for i, p in enumerate(model.parts) if p in SEE_THROUGH])
    nearest = rasterise(drawn, triangles[~hidden], (DEPTH_SIZE, DEPTH_SIZE)).depth
    reach = max(1, round(margin * scale))
    nearest = cv2.erode(nearest, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    column, row = np.clip(((points - low) * scale).astype(np.int32), 0, DEPTH_SIZE - 1).T
    slope = np.sqrt(1 - np.clip(cosine, 0.05, 1) ** 2) / np.clip(cosine, 0.05, 1)
    return depth < nearest[row, column] + MARGIN * (1.5 + 2 * slope)


def _on_skin(masks: Masks, points: np.ndarray, margin: float) -> np.ndarray:
    """[M] trust 0..1 that photo pixels `points` [M, 2] show skin, lips, brows or beard."""
    scale = float(np.hypot(*masks.transform[:, 0]))
    radius = max(1, round(margin * scale))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    wanted = np.clip(masks.skin + masks.lips + masks.brows + masks.beard, 0, 1)
    wanted = cv2.erode(np.clip(wanted + masks.eyes + masks.mouth_interior, 0, 1), kernel)
    wanted *= 1 - cv2.dilate(np.clip(masks.eyes + masks.mouth_interior, 0, 1), kernel)
    wanted *= 1 - cv2.dilate(masks.glasses, kernel)
    wanted = cv2.GaussianBlur(np.clip(2 * wanted - 1, 0, 1), (0, 0), radius)
    return lookup(wanted, points @ masks.transform[:, :2].T + masks.transform[:, 2])


def _sample(pixels: np.ndarray, points: np.ndarray, reduction: float) -> np.ndarray:
    """sRGB 0..1 `[M, 3]` of the photo at `points` [M, 2], averaged first where `reduction` pixels meet in a texel."""
    image = pixels
    if reduction > 1.3:
        image = cv2.resize(pixels, None, fx=1 / reduction, fy=1 / reduction, interpolation=cv2.INTER_AREA)
        points = points * (np.array(image.shape[1::-1]) / pixels.shape[1::-1])
    color = lookup(image.astype(np.float32) / 255, points, cv2.INTER_CUBIC)
    return np.clip(color, 0, 1)
