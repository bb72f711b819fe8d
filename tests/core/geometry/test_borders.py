"""Borders of a tube: found, made smooth, and closed where they are small."""

import numpy as np
import pytest

from likeness.core.geometry.borders import boundary_edges, fair_borders, without_holes

AROUND, ALONG, RADIUS, CELL = 80, 30, 0.1, 0.008


@pytest.fixture
def tube() -> tuple[np.ndarray, np.ndarray]:
    """A sleeve along y: vertices [V, 3] metres, row by row, and triangles."""
    turn = 2 * np.pi * np.arange(AROUND) / AROUND
    rows = [np.c_[RADIUS * np.cos(turn), np.full(AROUND, CELL * k), RADIUS * np.sin(turn)] for k in range(ALONG)]
    k, i = np.meshgrid(np.arange(ALONG - 1), np.arange(AROUND), indexing="ij")
    a, b = k * AROUND + i, k * AROUND + (i + 1) % AROUND
    quads = np.stack([a, a + AROUND, b + AROUND, b], -1).reshape(-1, 4)
    return np.concatenate(rows), np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]])


def test_a_tube_has_two_borders(tube: tuple[np.ndarray, np.ndarray]) -> None:
    assert set(boundary_edges(tube[1]).ravel()) == {*range(AROUND), *range((ALONG - 1) * AROUND, ALONG * AROUND)}


def test_scallops_go_and_the_round_of_a_sleeve_stays(tube: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, triangles = tube
    scallops = 0.008 * np.sin(16 * np.arctan2(vertices[:, 2], vertices[:, 0]))  # waves of 4 cm
    edge = np.arange(AROUND)
    ragged = vertices + np.c_[0 * scallops, scallops * np.exp(-vertices[:, 1] / 0.01), 0 * scallops]
    fair = fair_borders(ragged, triangles)
    assert np.ptp(fair[edge, 1]) < 0.1 * np.ptp(ragged[edge, 1])
    np.testing.assert_allclose(np.hypot(fair[edge, 0], fair[edge, 2]), RADIUS, atol=0.001)
    inner = vertices[:, 1] > 0.1
    np.testing.assert_allclose(fair[inner], ragged[inner], atol=0.002)


def test_a_closed_surface_stays_as_it_is() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
    np.testing.assert_array_equal(fair_borders(corners, faces), corners)
    np.testing.assert_array_equal(without_holes(corners, faces, 1.0)[1], faces)


def test_small_holes_are_closed_and_sleeves_are_not(tube: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, triangles = tube
    torn = triangles[~(triangles == 15 * AROUND + 7).any(1)]
    whole, closed = without_holes(vertices, torn, 0.1)
    np.testing.assert_array_equal(np.unique(boundary_edges(closed)), np.unique(boundary_edges(triangles)))
    assert np.linalg.norm(whole[-1] - vertices[15 * AROUND + 7]) < 0.004
    assert len(boundary_edges(without_holes(vertices, torn, 1.0)[1])) == 0
