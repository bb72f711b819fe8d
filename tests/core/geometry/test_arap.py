"""As-rigid-as-possible deformation: what is exact, and what it does with targets that are missing or noisy."""

import numpy as np
import pytest

from likeness.core.geometry.arap import AsRigidAsPossible, cotangent_weights


@pytest.fixture
def sheet() -> tuple[np.ndarray, np.ndarray]:
    """A bent sheet of 12 x 12 vertices, 10 cm wide."""
    x, y = np.meshgrid(np.linspace(0, 0.1, 12), np.linspace(0, 0.1, 12))
    vertices = np.stack([x, y, 0.02 * np.sin(30 * x)], -1).reshape(-1, 3)
    first = (np.arange(11)[:, None] * 12 + np.arange(11)).ravel()
    triangles = np.concatenate([first[:, None] + [0, 1, 13], first[:, None] + [0, 13, 12]])
    return vertices, triangles


def rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])


def test_a_rigid_motion_known_at_few_vertices_moves_all(sheet: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, triangles = sheet
    moved = vertices @ rotation(0.7).T + [0.01, 0.02, 0.03]
    trust = np.zeros(len(vertices))
    trust[::7] = 1
    surface = AsRigidAsPossible(vertices, triangles, trust, 0.02)
    found = surface.towards(np.where(trust[:, None] > 0, moved, 0), rounds=60)
    assert np.abs(found - moved).max() < 1e-4


def test_noise_is_smoothed_and_the_more_so_the_stiffer(sheet: tuple[np.ndarray, np.ndarray]) -> None:
    vertices, triangles = sheet
    noisy = vertices + np.random.default_rng(0).normal(0, 5e-4, vertices.shape)
    trust = np.ones(len(vertices))
    errors = [
        np.linalg.norm(
            AsRigidAsPossible(vertices, triangles, trust, stiffness).towards(noisy) - vertices, axis=1
        ).mean()
        for stiffness in (1e-4, 0.1, 10.0)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[0] == pytest.approx(np.linalg.norm(noisy - vertices, axis=1).mean(), rel=0.01)


def test_energy_never_rises(sheet: tuple[np.ndarray, np.ndarray]) -> None:
    """Local and global steps each minimise the same energy: the sum over edges, and the pull of the targets."""
    vertices, triangles = sheet
    trust = np.zeros(len(vertices))
    trust[[0, 11, 132, 143]] = 1
    targets = vertices * [0.6, 1.2, 1]
    surface = AsRigidAsPossible(vertices, triangles, trust, 0.5)
    edges = cotangent_weights(vertices, triangles).tocoo()
    energies, now = [], vertices
    for _ in range(6):
        now = surface.towards(targets, now, rounds=1)
        turned = np.einsum("eij,ej->ei", surface._rotations(now)[edges.row], vertices[edges.col] - vertices[edges.row])
        stretch = 0.5 * (edges.data * ((now[edges.col] - now[edges.row] - turned) ** 2).sum(1)).sum()
        energies.append(0.5 * stretch + (trust[:, None] * (now - targets) ** 2).sum())
    assert (np.diff(energies) <= 1e-12).all()
    assert energies[-1] < 0.999 * energies[0]
