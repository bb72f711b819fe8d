import numpy as np
import pytest
import trimesh

from likeness.core.rendering.camera import Camera
from likeness.core.rendering.rasterise import rasterise, triangulate


def slow_reference(points: np.ndarray, triangles: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Triangle and depth of each pixel, one triangle and all pixels at a time."""
    width, height = size
    y, x = np.mgrid[:height, :width] + 0.5
    triangle, depth = np.full((height, width), -1), np.full((height, width), np.inf)
    for index, (a, b, c) in enumerate(points[triangles].astype(float)):
        if min(a[2], b[2], c[2]) <= 0:
            continue
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        u = ((b[0] - x) * (c[1] - y) - (c[0] - x) * (b[1] - y)) / area
        v = ((c[0] - x) * (a[1] - y) - (a[0] - x) * (c[1] - y)) / area
        z = 1 / (u / a[2] + v / b[2] + (1 - u - v) / c[2])
        front = (u >= 0) & (v >= 0) & (u + v <= 1) & (z < depth)
        triangle[front], depth[front] = index, z[front]
    return triangle, depth


def test_agrees_with_a_slow_reference() -> None:
    random = np.random.default_rng(0)
    points = random.uniform([-20, -20, -0.3], [84, 68, 3], (180, 3)).astype(np.float32)
    triangles = random.integers(0, 180, (60, 3))
    triangles = triangles[(np.diff(np.sort(triangles, 1), axis=1) > 0).all(1)]
    raster = rasterise(points, triangles, (64, 48))
    triangle, depth = slow_reference(points, triangles, (64, 48))
    np.testing.assert_array_equal(raster.triangle, triangle)
    np.testing.assert_allclose(raster.depth, depth, rtol=1e-4)


def cast_rays(eye: np.ndarray, rays: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Distance along each ray `[N, 3]` to the nearest triangle `[F, 3, 3]` (Moller and Trumbore, 1997)."""
    edge1, edge2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = np.cross(rays[:, None], edge2)
    determinant = (p * edge1).sum(-1)
    offset = eye - corners[:, 0]
    q = np.cross(offset, edge1)
    u = (p * offset).sum(-1) / determinant
    v = (rays @ q.T) / determinant
    distance = (q * edge2).sum(-1) / determinant
    return np.where((u >= 0) & (v >= 0) & (u + v <= 1), distance, np.inf).min(1)


def test_agrees_with_ray_casting() -> None:
    mesh = trimesh.creation.icosphere(subdivisions=2, radius=0.1)
    rotation = trimesh.transformations.rotation_matrix(3.0, (1, 0.2, 0.1))[:3, :3]
    camera = Camera(200.0, (31.0, 33.0), (64, 64), rotation, np.array([0.01, 0.02, 0.4]))
    raster = rasterise(camera.project(mesh.vertices), mesh.faces, camera.size)
    row, column = np.nonzero(np.ones((64, 64)))
    ray = np.stack([(column + 0.5 - 31) / 200, (row + 0.5 - 33) / 200, np.ones(len(row))], 1) @ rotation
    seen = cast_rays(-rotation.T @ camera.translation, ray, mesh.triangles)
    np.testing.assert_array_equal(raster.covered.ravel(), np.isfinite(seen))
    surface = raster.interpolate(mesh.faces, mesh.vertices)
    np.testing.assert_allclose(camera.project(surface)[:, 2], seen[np.isfinite(seen)], atol=1e-6)


@pytest.mark.parametrize("jitter", [0.0, 0.4])
def test_shared_edges_leave_no_gap_and_no_overlap(jitter: float) -> None:
    y, x = np.mgrid[0:33, 0:33] * 2.0
    inner = (x > 0) & (x < 64) & (y > 0) & (y < 64)
    moved = np.random.default_rng(1).uniform(-jitter, jitter, (2, 33, 33)) * inner
    points = np.stack([x + moved[0], y + moved[1]], -1).reshape(-1, 2)
    corner = (np.arange(32)[:, None] * 33 + np.arange(32)).ravel()
    quads = np.stack([corner, corner + 1, corner + 34, corner + 33], 1)
    triangles, _ = triangulate(quads)
    raster = rasterise(points, triangles, (64, 64))
    assert raster.covered.all()
    # Each triangle alone covers just what it kept among all the others.
    alone = sum(rasterise(points, triangles[i : i + 1], (64, 64)).covered.sum() for i in range(len(triangles)))
    assert alone == 64 * 64


def test_barycentrics_are_perspective_correct() -> None:
    camera = Camera(100.0, (50.0, 50.0), (100, 100), np.eye(3), np.zeros(3))
    corners = np.array([[-1.0, -1, 2], [2, -1, 4], [0, 2, 8]])
    raster = rasterise(camera.project(corners), np.array([[0, 1, 2]]), camera.size)
    back = camera.project(raster.interpolate(np.array([[0, 1, 2]]), corners))[:, :2]
    row, column = np.nonzero(raster.covered)
    np.testing.assert_allclose(back, np.stack([column, row], 1) + 0.5, atol=1e-3)


def test_triangulate_keeps_triangles() -> None:
    triangles, face = triangulate(np.array([[0, 1, 2, 3], [4, 5, 6, 6]]))
    np.testing.assert_array_equal(triangles, [[0, 1, 2], [4, 5, 6], [0, 2, 3]])
    np.testing.assert_array_equal(face, [0, 1, 0])


def test_nothing_to_draw() -> None:
    assert not rasterise(np.zeros((0, 3)), np.zeros((0, 3), int), (8, 8)).covered.any()
