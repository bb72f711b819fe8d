"""Normal maps of training heads from all around: what the tri-plane's 2D losses compare with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track
from scipy.spatial.transform import Rotation

from ...rendering.rasterise import rasterise
from .samples import HEADS as TRAINING_HEADS
from .sampling import HeadGenerator, HeadMesh, samples_folder

SIZE = 48
EVERY, VIEWS = 6, 4
"""Of every sixth training head, four maps."""
DEPTH = 0.6
"""Metres a ray is long; the head is at its middle."""
_WINDOWS = ((0.2, (0.0, 0.0, 0.0)), (0.075, (0.0, -0.01, 0.06)))
"""Half the width of what a map shows in metres, and its centre: the head, the face."""


@dataclass(frozen=True)
class NormalMaps:
    """N maps of `SIZE` by `SIZE` pixels, seen by parallel rays."""

    head: np.ndarray
    """[N] index of the training head."""
    frame: np.ndarray
    """[N, 3, 3] rows: the map's x, y (downwards) and the rays' direction."""
    center: np.ndarray
    """[N, 3] metres."""
    half: np.ndarray
    """[N] metres."""
    normals: np.ndarray
    """[N, SIZE, SIZE, 3] float16 in the head's frame; 0 where there is no head."""

    def rays(self, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Origins and directions of the chosen maps' pixels: `[B, SIZE^2, 3]` each, float32."""
        across = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
        x, y = np.meshgrid(across, across)
        plane = np.stack([x.ravel(), y.ravel(), np.zeros(SIZE**2)], 1)
        local = plane * self.half[chosen, None, None] - (0, 0, DEPTH / 2)
        origins = self.center[chosen, None] + local @ self.frame[chosen]
        directions = np.repeat(self.frame[chosen, None, 2], SIZE**2, 1)
        return origins.astype(np.float32), directions.astype(np.float32)


def normal_maps(data: Path, seed: int) -> NormalMaps:
    """The maps of training heads, made once and kept in the cache."""
    path = samples_folder() / f"normal_maps_{seed}.npz"
    if not path.is_file():
        generator = HeadGenerator(data)
        rng = np.random.default_rng([seed, 2])
        rows = [
            (np.int32(index), *_view(rng, *soup, view))
            for index in track(range(0, TRAINING_HEADS["train"], EVERY), "Normal maps")
            for soup in [_soup(generator.mesh("train", index))]
            for view in range(VIEWS)
        ]
        arrays = [np.stack(column) for column in zip(*rows, strict=True)]
        np.savez(path, **dict(zip(("head", "frame", "center", "half", "normals"), arrays, strict=True)))
    with np.load(path) as file:
        return NormalMaps(**{name: file[name] for name in file.files})


def _soup(mesh: HeadMesh) -> tuple[np.ndarray, np.ndarray]:
    """Skin and hull as one set of vertices and triangles: what is inside is not seen."""
    triangles = np.concatenate([mesh.triangles, mesh.hull_triangles + len(mesh.vertices)])
    return np.concatenate([mesh.vertices, mesh.hull_vertices.reshape(-1, 3)]), triangles.astype(np.int64)


def _view(rng: np.random.Generator, vertices: np.ndarray, triangles: np.ndarray, view: int) -> tuple[np.ndarray, ...]:
    """One map: frame, centre, half its width, normals. Odd views are of the face, and more from its front."""
    half, center = _WINDOWS[view % 2]
    turn = rng.uniform(-180, 180) if view % 2 == 0 else rng.normal(0, 35)
    towards = Rotation.from_euler("yx", (turn, rng.uniform(-25, 25)), degrees=True).as_matrix()
    frame = np.stack([towards[:, 0], -towards[:, 1], -towards[:, 2]])
    local = (vertices - center) @ frame.T
    pixels = (local[:, :2] / half + 1) * SIZE / 2
    # Rasteriser depth divides: 100 m away the rays are as good as parallel.
    raster = rasterise(np.c_[pixels, local[:, 2] + 100], triangles, (SIZE, SIZE))
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    image = np.where(raster.covered[..., None], normals[raster.triangle], 0)
    return frame, np.array(center), np.array(half), image.astype(np.float16)
