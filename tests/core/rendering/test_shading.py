import numpy as np

from likeness.core.rendering.shading import (
    estimate_light,
    linear_to_srgb,
    sh_basis,
    shade,
    srgb_to_linear,
    vertex_normals,
)


def directions(count: int) -> np.ndarray:
    points = np.random.default_rng(0).standard_normal((count, 3))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def test_basis_is_orthonormal() -> None:
    basis = sh_basis(directions(400_000))
    np.testing.assert_allclose(4 * np.pi * basis.T @ basis / len(basis), np.eye(9), atol=0.02)


def test_light_is_recovered_despite_brows_and_highlights() -> None:
    normals = directions(4000)
    normals[:, 2] = np.abs(normals[:, 2])  # what a camera sees of a head
    light = np.array([2.5, 0.4, 0.5, -0.3, 0.1, -0.1, 0.1, 0.05, 0.08])[:, None] * [1.0, 0.8, 0.6]
    colors = shade(normals, light)
    spoilt = colors.copy()
    spoilt[::7] *= 0.2
    spoilt[3::11] += 0.8
    found = estimate_light(normals, spoilt, np.ones(len(normals)), ridge=1e-5)
    error = np.abs(shade(normals, found) - colors).mean() / colors.mean()
    assert error < 0.02


def test_srgb_curve() -> None:
    values = np.linspace(0, 1, 256)
    np.testing.assert_allclose(linear_to_srgb(srgb_to_linear(values)), values, atol=1e-6)
    np.testing.assert_allclose(srgb_to_linear(np.array(0.5)), 0.21404114, atol=1e-6)
    np.testing.assert_allclose(linear_to_srgb(np.array([-1.0, 2.0])), [0, 1], atol=1e-6)


def test_normals_of_a_sphere_point_outwards() -> None:
    import trimesh

    mesh = trimesh.creation.icosphere(subdivisions=3)
    normals = vertex_normals(mesh.vertices, mesh.faces)
    assert (normals * mesh.vertices).sum(1).min() > 0.999
