"""How far apart two surfaces are: L1-Chamfer distance, normal consistency and F-score, by region.

The three are those of Mescheder et al., "Occupancy Networks", CVPR 2019, and Tatarchenko et al., "What Do Single-view
3D Reconstruction Networks Learn?", CVPR 2019. Distances run from points sampled on one surface to the *surface* of the
other, not to samples of it, so that no density of samples is a floor to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import igl
import numpy as np

SAMPLES = 250_000
"""Points on each surface, uniform by area."""
THRESHOLD = 1e-3
"""Metres: what the F-score counts as met."""


@dataclass(frozen=True)
class TriangleMesh:
    """Triangles counter-clockwise from outside."""

    vertices: np.ndarray
    """[V, 3] metres."""
    triangles: np.ndarray
    """[T, 3] int."""

    def sample(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Points `[N, 3]` uniform by area, and the triangles `[N]` that they lie on."""
        corners = self.vertices[self.triangles]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        chosen = rng.choice(len(area), count, p=area / area.sum())
        root, share = np.sqrt(rng.random((count, 1))), rng.random((count, 1))
        a, b, c = corners[chosen].transpose(1, 0, 2)
        return (1 - root) * a + root * ((1 - share) * b + share * c), chosen

    def normals(self) -> np.ndarray:
        """[T, 3] unit normals of the triangles, outward; 0 for those without area."""
        a, b, c = self.vertices[self.triangles].transpose(1, 0, 2)
        normal = np.cross(b - a, c - a)
        return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-20)


@dataclass(frozen=True)
class SurfaceScore:
    """How well a surface meets the true one within a region."""

    chamfer_mm: float
    """L1-Chamfer: mean of (mean distance from it to the truth) and (mean distance from the truth to it)."""
    normal_consistency: float
    """Mean of |n . n'| at those points and at the points nearest to them, 1 is best."""
    f_score: float
    """Harmonic mean of the shares of points within the threshold, of it (precision) and of the truth (recall)."""


def compare_surfaces(
    surface: TriangleMesh,
    truth: TriangleMesh,
    regions: Mapping[str, np.ndarray],
    samples: int = SAMPLES,
    threshold: float = THRESHOLD,
    seed: int = 0,
) -> dict[str, SurfaceScore]:
    """Scores of `surface` by region; `regions` gives for each name which of the truth's triangles are in it, [T] bool.

    A point of the truth is in the region of its triangle, and a point of `surface` in that of the true triangle nearest
    to it; the nearest point is sought on the whole other surface. `threshold` in metres. A region that no point of
    `surface` is in has NaN for scores.
    """
    rng = np.random.default_rng(seed)
    own, true = _matched(surface, truth, samples, rng), _matched(truth, surface, samples, rng)
    return {
        name: _score(own.within(inside[own.matched]), true.within(inside[true.source]), threshold)
        for name, inside in regions.items()
    }


@dataclass(frozen=True)
class _Matches:
    """Points of one surface, and their nearest on another."""

    distance: np.ndarray
    agreement: np.ndarray
    """|n . n'|."""
    source: np.ndarray
    """The triangle that each lies on."""
    matched: np.ndarray
    """The triangle that is nearest to it."""

    def within(self, chosen: np.ndarray) -> "_Matches":
        return _Matches(self.distance[chosen], self.agreement[chosen], self.source[chosen], self.matched[chosen])


def _matched(surface: TriangleMesh, other: TriangleMesh, count: int, rng: np.random.Generator) -> _Matches:
    points, source = surface.sample(count, rng)
    vertices, triangles = other.vertices.astype(np.float64), other.triangles.astype(np.int64)
    squared, matched, _ = igl.point_mesh_squared_distance(points.astype(np.float64), vertices, triangles)
    agreement = np.abs((surface.normals()[source] * other.normals()[matched]).sum(1))
    return _Matches(np.sqrt(squared), agreement, source, matched)


def _score(own: _Matches, true: _Matches, threshold: float) -> SurfaceScore:
    if len(own.distance) == 0 or len(true.distance) == 0:
        return SurfaceScore(np.nan, np.nan, np.nan)
    precision, recall = (float((side.distance < threshold).mean()) for side in (own, true))
    return SurfaceScore(
        chamfer_mm=1e3 * float(own.distance.mean() + true.distance.mean()) / 2,
        normal_consistency=float(own.agreement.mean() + true.agreement.mean()) / 2,
        f_score=2 * precision * recall / max(precision + recall, 1e-12),
    )
