"""Hems of the shipped clothes: open, smooth, off the skin."""

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from likeness.core.bodies.dressing import Dresser
from likeness.core.bodies.garments import Garments, Sheet
from likeness.core.bodies.hems import GAP, RIM, rimmed
from likeness.core.geometry.borders import boundary_edges
from likeness.core.parametric.body import BodyModel

RESOLUTION = 128
TURNS = 1.3
"""Of a smooth border; as the fields end it takes 1.4 to 4.3."""
LIMBS = {"top": 4, "shoes": 2}
"""Layer -> what comes out of it: arms, neck and waist or legs; legs."""


@pytest.fixture(scope="module", params=(0, 2, 10))
def garments(request: pytest.FixtureRequest) -> Garments:
    dresser = Dresser.load(BodyModel.load())
    codes = dresser.codes(np.zeros(16, np.float32), request.param)
    return Garments.made(dresser.field, codes, dresser.body, RESOLUTION)


def rounds(sheet: Sheet) -> float:
    """How many full turns a border takes from edge to edge, of the mean of the borders: 1 for a circle."""
    edges = boundary_edges(sheet.triangles)
    after = {int(a): int(b) for a, b in edges}
    along = sheet.vertices[edges[:, 1]] - sheet.vertices[edges[:, 0]]
    following = np.array([sheet.vertices[after[int(b)]] - sheet.vertices[b] for _, b in edges])
    cosine = (along * following).sum(1) / (np.linalg.norm(along, axis=1) * np.linalg.norm(following, axis=1))
    _, ends = np.unique(edges, return_inverse=True)
    loops = connected_components(coo_matrix((np.ones(len(edges)), ends.reshape(-1, 2).T), (ends.max() + 1,) * 2))[0]
    return float(np.arccos(np.clip(cosine, -1, 1)).sum() / (2 * np.pi) / loops)


def test_limbs_come_out_of_garments(garments: Garments) -> None:
    for layer, least in LIMBS.items():
        sheet = garments.sheets[layer]
        parts = garments.body.carriers(sheet.edge.data)[0][:, 0]
        joints = garments.body.model.lbs_weights[parts].argmax(1)
        assert len(np.unique(joints)) >= least, layer


def test_edges_are_smooth_lines_above_the_skin(garments: Garments) -> None:
    for layer, sheet in garments.sheets.items():
        if layer != "hair":
            assert rounds(sheet) < TURNS, layer
            assert np.quantile(garments.body.height(sheet.edge.data), 0.05) > GAP / 2, layer


def test_rims_turn_towards_the_skin_and_face_as_cloth_does(garments: Garments) -> None:
    sheet = garments.sheets["top"]
    faces = sheet.triangles[:, [0, 1, 2, 2]]
    vertices, quads = rimmed(sheet.vertices, faces, garments.body)
    border = np.unique(boundary_edges(sheet.triangles))
    inner = vertices[len(sheet.vertices) :]
    depth = np.linalg.norm(inner - sheet.vertices[border], axis=1)
    assert depth.max() <= RIM + 1e-9
    assert (garments.body.height(inner) > -GAP).mean() > 0.99
    triangles = np.concatenate([quads[len(faces) :, :3], quads[len(faces) :][:, [0, 2, 3]], sheet.triangles])
    shared = len(boundary_edges(sheet.triangles))
    assert len(boundary_edges(triangles)) <= shared  # every edge of the cloth has the rim's other way round
