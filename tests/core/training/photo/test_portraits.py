"""Synthetic portraits: pictures and truth belong together, whoever sits."""

import numpy as np
import pytest

from likeness.core.capture.coarse_net import SIDE
from likeness.core.parametric.arkit import INDEX
from likeness.core.parametric.dense_points import DensePoints
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.shading import sh_basis
from likeness.core.training.photo import sitters, studio
from likeness.core.training.photo.film import develop
from likeness.core.training.photo.light import Lamp, Lighting, as_harmonics
from likeness.core.training.photo.shards import PortraitSet, middle_view
from likeness.core.training.photo.sitters import Sitters
from likeness.core.training.photo.sittings import SIZE, random_expression, random_sitting
from likeness.core.training.photo.skins import Skins
from likeness.core.training.photo.studio import Portrait, Studio


@pytest.fixture(scope="module")
def model():
    return HeadModel.load()


@pytest.fixture(scope="module")
def dense(model):
    return DensePoints.of(model)


@pytest.fixture(scope="module")
def people():
    """Two, of plain skins, in plain light."""
    albedo = np.zeros((2, sitters.SIZE, sitters.SIZE, 3), np.float16)
    albedo[0], albedo[1] = np.log([0.5, 0.3, 0.2]), np.log([0.1, 0.05, 0.03])
    light = np.zeros((2, 9, 3), np.float32)
    light[:, 0], light[:, 2] = 2.5, 1.0
    hair = np.array([[0.05, 0.03, 0.02], [np.nan] * 3], np.float32)
    return Sitters(albedo, np.full(albedo.shape[:3], 255, np.uint8), light, hair, np.zeros((2, 100)))


def portraits(count, points):
    rng = np.random.default_rng(1)
    shape = {"beta": 100, "arkit": 52, "camera": 15}
    return Portrait(
        rng.integers(0, 255, (count, SIZE, SIZE, 3), dtype=np.uint8),
        rng.uniform(0, SIZE, (count, points, 2)).astype(np.float32),
        rng.random((count, points)) < 0.5,
        **{name: np.zeros((count, size), np.float32) for name, size in shape.items()},
        light=np.zeros((count, 9, 3), np.float32),
    )


def test_expressions_keep_their_range_and_look_with_both_eyes():
    for seed in range(50):
        weights = random_expression(np.random.default_rng(seed))
        assert ((weights >= 0) & (weights <= 1)).all()
        assert weights[INDEX["eyeLookInLeft"]] == weights[INDEX["eyeLookOutRight"]]
        assert weights[INDEX["eyeLookInLeft"]] * weights[INDEX["eyeLookOutLeft"]] == 0


def test_a_sitting_shows_the_face_in_the_middle(model, dense):
    for seed in range(8):
        sitting = random_sitting(np.random.default_rng(seed), model, dense)
        points = sitting.camera.project(sitting.vertices[dense.vertices[dense.face]])
        assert (points[:, 2] > 0).all()
        middle = (points[:, :2].min(0) + points[:, :2].max(0)) / 2
        assert np.abs(middle - SIZE / 2).max() < 0.15 * SIZE
        assert 0.45 * SIZE < np.ptp(points[:, :2], axis=0).max() < 0.8 * SIZE


def test_lamps_throw_shadows():
    floor = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1], [0.3, 0, 0.3], [-0.3, 0, -0.3]], float)
    roof = np.array([[0, 0.5, 0], [1, 0.5, 0], [1, 0.5, 1], [0, 0.5, 1]], float)
    scene = np.concatenate([floor, roof]), np.array([[0, 1, 2], [0, 2, 3], [6, 7, 8], [6, 8, 9]])
    lighting = Lighting(np.zeros((9, 3)), (Lamp(np.array([0.0, 1.0, 0.0]), np.ones(3)),))
    up = np.tile([0.0, 1.0, 0.0], (2, 1))
    shaded, lit = lighting.irradiance(floor[4:], up, scene)
    assert shaded.max() < 0.05
    assert np.allclose(lit, 1, atol=0.05)


def test_the_nearest_harmonics_of_second_order_light_are_it():
    rng = np.random.default_rng(0)
    normals = rng.standard_normal((2000, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = np.zeros((9, 3))
    light[0], light[2:4] = 3.0, rng.normal(0, 0.4, (2, 3))
    lighting = Lighting(light, ())
    nothing = np.zeros((1, 3)), np.zeros((0, 3), int)
    shown = lighting.irradiance(normals, normals, nothing)
    assert np.abs(sh_basis(normals) @ as_harmonics(normals, shown) - shown).mean() < 0.03 * shown.mean()


def test_skins_are_reflectances(model, people):
    skins = Skins(model, people)
    for seed in range(4):
        skin = skins.random(np.random.default_rng(seed), np.array([0.02, 0.02, 0.02]) if seed % 2 else None)
        assert skin.shape == (sitters.SIZE, sitters.SIZE, 3)
        assert (skin > 0).all()
        assert (skin <= 1).all()


def test_film_never_fails():
    linear = np.random.default_rng(0).gamma(0.5, 1, (64, 64, 3))
    for seed in range(40):
        pixels = develop(np.random.default_rng(seed), linear, np.ones((64, 64), bool))
        assert pixels.shape == (64, 64, 3)
        assert pixels.dtype == np.uint8


def test_views_carry_points_with_their_pixels(dense):
    made = portraits(1, len(dense))
    made.pixels[:] = 0
    made.points[0, 7] = (90.5, 120.5)
    made.pixels[0, 118:123, 88:93] = 255
    shown = PortraitSet(made, dense.mirror, np.eye(100))
    for mirrored in (False, True):
        image, points, visible = shown.view(0, middle_view(1.1, 0.3, (0.05, -0.02)), mirrored)
        index = dense.mirror[7] if mirrored else 7
        row, column = np.nonzero(image[..., 0] > 100)
        assert np.abs(points[index] - [column.mean() + 0.5, row.mean() + 0.5]).max() < 0.5
        assert visible[index] == made.visible[0, 7]


def test_batches_follow_from_the_seed(dense):
    shown = PortraitSet(portraits(3, len(dense)), dense.mirror, -np.eye(100))
    first, again = (shown.batch(np.random.default_rng(5), 4) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert (one == other).all()
    assert first.pixels.shape == (4, SIDE, SIDE, 3)


@pytest.mark.needs_data
def test_a_portrait_shows_its_points(data, tmp_path, people, monkeypatch):
    monkeypatch.setattr(studio.Sitters, "load", lambda *_, **__: people)
    made = Studio(data, tmp_path).portrait(np.random.default_rng(3))
    again = Studio(data, tmp_path).portrait(np.random.default_rng(3))
    assert (made.pixels == again.pixels).all()
    assert made.pixels.std() > 10
    assert 0.2 < made.visible.mean() < 0.95
    assert ((made.points[made.visible] >= 0) & (made.points[made.visible] <= SIZE)).all()
    assert np.isfinite(made.light).all()
