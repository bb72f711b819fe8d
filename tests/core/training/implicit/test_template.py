"""The template's weights against the mesh that they were sampled from."""

import numpy as np
import pytest

from likeness.core.tensors import load_tensors
from likeness.core.training.implicit import template
from likeness.core.weights import card, weights_path


def test_weights_hold_every_head_and_a_sane_field():
    tensors, _ = load_tensors(weights_path("head_template"))
    coarse, (low, high) = tensors["coarse"].astype(np.float32), tensors["coarse_bounds"]
    spacing = (high - low) / (np.array(coarse.shape) - 1)
    assert np.allclose(spacing, 2.5e-3, atol=1e-5)
    slope = np.stack(np.gradient(coarse, *spacing))[:, 2:-2, 2:-2, 2:-2]
    length = np.linalg.norm(slope, axis=0)
    assert 0.97 < np.median(length) < 1.01 and (length < 1.1).mean() > 0.99
    assert coarse[0].min() > 0.03 and coarse[-1].min() > 0.03 and coarse[:, -1].min() > 0.03
    assert len(card("head_template")["region_names"]) == tensors["regions"].max() + 1


@pytest.mark.needs_data
def test_grid_is_the_meshs_distance(sampler):
    """At random nodes of a grid, against exact winding numbers and distances."""
    igl = pytest.importorskip("igl")
    bounds = (-0.04, -0.05, 0.06), (0.04, 0.01, 0.12)
    grid = template.distance_grid(sampler, bounds, 5e-3).astype(np.float64)
    assert grid.shape == (17, 13, 13)
    node = np.random.default_rng(0).integers(grid.shape, size=(200, 3))
    points = np.array(bounds[0]) + 5e-3 * node
    squared = igl.point_mesh_squared_distance(points, sampler.mean, sampler.triangles)[0]
    inside = igl.winding_number(sampler.mean, sampler.triangles, points) > 0.5
    assert inside.any() and not inside.all()
    assert np.abs(grid[tuple(node.T)] - np.where(inside, -1, 1) * np.sqrt(squared)).max() < 5e-5
