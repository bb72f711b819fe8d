"""The recipe `encoder`: its losses, and that it learns from them."""

import numpy as np
import pytest
import torch

from likeness.core.capture.coarse_net import SIDE
from likeness.core.capture.encoder import Encoder, EncoderConfig
from likeness.core.capture.face_code import SIZE, FaceCode, anchor_of
from likeness.core.capture.landmarks import mirror as landmark_mirror
from likeness.core.parametric.albedo_basis import AlbedoBasis
from likeness.core.parametric.head import HeadModel
from likeness.core.training.implicit.trainer import Schedule
from likeness.core.training.photo import encoder as recipe
from likeness.core.training.photo.coded_portraits import CodedPortraits
from likeness.core.training.photo.encoder import RealLessons, Teacher, fit, held_out, standardise
from likeness.core.training.photo.encoder_losses import (
    LIDS,
    angles,
    gap_loss,
    identity_loss,
    landmark_loss,
    photometric_loss,
    turn_loss,
)
from likeness.core.training.photo.portrait_views import VIEWS, PortraitViews, mirrored_view


@pytest.fixture(scope="module")
def model():
    return HeadModel.load()


@pytest.fixture(scope="module")
def teacher(model):
    return Teacher(model, AlbedoBasis.load())


@pytest.fixture(scope="module")
def anchor(model):
    return torch.tensor(anchor_of(model))


def codes(count, seed=0):
    values = 0.2 * torch.randn(count, SIZE, generator=torch.Generator().manual_seed(seed))
    code = FaceCode.split(values)
    light = code.harmonics.clone()
    light[:, 0] += 2.0
    return code._replace(light=light.flatten(1))


def test_the_truth_costs_nothing(teacher, anchor):
    truth = codes(3)
    terms = teacher.synthetic(truth, truth, truth.project(teacher.dense(truth), anchor), anchor)
    assert all(float(value) < 2e-3 for value in terms.values())


@pytest.mark.parametrize(
    ("name", "taught"),
    [
        ("shape", {"beta"}),
        ("expression", {"psi", "jaw"}),
        ("turn", {"turn"}),
        ("camera", {"camera"}),
        ("points", {"beta", "psi", "turn", "jaw", "camera"}),
        ("light", {"light"}),
        ("identity", {"beta"}),
    ],
)
def test_each_loss_teaches_its_parameters(teacher, anchor, name, taught):
    truth = codes(2, 1)
    code = FaceCode(*(part.detach().requires_grad_() for part in codes(2)))
    terms = teacher.synthetic(code, truth, truth.project(teacher.dense(truth), anchor), anchor)
    terms[name].backward()
    assert {part for part in FaceCode._fields if getattr(code, part).grad is not None} == taught
    assert all(getattr(code, part).grad.abs().sum() > 0 for part in taught)


def test_rotations_differ_by_their_angle():
    one, other = codes(1)._replace(turn=torch.zeros(1, 3)), codes(1)._replace(turn=torch.tensor([[0.0, 2.5, 0.0]]))
    assert float(angles(one.rotation, other.rotation)) == pytest.approx(2.5, abs=1e-4)
    assert float(turn_loss(one, other)) == pytest.approx(6.25, abs=1e-3)


def test_mirrored_heads_have_mirrored_landmarks(teacher, anchor):
    code = codes(2)
    seen, other = (teacher.landmarks(c, anchor) for c in (code, teacher.mirrored(code)))
    mirrored = (seen * torch.tensor([-1.0, 1.0]) + torch.tensor([SIDE, 0.0]))[:, landmark_mirror()]
    used = teacher.landmarks.get_buffer("trust") > 0
    assert (other - mirrored)[:, used].norm(dim=-1).median() < 1.0


def test_landmarks_are_measured_between_the_irises():
    seen = torch.zeros(1, 478, 2)
    seen[:, 473, 0] = 40.0
    moved = seen + torch.tensor([4.0, 0.0])
    assert float(landmark_loss(moved, seen, torch.ones(478))) == pytest.approx(0.1, rel=1e-3)
    assert float(gap_loss(moved, seen, LIDS)) < 1e-4
    moved[:, LIDS[:, 0], 1] += 2.0
    assert float(gap_loss(moved, seen, LIDS)) == pytest.approx(0.05, rel=1e-2)


def test_colours_teach_albedo_and_light_where_skin_is_bare(teacher, anchor):
    code = codes(1)._replace(turn=torch.zeros(1, 3), camera=torch.zeros(1, 3))
    code = FaceCode(*(part.detach().requires_grad_() for part in code))
    skin = teacher.skin(code)
    place = code.project(skin.points, anchor)
    pixels = torch.full((1, 3, SIDE, SIDE), 0.7)
    covered = photometric_loss(skin, code, place, pixels, torch.zeros(1, 1, SIDE, SIDE))
    assert covered.item() == 0
    photometric_loss(skin, code, place, pixels, torch.ones(1, 1, SIDE, SIDE)).backward()
    assert code.alpha.grad.abs().sum() > 0
    assert code.light.grad.abs().sum() > 0


def test_shapes_of_one_person_point_the_same_way():
    beta = torch.randn(4, 100)
    assert float(identity_loss(beta, 2 * beta)) == pytest.approx(0, abs=1e-5)
    assert float(identity_loss(beta, -beta)) == pytest.approx(2, abs=1e-5)


def test_a_mirrored_view_mirrors_all_of_it():
    pixels, skin = np.zeros((SIDE, SIDE, 3), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    pixels[10, 20], skin[10, 20] = 255, 255
    landmarks = np.tile([20.5, 10.5], (478, 1))
    landmarks[33] = 30.0, 12.0
    image, bare, seen = mirrored_view(pixels, skin, landmarks)
    assert image[10, SIDE - 21].all()
    assert bare[10, SIDE - 21] == 255
    assert np.allclose(seen[263], (SIDE - 30.0, 12.0))


def test_it_learns(model, teacher, anchor, monkeypatch, tmp_path):
    """Inputs that are parts of the truth itself are understood."""
    monkeypatch.setenv("LIKENESS_CACHE", str(tmp_path))
    monkeypatch.setattr(recipe, "SYNTHETIC", 16)
    monkeypatch.setattr(recipe, "REAL", 2)
    torch.manual_seed(0)
    truth = codes(200)
    parts = torch.cat([truth.beta[:, :29], truth.psi[:, :29], truth.turn, truth.camera], 1)
    with torch.no_grad():
        lessons = CodedPortraits(parts, truth.values, truth.project(teacher.dense(truth), anchor))
        marks = teacher.landmarks(truth, anchor)[: 4 * VIEWS].unflatten(0, (4, VIEWS)).numpy()
    views = PortraitViews(
        np.full((4, VIEWS, SIDE, SIDE, 3), 128, np.uint8), np.full((4, VIEWS, SIDE, SIDE), 255, np.uint8), marks
    )
    encoder = Encoder(EncoderConfig(0, features=16, patches=4, hidden=64))
    standardise(encoder, lessons, model)
    before = held_out(encoder.eval(), teacher, lessons)
    run = recipe.Fabric(accelerator="cpu", devices=1, precision="32-true")
    real = RealLessons(views, parts[: 4 * VIEWS].unflatten(0, (4, VIEWS)))
    fit(encoder.train(), teacher, lessons, real, run, 0, Schedule(60, 1e-2, muon=2.0, warmup=2, average=0.8))
    after = held_out(encoder, teacher, lessons)
    assert after.shape_mm < 0.97 * before.shape_mm
    assert after.turn_deg < 0.8 * before.turn_deg
