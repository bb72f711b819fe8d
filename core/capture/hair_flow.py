"""Which way hair runs over its surface, and the fine strands drawn along it.

Where the photo shows strands, they run as its structure tensor says (Bigün and Granlund, "Optimal orientation
detection of linear symmetry", 1987); elsewhere from the whorl over the skull and down. The strands themselves are noise
averaged along that flow (Cabral and Leedom, "Imaging vector fields using line integral convolution", 1993), in space
and not in the texture, so that no seam of a chart shows.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from scipy import ndimage
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree

from ..rendering.camera import Camera
from .segmentation import Masks

WHORL = np.array([0, np.cos(0.4), -np.sin(0.4)])
"""From the skull's middle to where strands begin."""
SWEEP = 0.8
"""How far sideways strands are taken to run, against down, where it is open which end of them is the root."""
CELL = 0.005
"""Metres between samples of the flow in space."""
STRAND, HELD, STEPS = 0.036, 0.009, 9
"""Metres over which the noise is averaged, metres for which the flow is held to be straight, and samples in those."""
THIN = 0.0008
OCTAVES = (((THIN, 1.0), (0.002, 0.35)), ((0.004, 0.5), (0.008, 1.0)))
"""Of strands and of locks: widths in metres, and their weights before they are averaged along the flow."""
TILE = 128
"""Cells of the noise, which repeats: a power of two."""


@dataclass(frozen=True)
class HairFlow:
    """Unit vectors along the strands and out of the hair, on a grid of CELL."""

    low: np.ndarray
    """[3] metres: the grid's corner."""
    grid: torch.Tensor
    """[1, 6, X, Y, Z] flow and normal."""

    @classmethod
    def of(cls, vertices: np.ndarray, normals: np.ndarray, flow: np.ndarray) -> "HairFlow":
        """The flow `[V, 3]` and `normals` [V, 3] of the hair's surface, carried into the space around it."""
        low = vertices.min(0) - 4 * CELL
        axes = [np.arange(a, b, CELL) for a, b in zip(low, vertices.max(0) + 4 * CELL, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
        _, nearest = cKDTree(vertices).query(points.reshape(-1, 3))
        values = np.concatenate([flow, normals], 1)[nearest].reshape((*points.shape[:3], 6))
        values = ndimage.gaussian_filter(values, (1, 1, 1, 0))
        return cls(low, torch.from_numpy(np.moveaxis(values, -1, 0)[None].astype(np.float32)))

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Flow and normal `[N, 3]` at `points` [N, 3], both of length 1."""
        size = np.array(self.grid.shape[2:])
        place = (2 * (points - self.low) / CELL / (size - 1) - 1).astype(np.float32)
        values = _sample(self.grid, place)
        flow, normal = (v / (np.linalg.norm(v, axis=1, keepdims=True) + 1e-9) for v in (values[:, :3], values[:, 3:]))
        return flow, normal

    def strands(self, points: np.ndarray) -> np.ndarray:
        """Noise of unit deviation at `points` [N, 3], drawn out along the flow: of strands and of locks, `[N, 2]`."""
        tiles = [tile.ravel() for tile in _noise()]
        total = np.zeros((len(tiles), len(points)), np.float32)
        for direction in (1, -1):
            at = points.astype(np.float32)
            for _ in range(round(STRAND / 2 / HELD)):
                way = np.float32(direction * HELD) * self.at(at)[0]
                start = (at - points.min(0)).astype(np.float32) / np.float32(THIN) + TILE
                step = way / np.float32(THIN * STEPS)
                for sample in range(STEPS):
                    total[0] += tiles[0][_cell(start + np.float32(sample + 0.5) * step)]
                total[1] += tiles[1][_cell(start + np.float32(STEPS / 2) * step)]
                at = at + way
        return (total / total.std(1, keepdims=True)).T


def _cell(place: np.ndarray) -> np.ndarray:
    """Index `[N]` into a tile's cells of a `place` [N, 3] counted in cells, none below -TILE."""
    cell = place.astype(np.int32) & (TILE - 1)
    return (cell[:, 0] * TILE + cell[:, 1]) * TILE + cell[:, 2]


def _noise() -> np.ndarray:
    """Tiles of noise [2, TILE, TILE, TILE] whose cells are THIN, that repeat without a seam."""
    white = np.random.default_rng(0).standard_normal((TILE,) * 3).astype(np.float32)
    tiles = np.zeros((len(OCTAVES), *white.shape), np.float32)
    for tile, octaves in zip(tiles, OCTAVES, strict=True):
        for width, weight in octaves:
            octave = ndimage.gaussian_filter(white[::-1], width / THIN / 2, mode="wrap") if width > THIN else white
            tile += weight * octave / octave.std()
    return tiles


def _sample(grid: torch.Tensor, place: np.ndarray) -> np.ndarray:
    """Values [N, C] of a `grid` [1, C, X, Y, Z] at `place` [N, 3], its corners at -1 and 1."""
    at = torch.from_numpy(np.ascontiguousarray(place[None, None, None, :, ::-1]))
    return torch.nn.functional.grid_sample(grid, at, padding_mode="border", align_corners=True)[0, :, 0, 0].T.numpy()


def surface_flow(
    offset: np.ndarray,
    triangles: np.ndarray,
    normals: np.ndarray,
    seen: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Unit tangents `[V, 3]` along the strands at places `offset` [V, 3] from the skull's middle.

    `seen` is what the photo shows (`photo_flow`): directions without sign, and how sure they are.
    """
    out = offset / (np.linalg.norm(offset, axis=1, keepdims=True) + 1e-9)
    away = (out @ WHORL)[:, None] * out - WHORL
    fall = np.clip(0.5 - offset[:, 1:2] / 0.1, 0, 1)
    rest = _unit(_tangent(away * (1 - fall) + fall * [0, -1, 0], normals))
    direction, sure = seen
    sweeps = [rest + _tangent(np.array([[side, 0.0, 0.0]]), normals) for side in (-SWEEP, SWEEP)]
    sweep = max(sweeps, key=lambda way: (sure * np.abs((direction * way).sum(1))).sum())
    direction = direction * np.where((direction * sweep).sum(1) < 0, -1, 1)[:, None]
    flow = diffused(triangles, sure, direction, 0.02, rest)
    return _unit(_tangent(flow, normals))


def photo_flow(
    image: np.ndarray, camera: Camera, masks: Masks, crop: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Direction `[V, 3]` in which the log luminance `image` [H, W] runs at crop pixels `crop` [V, 2] on a surface with
    `normals` [V, 3], and its sureness `[V]` 0..1."""
    across, down = cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1)
    inside = (cv2.erode(masks.hair, np.ones((9, 9))) > 0.5).astype(np.float32)
    tensor = np.stack([across * across - down * down, 2 * across * down, across * across + down * down], -1)
    tensor = cv2.GaussianBlur(tensor * inside[..., None], (0, 0), 6.0)
    at = crop.T[::-1]
    cosine, sine, energy = (ndimage.map_coordinates(t, at, order=1, mode="nearest") for t in np.moveaxis(tensor, -1, 0))
    angle = np.arctan2(sine, cosine) / 2 + np.pi / 2  # strands run across the gradient
    axes = masks.transform[:, :2] / np.hypot(*masks.transform[:, 0])
    plane = np.stack([np.cos(angle), np.sin(angle)], -1) @ axes  # turned from the crop into the photo
    flat = plane @ camera.rotation[:2]
    view = camera.rotation[2]
    slant = (normals @ view)[:, None]
    direction = flat - (flat * normals).sum(1, keepdims=True) / np.minimum(slant, -0.2) * view
    return _unit(direction), np.clip(3 * np.hypot(cosine, sine) / (energy + 1e-6) - 0.2, 0, 1)


def diffused(
    triangles: np.ndarray, weight: np.ndarray, values: np.ndarray, anchor: float, rest: np.ndarray
) -> np.ndarray:
    """Values `[V, C]` known with `weight` [V], spread over the mesh; far from there they tend to `rest`."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), (len(weight), len(weight)))
    graph = graph + graph.T
    system = diags(np.asarray(graph.sum(1)).ravel()) - graph + diags(weight + anchor)
    return np.asarray(spsolve(system.tocsc(), weight[:, None] * values + anchor * rest), np.float32)


def _tangent(vectors: np.ndarray, normals: np.ndarray) -> np.ndarray:
    return vectors - (vectors * normals).sum(1, keepdims=True) * normals


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / (np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9)
