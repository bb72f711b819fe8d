"""Random heads with and without hair, and samples of them: points on the surface and signed distances around it.

A head and its samples follow from its split and index alone.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from ...parametric.head import HeadModel
from ...rendering.rasterise import interpolate
from .hair import HairLibrary
from .heads import CAP, FACE, SPLITS, HeadSampler
from .template import COARSE, signed_distance
from .trainer import cache_folder

BALD_FIRST = {"train": 1200, "test": 24}
"""Heads with a lower index have no hair, the others have."""
UNSEEN_STYLE = 42
"""Test heads from this index on wear the style that no training head wears."""
SURFACE_POINTS, SPACE_POINTS = 6000, 8000
HULL_POINTS, HAIR_POINTS = 3000, 5000
SPREADS = {2e-3: 0.4, 1e-2: 0.35}
"""Standard deviation in metres of points around a surface -> their share; the rest fills the box."""
BURIED = 4e-3
"""Metres under the skin from which on a hull's surface matters to nobody."""
DENSE = {"lips": 12.0, "eyelids": 12.0, "ears": 4.0}
"""How much denser than the rest of the head half of the surface points lie there; the face as such 3 times."""
FACE_DENSE = 3.0


@dataclass(frozen=True)
class HeadMesh:
    """A head as its skin and, with hair, a hull; the head is their union. Metres, canonical pose or an expression."""

    vertices: np.ndarray
    """[V, 3] of the closed skin."""
    triangles: np.ndarray
    """[T, 3]."""
    triangle_region: np.ndarray
    """[T] index into heads.REGIONS."""
    hull_vertices: np.ndarray
    """[H, 3], empty without hair."""
    hull_triangles: np.ndarray
    """[G, 3]."""
    hull_template: np.ndarray
    """[H, 3] the hull on the mean head."""

    def distance(self, points: np.ndarray) -> np.ndarray:
        """[N] metres to the head, negative inside, of points [N, 3]."""
        distance = signed_distance(points, self.vertices, self.triangles)
        if len(self.hull_triangles):
            distance = np.minimum(distance, signed_distance(points, self.hull_vertices, self.hull_triangles))
        return distance


class HeadGenerator:
    """Makes any head of a split, and samples it."""

    def __init__(self, data: Path, cache: Path | None = None) -> None:
        """Hair comes from the folder `cache`. Raises InputError when the ICT-FaceKit data are not below `data`."""
        self.sampler = HeadSampler.load(data)
        self._data, self._cache = data, cache or samples_folder()
        self._density = _density(self.sampler)

    @cached_property
    def library(self) -> HairLibrary:
        """Made when first asked for, which takes minutes if it is not in the cache."""
        return HairLibrary.load(self._data, self.sampler, self._cache)

    def hair(self, split: str, index: int) -> int:
        """The hair variant of a head, -1 for none."""
        if index < BALD_FIRST[split]:
            return -1
        rng = np.random.default_rng([SPLITS[split], index, 1])
        kind = "train" if split == "train" else "unseen_style" if index >= UNSEEN_STYLE else "test"
        return int(rng.choice(self.library.variants(kind)))

    def mesh(self, split: str, index: int, expression: np.ndarray | None = None) -> HeadMesh:
        """The head in the canonical pose, or with ARKit weights [52]."""
        sampler, hair = self.sampler, self.hair(split, index)
        skin = sampler.vertices(sampler.weights(split, index))
        hull = faces = template = np.zeros((0, 3))
        if hair >= 0:
            hull, faces, template = self.library.carried(hair, skin - sampler.mean)
        if expression is not None:
            skin = skin + sampler.displacement(expression)
        return HeadMesh(skin, sampler.triangles, sampler.triangle_region, hull, faces.astype(np.int64), template)

    def sample(self, split: str, index: int) -> dict[str, np.ndarray]:
        """The arrays of one head, as `samples.SampleSet` describes them."""
        rng = np.random.default_rng([SPLITS[split], index, 2])
        mesh = self.mesh(split, index)
        surface = self._on_skin(mesh, rng)
        space = _around(surface["surface_points"], SPACE_POINTS, rng)
        rows = {
            "beta": self.sampler.beta(self.sampler.weights(split, index)).astype(np.float32),
            "variant": np.array(self.hair(split, index), np.int32),
            **surface,
            "space_points": space.astype(np.float32),
            "space_sdf": signed_distance(space, mesh.vertices, mesh.triangles).astype(np.float32),
        }
        return rows | _hair_rows(mesh, rng) if len(mesh.hull_triangles) else rows

    def _on_skin(self, mesh: HeadMesh, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Points of the skin, also under hair: half uniform, half dense where the face is fine; in random order."""
        normals, area = _normals(mesh.vertices, mesh.triangles)
        density = area * self._density
        face, weights = _drawn(area / area.sum() + density / density.sum(), SURFACE_POINTS, rng)
        corners = mesh.triangles[face]
        return {
            "surface_points": interpolate(mesh.vertices, corners, weights).astype(np.float32),
            "surface_normals": normals[face].astype(np.float16),
            "surface_template": interpolate(self.sampler.mean, corners, weights).astype(np.float32),
            "surface_region": mesh.triangle_region[face],
            "surface_triangle": face.astype(np.int32),
            "surface_barycentric": weights,
        }


def samples_folder() -> Path:
    """Where samples and hair lie."""
    return cache_folder() / "implicit-2"


def _hair_rows(mesh: HeadMesh, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Points of the hull that are not buried in the head, and points around the hull with their distance to it."""
    normals, area = _normals(mesh.hull_vertices, mesh.hull_triangles)
    face, weights = _drawn(area, 3 * HULL_POINTS, rng)
    points = interpolate(mesh.hull_vertices, mesh.hull_triangles[face], weights)
    seen = np.flatnonzero(signed_distance(points, mesh.vertices, mesh.triangles) > -BURIED)[:HULL_POINTS]
    seen = np.resize(seen, HULL_POINTS)
    points, face, weights = points[seen], face[seen], weights[seen]
    space = _around(points, HAIR_POINTS, rng)
    return {
        "hull_points": points.astype(np.float32),
        "hull_normals": normals[face].astype(np.float16),
        "hull_template": interpolate(mesh.hull_template, mesh.hull_triangles[face], weights).astype(np.float32),
        "hair_points": space.astype(np.float32),
        "hair_sdf": signed_distance(space, mesh.hull_vertices, mesh.hull_triangles).astype(np.float32),
    }


def _normals(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals [T, 3] and twice the areas [T]."""
    corners = vertices[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1)
    return normals / np.maximum(area, 1e-30)[:, None], area


def _drawn(odds: np.ndarray, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random triangles [count], by their odds [T], and random barycentrics [count, 3]."""
    face = rng.choice(len(odds), count, p=odds / odds.sum())
    split = np.sort(rng.random((count, 2)), 1)
    return face, np.diff(split, prepend=0, append=1).astype(np.float32)


def _around(surface: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """[count, 3] around surface points and in the box, in random order."""
    parts = []
    for spread, share in SPREADS.items():
        chosen = surface[rng.integers(len(surface), size=int(share * count))]
        parts.append(chosen + spread * rng.standard_normal(chosen.shape))
    parts.append(rng.uniform(*COARSE, size=(count - sum(map(len, parts)), 3)))
    return rng.permutation(np.clip(np.concatenate(parts), *COARSE))


def _density(sampler: HeadSampler) -> np.ndarray:
    """[T] how dense to sample each triangle of the skin, by where it lies on our head model."""
    model = HeadModel.load()
    ours = model.vertex_part == 0
    centres = sampler.neutral[sampler.triangles].mean(1)
    nearest = cKDTree(model.v_template[ours]).query(centres)[1]
    density = np.where(sampler.triangle_region == FACE, FACE_DENSE, 1.0)
    for name, factor in DENSE.items():
        density = np.maximum(density, 1 + (factor - 1) * model.masks[name][ours][nearest])
    return np.where(sampler.triangle_region == CAP, 0.5, density)
