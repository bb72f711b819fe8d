"""Closest points against a search by brute force, and intersections of meshes that are known."""

import numpy as np
import trimesh

from likeness.core.geometry.closest import closest_points, edge_distance
from likeness.core.geometry.intersections import intersecting_triangles


def test_closest_points_against_dense_samples() -> None:
    random = np.random.default_rng(0)
    vertices, triangles = random.normal(size=(12, 3)), np.arange(12).reshape(4, 3)
    points = random.normal(size=(50, 3))
    triangle, shares, distance = closest_points(points, vertices, triangles)
    found = np.einsum("nk,nkc->nc", shares, vertices[triangles[triangle]])
    np.testing.assert_allclose(np.linalg.norm(found - points, axis=1), distance, atol=1e-5)
    samples = random.dirichlet(np.ones(3), 20000)
    dense = np.einsum("sk,tkc->tsc", samples, vertices[triangles]).reshape(-1, 3)
    best = np.linalg.norm(points[:, None] - dense, axis=2).min(1)
    assert (distance <= best + 1e-6).all()
    assert (best - distance).max() < 0.05


def test_edge_distance() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0]])
    points = np.array([[0.5, 2, 0], [-3.0, 4, 0]])
    np.testing.assert_allclose(edge_distance(points, vertices, np.array([[0, 1]])), [2, 5])


def test_a_ball_has_no_intersections_and_two_have_a_ring_of_them() -> None:
    ball = trimesh.creation.icosphere(2)
    assert len(intersecting_triangles(ball.vertices, ball.faces)) == 0
    vertices = np.concatenate([ball.vertices, ball.vertices * 0.9 + [0.8, 0.01, 0.02]])
    triangles = np.concatenate([ball.faces, ball.faces + len(ball.vertices)])
    pairs = intersecting_triangles(vertices, triangles)
    assert len(pairs) > 20
    first, second = (vertices[triangles[pairs[:, k]]].mean(1) for k in (0, 1))
    assert (np.abs(np.linalg.norm(first, axis=1) - 1) < 0.4).all()
    assert ((pairs[:, 0] < len(ball.faces)) != (pairs[:, 1] < len(ball.faces))).all()
    assert len(second) == len(first)
