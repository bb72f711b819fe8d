"""The deformation fields: with the head model's own fields they are the head model; the network only approximates."""

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from likeness.core.errors import EngineError
from likeness.core.implicit.imavatar import (
    Drive,
    Fields,
    Imavatar,
    ImavatarConfig,
    imavatar_tensors,
    load_imavatar,
    pose_points,
)
from likeness.core.implicit.root_search import implicit_roots
from likeness.core.parametric.arkit import INDEX
from likeness.core.parametric.head import HeadModel

BOUNDS = torch.tensor([[-0.15, -0.2, -0.12], [0.15, 0.17, 0.15]])


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel.load()


@pytest.fixture(scope="module")
def canonical_theta(model) -> torch.Tensor:
    return torch.tensor(0.25 * model.arkit_theta[INDEX["jawOpen"]])


@pytest.fixture
def network(canonical_theta) -> Imavatar:
    """A small one whose fields are smooth and of a plausible size: a few millimetres, mixed weights."""
    torch.manual_seed(1)
    network = Imavatar(ImavatarConfig(octaves=3, width=32, depth=2), canonical_theta, BOUNDS)
    torch.nn.init.normal_(network.last.weight, std=0.03)
    return network.eval().requires_grad_(False)


def random_poses(count: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    psi = torch.randn(count, 50, generator=generator)
    theta = 0.15 * torch.randn(count, 5, 3, generator=generator)
    theta[:, 2, 0] = 0.6 * torch.rand(count, generator=generator)
    return psi, theta


def test_with_the_head_models_fields_the_posed_points_are_the_head_models(model, canonical_theta):
    """Any identity, expression and pose: every part of the head, to a thousandth of a millimetre."""
    psi, theta = random_poses(3)
    beta = np.random.default_rng(0).standard_normal((3, 100)).astype(np.float32)
    truth = model.vertices(beta, psi.numpy(), theta.numpy())
    still = np.broadcast_to(canonical_theta.numpy(), theta.shape)
    canonical = torch.tensor(model.vertices(beta, 0 * psi.numpy(), still.copy()))
    count = len(model.v_template)
    fields = Fields(
        torch.tensor(model.shapedirs[:, :, 100:]).transpose(1, 2).expand(3, -1, -1, -1),
        torch.tensor(model.posedirs.reshape(36, count, 3)).transpose(0, 1).expand(3, -1, -1, -1),
        torch.tensor(model.lbs_weights).expand(3, -1, -1),
    )
    drive = Drive.of(psi, theta, torch.tensor(model.joints(beta)), canonical_theta)
    assert np.abs(pose_points(canonical, fields, drive).numpy() - truth).max() < 1e-6


def test_the_canonical_pose_moves_nothing(network, canonical_theta, model):
    points = torch.rand(2, 50, 3) * 0.2 - 0.1
    joints = torch.tensor(model.joints(np.zeros((2, 100), np.float32)))
    posed = network.deform(points, torch.zeros(2, 50), canonical_theta.expand(2, -1, -1), joints)
    assert (posed - points).abs().max() < 1e-6


def test_weights_are_a_partition_and_fields_have_flames_sizes(network):
    fields = network.fields(torch.rand(2, 7, 3))
    assert fields.expression.shape == (2, 7, 50, 3) and fields.pose.shape == (2, 7, 36, 3)
    assert torch.allclose(fields.weights.sum(-1), torch.ones(2, 7)) and fields.weights.min() >= 0


def test_beyond_the_box_the_fields_are_those_of_its_face(network):
    inside, outside = torch.tensor([[0.1, 0.17, 0.0]]), torch.tensor([[0.1, 5.0, 0.0]])
    for a, b in zip(network.fields(inside), network.fields(outside), strict=True):
        assert torch.equal(a, b)


@pytest.fixture
def driven(network, model) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Canonical points of two poses and the poses."""
    psi, theta = random_poses(2, seed=3)
    joints = torch.tensor(model.joints(np.zeros((2, 100), np.float32)))
    points = torch.rand(2, 300, 3, generator=torch.Generator().manual_seed(4)) * 0.16 - 0.08
    return points, 0.2 * psi, theta, joints


def test_root_search_undoes_the_deformation(network, driven):
    points, *pose = driven
    roots = network.canonical(network.deform(points, *pose), *pose)
    assert roots.found.float().mean() > 0.98
    again = network.deform(roots.best.reshape(2, 300, 3), *pose)
    off = (again - network.deform(points, *pose)).norm(dim=-1).flatten()
    assert off[roots.found].max() < 1.1e-5


def test_an_identity_reads_the_fields_at_its_template_points(network, driven):
    """A head that is the template moved aside deforms as the template does, moved aside, in an unturned pose."""
    points, psi, theta, joints = driven
    shift = torch.tensor([0.01, 0.02, -0.01])
    pose = psi, torch.zeros_like(theta), joints
    plain = network.deform(points, *pose)
    moved = network.deform(points + shift, psi, torch.zeros_like(theta), joints + shift, template_points=points)
    assert (moved - shift - plain).abs().max() < 1e-6
    roots = network.canonical(moved, psi, torch.zeros_like(theta), joints + shift, template=lambda at, rows: at - shift)
    assert roots.found.float().mean() > 0.98


def test_gradient_of_a_canonical_point_by_psi_is_that_of_finite_differences(network, driven):
    network = network.double()
    points, psi, theta, joints = (value.double() for value in driven)
    target = network.deform(points[:, :4], psi, theta, joints)

    def root(psi: torch.Tensor) -> torch.Tensor:
        residual = network.residual(target, psi, theta, joints)
        at = points[:, :4].reshape(-1, 3)
        rows = torch.arange(len(at))
        for _ in range(6):  # Newton from the known root at the unperturbed psi
            at = implicit_roots(residual, at, rows)
        return at

    assert torch.autograd.gradcheck(root, psi.requires_grad_(), eps=1e-6, atol=1e-6)


def test_posed_distance_has_the_posed_spheres_sign_and_zero(network, driven):
    """Of a sphere in the canonical space: posed surface points are on it, points towards its middle inside."""
    _, *pose = driven
    direction = torch.nn.functional.normalize(
        torch.randn(2, 200, 3, generator=torch.Generator().manual_seed(5)), dim=-1
    )

    def distance(radius: float) -> torch.Tensor:
        posed = network.deform(radius * direction, *pose)
        return network.posed_sdf(posed, *pose, sdf=lambda at, rows: at.norm(dim=-1) - 0.07)

    assert distance(0.07).abs().median() < 2e-5
    assert (distance(0.06) < 0).float().mean() > 0.98
    assert (distance(0.08) > 0).float().mean() > 0.95


def test_weights_are_read_back_and_others_are_refused(network, tmp_path):
    tensors, metadata = imavatar_tensors(network)
    save_file(tensors, tmp_path / "imavatar.safetensors", metadata)
    again = load_imavatar(path=tmp_path / "imavatar.safetensors")
    points = torch.rand(1, 20, 3) * 0.1
    for a, b in zip(network.fields(points), again.fields(points), strict=True):
        assert torch.equal(a, b)
    save_file({"last.weight": tensors["last.weight"]}, tmp_path / "other.safetensors", metadata)
    with pytest.raises(EngineError, match=r"other\.safetensors"):
        load_imavatar(path=tmp_path / "other.safetensors")
