"""What the deformation fields are taught: the teacher is the head model, and posed surfaces correct the fields."""

import numpy as np
import pytest
import torch

from likeness.core.implicit.imavatar import Imavatar, ImavatarConfig
from likeness.core.parametric.head import HeadModel
from likeness.core.training.implicit import imavatar as recipe
from likeness.core.training.implicit.imavatar import Teacher, field_losses, posed_losses, random_poses, sample


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    return Teacher(HeadModel.load())


@pytest.fixture(scope="module")
def samples(teacher):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "SKIN", 20_000)
        patch.setattr(recipe, "AROUND", 6000)
        patch.setattr(recipe, "BOX", 500)
        return sample(teacher, np.random.default_rng(0))


def test_posed_points_of_the_teacher_are_the_head_models(teacher):
    poses = random_poses(teacher.model, 4, np.random.default_rng(1))
    vertices = np.arange(0, len(teacher.vertices), 50)
    corners = torch.tensor(vertices)[:, None].repeat(1, 3)
    posed = teacher.posed(corners, torch.full((len(vertices), 3), 1 / 3), poses)
    truth = teacher.model.vertices(np.zeros((4, 100), np.float32), poses.psi.numpy(), poses.theta.numpy())
    assert np.abs(posed.numpy() - truth[:, vertices]).max() < 1e-6


def test_poses_open_the_jaw_wide_and_half_of_them_are_arkits(teacher):
    poses = random_poses(teacher.model, 400, np.random.default_rng(2))
    jaw = poses.theta[:, 2, 0]
    assert jaw[200:].min() >= 0 and jaw[200:].max() > 0.55
    inverse = np.linalg.pinv(teacher.model.arkit_psi)
    left = poses.psi.numpy() - poses.psi.numpy() @ inverse @ teacher.model.arkit_psi
    assert np.abs(left[:200]).max() < 1e-3


def test_points_between_the_lips_learn_from_the_nearer_lip(teacher, samples):
    """The fields of points off the skin are those of the nearest skin, on its own side of the mouth."""
    off = slice(20_000, None)
    anchors = (torch.tensor(teacher.vertices)[samples.corners[off]] * samples.barycentric[off][..., None]).sum(1)
    apart = (anchors - samples.points[off]).norm(dim=1)
    nearest = torch.cdist(samples.points[off], torch.tensor(teacher.vertices)).amin(1)
    assert (apart <= nearest + 1e-6).all()
    lips = teacher.masks["lips"][samples.corners[off].numpy()].min(1) > 0.5
    jaw = teacher.at(samples.corners[off], samples.barycentric[off]).weights[lips, 2]
    assert (jaw < 0.4).sum() > 50 and (jaw > 0.8).sum() > 50


def test_losses_vanish_at_the_teachers_fields_and_only_there(teacher, samples):
    rows = torch.arange(100)
    truth = teacher.at(samples.corners[rows], samples.barycentric[rows])
    variance = torch.ones(36)
    assert all(value == 0 for value in field_losses(truth, truth, samples.weight[rows], variance).values())
    other = truth._replace(expression=truth.expression + 1e-3)
    losses = field_losses(other, truth, samples.weight[rows], variance)
    assert losses["expression"].item() == pytest.approx(150, rel=1e-4) and losses["pose"] == losses["weights"] == 0


def test_posed_surfaces_alone_correct_the_fields(teacher, samples):
    """A network pulled off its teacher comes back by root search and implicit differentiation."""
    torch.manual_seed(0)
    module = Imavatar(ImavatarConfig(octaves=4, width=64, depth=2), teacher.canonical_theta, teacher.bounds)
    poses = random_poses(teacher.model, 2, np.random.default_rng(3))
    poses = recipe.Poses(0 * poses.psi, poses.theta)
    rows = torch.arange(200)
    optimizer = torch.optim.Adam(module.parameters(), 2e-3)
    history = []
    for _ in range(25):
        loss = posed_losses(module, teacher, samples, poses, rows)["posed"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    assert np.mean(history[-3:]) < 0.6 * np.mean(history[:3])
