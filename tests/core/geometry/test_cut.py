"""Meshes are cut where a function on them is zero, and lose what is small."""

import numpy as np
import pytest

from likeness.core.geometry.borders import boundary_edges
from likeness.core.geometry.cut import cut
from likeness.core.geometry.pieces import pieces, without_specks
from likeness.core.geometry.smoothing import smoothed

trimesh = pytest.importorskip("trimesh")


def sphere() -> tuple[np.ndarray, np.ndarray]:
    mesh = trimesh.creation.icosphere(3)
    return np.asarray(mesh.vertices), np.asarray(mesh.faces)


def test_the_border_lies_on_the_level() -> None:
    vertices, triangles = sphere()
    level = vertices[:, 1] - 0.3
    moved, kept = cut(vertices, triangles, level)
    border = np.unique(boundary_edges(kept))
    assert np.abs(moved[border, 1] - 0.3).max() < 1e-6
    assert moved[np.unique(kept), 1].min() > 0.3 - 1e-6
    untouched = level > 0
    np.testing.assert_array_equal(moved[untouched], vertices[untouched])


def test_specks_are_left_out() -> None:
    vertices, triangles = sphere()
    both = np.concatenate([vertices, 0.05 * vertices + 3])
    faces = np.concatenate([triangles + len(vertices), triangles])
    assert set(pieces(faces)) == {0, 1}
    np.testing.assert_array_equal(without_specks(both, faces, 0.02), triangles)
    assert len(without_specks(both, faces, 0.001)) == len(faces)


def test_smoothing_takes_noise_and_leaves_the_size() -> None:
    vertices, triangles = sphere()
    noisy = vertices * (1 + 0.01 * np.random.default_rng(0).standard_normal((len(vertices), 1)))
    fair = smoothed(noisy, triangles, rounds=6)
    radius = np.linalg.norm(fair, axis=1)
    assert radius.std() < 0.005
    assert abs(radius.mean() - 1) < 0.005
