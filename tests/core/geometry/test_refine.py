"""Refinement of a part of a mesh leaves no holes."""

import numpy as np
import trimesh

from likeness.core.geometry.refine import refined


def test_a_ball_stays_closed_and_keeps_its_shape() -> None:
    ball = trimesh.creation.icosphere(2)
    chosen = ball.vertices[:, 1] > 0.2
    vertices, triangles = refined(ball.vertices, ball.faces, chosen)
    fine = trimesh.Trimesh(vertices, triangles, process=False)
    assert fine.is_watertight and fine.is_winding_consistent
    assert abs(fine.volume - ball.volume) < 1e-12
    inside = chosen[ball.faces].sum(1)
    assert len(triangles) == (inside < 2).sum() + 2 * (inside == 2).sum() + 4 * (inside == 3).sum()
    np.testing.assert_array_equal(vertices[: len(ball.vertices)], ball.vertices)


def test_nothing_chosen_changes_nothing() -> None:
    ball = trimesh.creation.icosphere(1)
    vertices, triangles = refined(ball.vertices, ball.faces, np.zeros(len(ball.vertices), bool))
    np.testing.assert_array_equal(vertices, ball.vertices)
    np.testing.assert_array_equal(triangles, ball.faces)
