"""What bodies wear, by the shipped weights."""

import numpy as np
import pytest
import torch

from likeness.core.bodies.clothes import Mesh, layer_mesh, layer_part
from likeness.core.bodies.dressing import Dresser
from likeness.core.bodies.garments import Codes, Garments
from likeness.core.geometry.pieces import pieces
from likeness.core.parametric.body import BodyModel
from likeness.core.rendering.rasterise import triangulate

RESOLUTION = 256
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def dresser() -> Dresser:
    return Dresser.load(BodyModel.load())


@pytest.fixture(scope="module", params=SEEDS)
def garments(request: pytest.FixtureRequest, dresser: Dresser) -> Garments:
    codes = dict(dresser.codes(np.zeros(16, np.float32), request.param))
    return Garments.made(dresser.field, codes, dresser.body, RESOLUTION)


@pytest.fixture(scope="module")
def outfit(garments: Garments) -> tuple[Codes, dict[str, Mesh]]:
    return garments.codes, {layer: layer_mesh(garments, layer, RESOLUTION) for layer in garments.codes}


def test_clothes_are_quads_with_charts_in_the_square(outfit: tuple[Codes, dict[str, Mesh]]) -> None:
    for layer, mesh in outfit[1].items():
        assert mesh.faces.shape == mesh.faces_uv.shape, layer
        assert mesh.uv.min() >= 0
        assert mesh.uv.max() <= 1
        assert (np.sort(mesh.faces, 1)[:, 1:] != np.sort(mesh.faces, 1)[:, :-1]).all(), layer


def test_nothing_floats(outfit: tuple[Codes, dict[str, Mesh]]) -> None:
    """A top is one piece, trousers and hair are, shoes are two; or several that are each a good part of it."""
    for layer, mesh in outfit[1].items():
        triangles = triangulate(mesh.faces)[0]
        piece = pieces(triangles)
        assert np.bincount(piece).min() / len(triangles) > 0.02, layer


def test_clothes_lie_off_the_skin(dresser: Dresser, outfit: tuple[Codes, dict[str, Mesh]]) -> None:
    for layer, mesh in outfit[1].items():
        height = dresser.body.height(mesh.vertices)
        assert (height > -0.006).mean() > 0.97, layer
        assert np.median(height) > 0.002, layer


def test_covered_skin_is_under_clothes_and_hands_and_faces_are_bare(dresser: Dresser, garments: Garments) -> None:
    hidden = garments.covered_skin()[dresser.body.skin]
    names = dresser.body.model.lbs_weights[dresser.body.skin].argmax(1)
    assert hidden[np.isin(names, (3, 6, 9))].mean() > 0.5  # the trunk
    assert not hidden[np.isin(names, (22, 23))].any()  # hands
    assert not hidden[dresser.body.vertices[:, 1] > 0.6].any()  # the face


def test_weights_are_few_and_whole(dresser: Dresser, outfit: tuple[Codes, dict[str, Mesh]]) -> None:
    for layer, mesh in outfit[1].items():
        part = layer_part(dresser.field, layer, mesh, dresser.body, dresser.body.vertices)
        assert np.allclose(part.weights.sum(1), 1, atol=1e-4)
        assert np.allclose(part.vertices, mesh.vertices, atol=1e-5)  # the mean body's own shape
        assert part.binding is not None
        assert part.binding.max() < len(dresser.body.model.v_template)


def test_a_seed_wears_the_same_again_and_another_seed_something_else(dresser: Dresser) -> None:
    beta = np.zeros(16, np.float32)
    first, again, other = (dresser.codes(beta, seed) for seed in (5, 5, 6))
    assert all(torch.equal(first[layer], again[layer]) for layer in first)
    assert not torch.equal(first["top"], other["top"])


def test_detail_leaves_the_shape_alone(dresser: Dresser, outfit: tuple[Codes, dict[str, Mesh]]) -> None:
    codes, meshes = outfit
    points = torch.from_numpy(meshes["top"].vertices).float()[None]
    generator = torch.Generator().manual_seed(0)
    one, two = (
        dresser.details.normals(dresser.field, "top", points, codes["top"], dresser.details.sample(generator))
        for _ in range(2)
    )
    turned = torch.rad2deg(torch.acos((one * two).sum(-1).clamp(-1, 1)))
    assert turned.mean() > 2
