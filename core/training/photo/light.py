"""Light on synthetic portraits: a real portrait's, or a sky with lamps whose shadows fall."""

from dataclasses import dataclass

import numpy as np

from ...rendering.rasterise import rasterise
from ...rendering.shading import estimate_light, sh_basis

SHADOW_SIZE, BIAS = 192, 0.004
"""Pixels of a shadow map, and metres that a point may lie behind it."""


@dataclass(frozen=True)
class Lamp:
    """Parallel light."""

    direction: np.ndarray
    """[3] unit, towards the lamp."""
    color: np.ndarray
    """[3] irradiance on a surface that faces it."""


@dataclass(frozen=True)
class Lighting:
    """Light `[9, 3]` of second order, and lamps beside it."""

    ambient: np.ndarray
    lamps: tuple[Lamp, ...]

    @classmethod
    def random(cls, rng: np.random.Generator, portraits: np.ndarray) -> "Lighting":
        """Half of the time one of the `portraits`' lights `[S, 9, 3]`, mirrored at times; else made up."""
        warm = np.exp(np.array([1.0, 0.0, -1.0]) * rng.normal(0, 0.15))
        if rng.random() < 0.5:
            ambient = portraits[rng.integers(len(portraits))] * warm
            return cls(ambient * _mirrored() if rng.random() < 0.5 else ambient, ())
        ambient = np.zeros((9, 3))
        ambient[0] = 3.5 * rng.uniform(0.15, 0.9) * warm
        ambient[1:4] = ambient[0] * rng.normal(0, 0.2, (3, 1))
        ambient[1] += 0.2 * ambient[0]
        lamps = [_lamp(rng, rng.uniform(0.3, 1.6), front=True)]
        if rng.random() < 0.4:
            lamps.append(_lamp(rng, rng.uniform(0.1, 0.7), front=False))
        return cls(ambient, tuple(lamps))

    def irradiance(
        self, vertices: np.ndarray, normals: np.ndarray, occluders: tuple[np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """`[V, 3]` at `vertices` `[V, 3]`; shadows are cast by `occluders`: vertices `[O, 3]`, triangles `[T, 3]`."""
        total = sh_basis(normals) @ self.ambient
        total = np.maximum(total, 0.05 * np.abs(total).mean())
        for lamp in self.lamps:
            cosine = np.clip(normals @ lamp.direction, 0, 1) * _lit(vertices + 0.002 * normals, lamp, *occluders)
            total = total + cosine[:, None] * lamp.color
        return total

    def gloss(self, normals: np.ndarray, views: np.ndarray, sharpness: float) -> np.ndarray:
        """Blinn and Phong's highlights `[V, 3]` at unit normals and unit `views` `[V, 3]` towards the camera."""
        total = np.zeros_like(normals)
        main = self.ambient[1:4].sum(1)[[2, 0, 1]]
        strength = self.ambient[0].mean() * np.ones(3)
        lamps = self.lamps or (Lamp(main / max(np.linalg.norm(main), 1e-6), strength),)
        for lamp in lamps:
            half = views + lamp.direction
            half /= np.linalg.norm(half, axis=1, keepdims=True) + 1e-6
            total += np.clip((normals * half).sum(1), 0, 1)[:, None] ** sharpness * lamp.color
        return total


def as_harmonics(normals: np.ndarray, irradiance: np.ndarray) -> np.ndarray:
    """The light `[9, 3]` that comes nearest to `irradiance` `[N, 3]` at `normals` `[N, 3]`."""
    return estimate_light(normals, irradiance, np.ones(len(normals)))


def _mirrored() -> np.ndarray:
    """[9, 1] signs of the harmonics under x -> -x."""
    return np.array([1, 1, 1, -1, -1, 1, 1, -1, 1.0])[:, None]


def _lamp(rng: np.random.Generator, strength: float, *, front: bool) -> Lamp:
    direction = rng.standard_normal(3) * [1.0, 0.5, 0.6] + [0.0, 0.5, 1.0 if front else -0.4]
    tint = np.exp(np.array([1.0, 0.0, -1.0]) * rng.normal(0, 0.2))
    return Lamp(direction / np.linalg.norm(direction), strength * tint)


def _lit(points: np.ndarray, lamp: Lamp, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """[V] 0..1: no occluder lies between a point and the lamp; soft by bilinear comparison."""
    side = np.cross(lamp.direction, [0.0, 1.0, 0.001])
    side /= np.linalg.norm(side)
    frame = np.stack([side, np.cross(lamp.direction, side), -lamp.direction])
    seen, asked = vertices @ frame.T, points @ frame.T
    low, extent = seen[:, :2].min(0), np.ptp(seen[:, :2], axis=0).max()
    scale = (SHADOW_SIZE - 2) / extent
    depth = _nearest(np.c_[(seen[:, :2] - low) * scale + 1, seen[:, 2]], triangles)
    place = (asked[:, :2] - low) * scale + 0.5
    corner = np.floor(place).astype(int)
    share = place - corner
    lit = np.zeros(len(points))
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        column, row = np.clip(corner + np.array([dx, dy]), 0, SHADOW_SIZE - 1).T
        weight = np.abs(1 - dx - share[:, 0]) * np.abs(1 - dy - share[:, 1])
        lit += weight * (asked[:, 2] < depth[row, column] + BIAS)
    return lit


def _nearest(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Depth map [SHADOW_SIZE, SHADOW_SIZE] of points [V, 3] in parallel projection: from afar, perspective is that."""
    away = np.array([0, 0, 1000.0])
    raster = rasterise(points + away, triangles, (SHADOW_SIZE, SHADOW_SIZE))
    return raster.depth - away[2]
