"""The generator of heads: closed, in the canonical pose, with the code that our head model would give them."""

import igl
import numpy as np
import pytest

from likeness.core.parametric.arkit import ARKIT_NAMES, INDEX
from likeness.core.training.ict import LANDMARKS
from likeness.core.training.implicit.heads import CAP, FACE, arkit_index, boundary_edges, random_expression
from likeness.core.training.implicit.heads import test_expressions as held_out_expressions

pytestmark = pytest.mark.needs_data
UPPER_LIP, LOWER_LIP = LANDMARKS[62], LANDMARKS[66]


def test_skin_is_closed_and_faces_outwards(sampler):
    assert len(sampler.triangles) == 28122
    assert len(boundary_edges(sampler.triangles)) == 0
    corners = sampler.mean[sampler.triangles]
    volume = np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6
    assert 3e-3 < volume < 7e-3  # cubic metres: head, neck and shoulders
    assert (sampler.triangle_region == CAP).sum() == 54


def test_closing_edges_are_found():
    square = np.array([[0, 1, 2], [0, 2, 3]])
    assert {tuple(edge) for edge in boundary_edges(square).tolist()} == {(0, 1), (1, 2), (2, 3), (3, 0)}


def test_lips_are_two_surfaces(sampler):
    """In the canonical pose there is air between the lips of every head; with the mouth closed there is hardly any."""
    for index in range(8):
        skin = sampler.vertices(sampler.weights("train", index))
        assert skin[UPPER_LIP, 1] - skin[LOWER_LIP, 1] > 4e-3
        middle = 0.5 * (skin[UPPER_LIP] + skin[LOWER_LIP])
        assert abs(igl.fast_winding_number(skin, sampler.triangles, middle[None])[0]) < 0.1
        closed = skin + sampler.displacement(np.zeros(52))
        assert closed[UPPER_LIP, 1] - closed[LOWER_LIP, 1] < 2.5e-3


def test_regions_meet_once(sampler):
    """Every vertex has a region, and the narrow face is what the teacher says it is."""
    assert (sampler.vertex_region[:6706] == FACE).mean() > 0.99
    assert sampler.vertex_region[-1] == CAP


def test_teacher_names_map_to_arkit(sampler):
    assert arkit_index("mouthSmile_L") == INDEX["mouthSmileLeft"]
    assert arkit_index("browInnerUp_L") == arkit_index("browInnerUp_R") == INDEX["browInnerUp"]
    moved = np.abs(sampler.expression).max((1, 2))
    assert [name for name, most in zip(ARKIT_NAMES, moved, strict=True) if not most] == ["tongueOut"]


def test_our_head_model_with_beta_is_the_teachers_head(sampler):
    w = np.stack([sampler.weights("test", index) for index in range(16)])
    size = np.sqrt((np.tensordot(w, sampler.identity, 1) ** 2).sum(2).mean())
    assert sampler.beta_residual(w) < 0.03 * size
    spread = sampler.beta(np.stack([sampler.weights("train", index) for index in range(400)])).std(0)
    assert spread.min() > 0.8 and spread.max() < 1.25


def test_a_head_follows_from_its_split_and_index(sampler):
    assert np.array_equal(sampler.weights("train", 7), sampler.weights("train", 7))
    everyone = np.stack([sampler.weights(split, index) for split in ("train", "test") for index in range(50)])
    gaps = np.linalg.norm(everyone[:, None] - everyone, axis=2) + 100 * np.eye(100)
    assert gaps.min() > 5  # standard deviations: all are different people


def test_expressions_are_arkits_and_held_out_ones_stay_out():
    held_out = held_out_expressions()
    assert held_out.shape == (20, 52) and held_out.min() >= 0 and held_out.max() <= 1
    rng = np.random.default_rng([0, 5])
    drawn = np.stack([random_expression(rng) for _ in range(500)])
    assert np.abs(drawn[:, None] - held_out).max(2).min() > 0.05
    assert (drawn[:, INDEX["mouthClose"]] <= drawn[:, INDEX["jawOpen"]]).all()
