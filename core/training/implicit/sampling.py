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
from .heads import CAP, FACE, HAIR, SPLITS, HeadSampler
from .template import COARSE, signed_distance
from .trainer import cache_folder

BALD_FIRST = {"train": 1200, "test": 24}
"""Heads with a lower index have no hair, the others have."""
UNSEEN_STYLE = 42
"""Test heads from this index on wear the style that no training head wears."""
SURFACE_POINTS, SPACE_POINTS = 6000, 8000
SPREADS = {2e-3: 0.4, 1e-2: 0.35}
"""Standard deviation in metres of points around the surface -> their share; the rest fills the box."""
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
        hull, faces = np.zeros((0, 3)), np.zeros((0, 3), np.int64)
        if hair >= 0:
            hull, faces = self.library.carried(hair, skin - sampler.mean)
        if expression is not None:
            skin = skin + sampler.displacement(expression)
        return HeadMesh(skin, sampler.triangles, sampler.triangle_region, hull, faces)

    def sample(self, split: str, index: int) -> dict[str, np.ndarray]:
        """The arrays of one head, as `samples.SampleSet` describes them."""
        rng = np.random.default_rng([SPLITS[split], index, 2])
        mesh = self.mesh(split, index)
        surface = self._on_surface(mesh, rng)
        space = _around(surface["surface_points"], rng)
        return {
            "beta": self.sampler.beta(self.sampler.weights(split, index)).astype(np.float32),
            "hair": np.array(self.hair(split, index), np.int32),
            **surface,
            "space_points": space.astype(np.float32),
            "space_sdf": mesh.distance(space).astype(np.float32),
        }

    def _on_surface(self, mesh: HeadMesh, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Visible points of skin and hull: half of them uniform, half dense where the face is fine; in random order."""
        count = len(mesh.triangles)
        vertices = np.concatenate([mesh.vertices, mesh.hull_vertices])
        triangles = np.concatenate([mesh.triangles, mesh.hull_triangles + len(mesh.vertices)])
        corners = vertices[triangles]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(normals, axis=1)
        density = area * np.concatenate([self._density, np.ones(len(mesh.hull_triangles))])
        odds = area / area.sum() + density / density.sum()
        face, weights = np.zeros(0, int), np.zeros((0, 3))
        while len(face) < SURFACE_POINTS:
            drawn = rng.choice(len(triangles), SURFACE_POINTS, p=odds / odds.sum())
            split = np.sort(rng.random((SURFACE_POINTS, 2)), 1)
            barycentric = np.diff(split, prepend=0, append=1).astype(np.float32)
            seen = _visible(mesh, interpolate(vertices, triangles[drawn], barycentric), drawn < count)
            face, weights = np.concatenate([face, drawn[seen]]), np.concatenate([weights, barycentric[seen]])
        face, weights = face[:SURFACE_POINTS], weights[:SURFACE_POINTS]
        skin = face < count
        template = np.full((SURFACE_POINTS, 3), np.nan)
        template[skin] = interpolate(self.sampler.mean, triangles[face[skin]], weights[skin])
        region = np.concatenate([mesh.triangle_region, np.full(len(mesh.hull_triangles), HAIR)])
        return {
            "surface_points": interpolate(vertices, triangles[face], weights).astype(np.float32),
            "surface_normals": (normals[face] / area[face, None]).astype(np.float16),
            "surface_template": template.astype(np.float32),
            "surface_region": region[face].astype(np.uint8),
            "surface_triangle": np.where(skin, face, -1).astype(np.int32),
            "surface_barycentric": weights.astype(np.float32),
        }


def samples_folder() -> Path:
    """Where samples and hair lie."""
    return cache_folder() / "implicit"


def _visible(mesh: HeadMesh, points: np.ndarray, on_skin: np.ndarray) -> np.ndarray:
    """[N] bool: points of the skin outside the hull, and of the hull outside the skin."""
    seen = np.ones(len(points), bool)
    if len(mesh.hull_triangles):
        seen[on_skin] = signed_distance(points[on_skin], mesh.hull_vertices, mesh.hull_triangles) > 0
        seen[~on_skin] = signed_distance(points[~on_skin], mesh.vertices, mesh.triangles) > 0
    return seen


def _around(surface: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[SPACE_POINTS, 3] around surface points and in the box, in random order."""
    parts = []
    for spread, share in SPREADS.items():
        chosen = surface[rng.integers(len(surface), size=int(share * SPACE_POINTS))]
        parts.append(chosen + spread * rng.standard_normal(chosen.shape))
    parts.append(rng.uniform(*COARSE, size=(SPACE_POINTS - sum(map(len, parts)), 3)))
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
