"""Held-out heads, the point clouds that are made of them, and what is measured of a surface fitted to one.

A head of the test split is the union of its closed skin and its hair: what lies inside the union is on no surface.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import igl.copyleft.cgal
import numpy as np
from scipy.spatial import cKDTree

from ..geometry.surface_metrics import SurfaceScore, TriangleMesh, compare_surfaces
from ..training.implicit.heads import FACE, HAIR, HEAD, test_expressions
from ..training.implicit.samples import HEADS
from ..training.implicit.sampling import BALD_FIRST, UNSEEN_STYLE, HeadGenerator

REGIONS: dict[str, tuple[int, ...]] = {"face": (FACE,), "head": (HEAD, FACE, HAIR)}
"""`face` is the narrow face, `head` all of the outer surface; sockets and the cap at the neck are in neither."""
GROUPS: dict[str, range] = {
    "bald": range(BALD_FIRST["test"]),
    "with hair": range(BALD_FIRST["test"], UNSEEN_STYLE),
    "unseen style": range(UNSEEN_STYLE, HEADS["test"]),
}
"""Indices of the test heads."""
_NEIGHBOURS = 16
"""Points that tell the normal at a noisy point."""


@dataclass(frozen=True, eq=False)
class PointCloud:
    """What a fit is given, in the head's frame."""

    points: np.ndarray
    """[N, 3] metres."""
    normals: np.ndarray
    """[N, 3] outward."""
    canonical: bool
    """Whether the head is in the canonical pose; if not, its expression is not known."""


@dataclass(frozen=True)
class HeldOutHead:
    """The true surface of one head in the canonical pose, or in an expression."""

    mesh: TriangleMesh
    region: np.ndarray
    """[T] index into the generator's regions."""
    canonical: bool

    def cloud(self, count: int, noise: float = 0.0, seed: int = 0) -> PointCloud:
        """`count` points uniform over the outer surface, moved by Gaussian `noise` (standard deviation in metres).

        Normals are the true ones, or with noise those of the plane through neighbouring points, outward.
        """
        rng = np.random.default_rng(seed)
        outer = TriangleMesh(self.mesh.vertices, self.mesh.triangles[np.isin(self.region, REGIONS["head"])])
        points, triangle = outer.sample(count, rng)
        normals = outer.normals()[triangle]
        if noise:
            points = points + noise * rng.standard_normal(points.shape)
            normals = _plane_normals(points, normals)
        return PointCloud(points.astype(np.float32), normals.astype(np.float32), self.canonical)

    def scores(self, surface: TriangleMesh) -> dict[str, SurfaceScore]:
        """By the names of `REGIONS`."""
        return compare_surfaces(surface, self.mesh, {k: np.isin(self.region, v) for k, v in REGIONS.items()})


class HeldOutHeads:
    """Makes the test heads; keeps the last few."""

    def __init__(self, data: Path) -> None:
        """Raises InputError when the data that heads and hair are made of are not below `data`."""
        self.generator = HeadGenerator(data)
        self.expressions = test_expressions()
        """[E, 52] ARKit weights, none trained on."""
        self.head = lru_cache(maxsize=4)(self._made)

    def _made(self, index: int, expression: int | None = None) -> HeldOutHead:
        """Test head `index` with the test expression of that number, or in the canonical pose."""
        weights = None if expression is None else self.expressions[expression]
        head = self.generator.mesh("test", index, weights)
        vertices, triangles, region = head.vertices, head.triangles, head.triangle_region
        if len(head.hull_triangles):
            hull = head.hull_triangles.astype(np.int64)
            vertices, triangles, origin = igl.copyleft.cgal.mesh_boolean(
                vertices, triangles, head.hull_vertices, hull, "union"
            )
            region = np.append(region, np.full(len(hull), HAIR, region.dtype))[origin]
        return HeldOutHead(TriangleMesh(vertices, triangles), region, canonical=expression is None)


def _plane_normals(points: np.ndarray, outward: np.ndarray) -> np.ndarray:
    """[N, 3] normals of the planes through each point's neighbours, on the side of `outward` [N, 3]."""
    near = points[cKDTree(points).query(points, _NEIGHBOURS)[1]]
    near = near - near.mean(1, keepdims=True)
    normals = np.linalg.eigh(np.einsum("nki,nkj->nij", near, near))[1][:, :, 0]
    return normals * np.where((normals * outward).sum(1, keepdims=True) < 0, -1, 1)
