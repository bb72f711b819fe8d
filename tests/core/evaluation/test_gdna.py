"""Random people's maps and checks, on a jersey whose field is known: a ball about the chest."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from likeness.core.bodies.mean_body import MeanBody
from likeness.core.evaluation.gdna_checks import fold_correlations, limbs
from likeness.core.evaluation.gdna_people import BODY, dressed_person, merged
from likeness.core.implicit.gdna_detail import DetailConfig, Details
from likeness.core.implicit.outfits import SPREAD, CodeDistribution, Outfits
from likeness.core.parametric.body import BodyModel
from likeness.core.rendering.shading import vertex_normals
from likeness.core.training.figures.views import seen_from

CHEST = torch.tensor([0.0, 0.25, 0.0])
SMALL, LARGE = ({"top": torch.tensor([[radius]])} for radius in (0.3, 0.303))


class Ball:
    """A field of one layer whose code is the radius of a ball, and a speck beside it where `speck` says so."""

    def __init__(self, speck=0.0):
        self.speck = speck

    def layer(self, name):
        return SimpleNamespace(bounds=torch.tensor([[-0.8, -0.3, -0.45], [0.8, 0.7, 0.45]]))

    def distance(self, layer, points, z):
        ball = (points - CHEST).norm(dim=-1) - z
        return torch.minimum(ball, (points - torch.tensor([0.6, 0.6, 0.0])).norm(dim=-1) - self.speck)

    def feature(self, layer, points, z):
        return torch.zeros(*points.shape[:2], 64)

    def normals(self, layer, points, z):
        return torch.nn.functional.normalize(points - CHEST, dim=-1)


@pytest.fixture(scope="module")
def body():
    return MeanBody(BodyModel.load())


@pytest.fixture(scope="module")
def details():
    torch.manual_seed(0)
    made = Details(DetailConfig())
    for layer in made.layers.values():  # they begin at nothing
        torch.nn.init.normal_(layer.planes.basis, std=0.3)
        torch.nn.init.normal_(layer.decoder.last.weight, std=0.02)
    return made.requires_grad_(False)


@pytest.fixture(scope="module")
def person(body):
    beta = np.linspace(-1.5, 1.5, 16).astype(np.float32)
    return dressed_person(body, Ball(), beta, SMALL)


def test_normals_of_clothes_are_those_of_the_shaped_surface(person):
    raster = seen_from("front", person.surface, 1.024, 256)
    found = person.normal_map(raster, Ball())
    true = raster.interpolate(
        person.surface.triangles, vertex_normals(person.surface.vertices, person.surface.triangles)
    )
    worn = found.layer[raster.covered] == 0
    cosine = (found.normals()[raster.covered] * true / np.linalg.norm(true, axis=1, keepdims=True)).sum(1)
    assert worn.sum() > 1000
    assert np.degrees(np.arccos(np.median(cosine[worn]))) < 5
    assert (found.layer[~raster.covered] == BODY).all()


def test_another_detail_turns_normals_of_clothes_alone(person, details):
    found = person.normal_map(seen_from("front", person.surface, 1.024, 128), Ball())
    first, second = (found.normals((details, torch.randn(1, 32, generator=torch.manual_seed(k)))) for k in (0, 1))
    moved = np.abs(first - second).max(-1) > 1e-3
    assert moved[found.layer == 0].mean() > 0.9
    assert not moved[found.layer == BODY].any()


def test_folds_stay_where_they_are_on_another_shape(body, details):
    folds = [(details, torch.randn(1, 32, generator=torch.manual_seed(k))) for k in (0, 1)]
    found = fold_correlations(Ball(), body, (SMALL, LARGE), folds)
    assert found["same detail, two shapes"] > 0.8
    assert found["two details, two shapes"] < 0.8 * found["same detail, two shapes"]


def test_pieces_beside_what_is_worn_are_counted(body):
    beta = np.zeros(16, np.float32)
    for speck, spare in ((0.0, (0, 0)), (0.04, (1, 0)), (0.1, (1, 1))):
        assert dressed_person(body, Ball(speck), beta, SMALL).spare == spare


def test_hands_in_clothes_are_missed(body):
    assert limbs(Ball(), SMALL, body) == {"hands": True, "feet": True}
    assert limbs(Ball(), {"top": torch.tensor([[1.2]])}, body) == {"hands": False, "feet": False}
    assert limbs(Ball(), {"shoes": torch.tensor([[1.2]])}, body) == {"hands": False, "feet": True}


def test_one_gaussian_has_the_mixtures_mean_and_covariance():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(-2, 0.5, (300, 4)), rng.normal(1, 1.0, (500, 4))])
    gender = (rng.random(800) < 0.5).astype(float)
    outfits = Outfits({"top": CodeDistribution.fit(codes, gender, kinds=2)}, {"top": 0.0}, np.zeros(17))
    found = merged(outfits).layers["top"]
    np.testing.assert_allclose(found.mean[0], codes.mean(0), atol=1e-6)
    covariance = SPREAD**2 * found.factor[0] @ found.factor[0].T
    np.testing.assert_allclose(covariance, np.cov(codes.T, bias=True) + 0.05**2 * np.eye(4), atol=1e-4)
    assert found.gender[0] == pytest.approx(gender.mean())
