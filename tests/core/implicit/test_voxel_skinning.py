"""The fast search finds what the plain one finds, to the error of its voxels, from the few starts that lead on."""

import pytest
import torch

from likeness.core.implicit.articulated import Bones, Skeleton
from likeness.core.implicit.root_search import search
from likeness.core.implicit.voxel_skinning import Nodes, VoxelSkinning
from likeness.core.parametric.smpl_joints import adult_joints

BONES = range(24)


@pytest.fixture(scope="module")
def skeleton() -> Skeleton:
    return Skeleton.of(torch.tensor(adult_joints()))


def field(points: torch.Tensor) -> torch.Tensor:
    """Smooth weights by distance from the bones, as a trained field has them."""
    return torch.softmax(-Skeleton.of(torch.tensor(adult_joints())).distances(points) / 0.02, 1)


@pytest.fixture(scope="module")
def voxels(skeleton) -> VoxelSkinning:
    return VoxelSkinning.of(field, skeleton)


@pytest.fixture(scope="module")
def bones() -> Bones:
    theta = 0.4 * torch.randn(3, 24, 3, generator=torch.Generator().manual_seed(0))
    return Bones.of(theta, torch.tensor(adult_joints()))


@pytest.fixture(scope="module")
def canonical(skeleton) -> torch.Tensor:
    """[3, 400, 3] within a limb's width of the bones."""
    generator = torch.Generator().manual_seed(1)
    points, _ = skeleton.draw(600, generator)
    return (points + 0.03 * torch.randn(points.shape, generator=generator)).reshape(3, 400, 3)


@pytest.fixture(scope="module")
def rows() -> torch.Tensor:
    return torch.arange(3).repeat_interleave(400)


def test_nodes_are_numbered_along_x_first_and_beyond_them_is_the_face():
    nodes = Nodes.over(torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.5, 0.25]]), 4)
    assert nodes.shape == (2, 3, 5) and nodes.step == 0.25
    positions = nodes.positions()
    assert nodes.nearest(positions).tolist() == list(range(30))
    assert nodes.nearest(torch.tensor([9.0, -9.0, 0.3])).item() == nodes.nearest(torch.tensor([1.0, 0.0, 0.25])).item()


def test_interpolation_is_trilinear():
    """A trilinear function of place is itself between the nodes, and stays at the face's value beyond."""
    nodes = Nodes.over(torch.tensor([[-1.0, 0.0, 0.0], [1.0, 1.5, 0.75]]), 8)

    def function(points: torch.Tensor) -> torch.Tensor:
        x, y, z = points.unbind(1)
        return 1 + x - 2 * y + 3 * z + x * y * z

    points = torch.rand(200, 3) * (nodes.bounds[1] - nodes.bounds[0]) + nodes.bounds[0]
    index, shares = nodes.around(points, torch.zeros(len(points), dtype=torch.long))
    assert torch.allclose((function(nodes.positions())[index] * shares).sum(1), function(points), atol=1e-5)
    outside, face = torch.tensor([[5.0, 0.7, 0.3]]), torch.tensor([[1.0, 0.7, 0.3]])
    index, shares = nodes.around(outside, torch.zeros(1, dtype=torch.long))
    assert torch.allclose((function(nodes.positions())[index] * shares).sum(1), function(face), atol=1e-5)


def test_blending_at_nodes_is_blending_interpolated_weights(voxels, bones, canonical, rows):
    points = canonical.flatten(0, 1)
    index, shares = voxels.reach.nodes.around(points, torch.zeros(len(points), dtype=torch.long))
    weights = (voxels.weights[index] * shares[..., None]).sum(1)
    assert (voxels.posed(bones).deform(points, rows) - bones.forward(points, weights, rows)).abs().max() < 1e-5


def test_the_voxels_error_shrinks_with_their_size(voxels, skeleton, bones, canonical, rows):
    points = canonical.flatten(0, 1)
    truth = bones.forward(points, field(points), rows)
    errors = [
        (grid.posed(bones).deform(points, rows) - truth).norm(dim=1)
        for grid in (voxels, VoxelSkinning.of(field, skeleton, 128))
    ]
    assert errors[0].median() < 3e-3
    assert errors[1].median() < 0.5 * errors[0].median()


def test_every_fast_root_is_one_and_nearly_every_plain_root_is_found(voxels, bones, canonical, rows):
    """Plain: all 24 starts, 50 steps. What the fast search leaves out are roots where no bone's weight counts."""
    fast = voxels.posed(bones)
    posed = fast.deform(canonical.flatten(0, 1), rows).reshape(canonical.shape)
    target = posed.flatten(0, 1)
    starts = bones.carried_back(posed).flatten(0, 1)
    inverse = bones.rotation.mT[rows]
    plain = search(
        lambda points, problem: fast.deform(points, rows[problem]) - target[problem],
        starts, inverse, steps=50, converged=1e-5, diverged=1.0,
    )  # fmt: skip
    found = fast.roots(posed)
    at = found.points[found.converged]
    problem = torch.nonzero(found.converged)[:, 0]
    assert (fast.deform(at, rows[problem]) - target[problem]).norm(dim=1).max() < 1e-4
    own = (found.points - canonical.flatten(0, 1)[:, None]).norm(dim=2).where(found.converged, torch.inf).amin(1)
    plainly = (plain.points - canonical.flatten(0, 1)[:, None]).norm(dim=2).where(plain.converged, torch.inf).amin(1)
    assert found.found.float().mean() > 0.97
    assert (own < 1e-3).float().mean() > (plainly < 1e-3).float().mean() - 0.05


def test_most_starts_are_left_out(voxels, bones, canonical, rows):
    posed = voxels.posed(bones).deform(canonical.flatten(0, 1), rows).reshape(canonical.shape)
    problem, bone, points = voxels.reach.starts(posed, bones)
    assert len(problem) < 0.25 * 24 * len(rows)
    assert problem.equal(problem.sort()[0])
    back = bones.carried_back(posed).flatten(0, 1)
    assert points.equal(back[problem, bone])


def test_far_points_have_no_root_and_none_at_all_is_no_error(voxels, bones):
    far = voxels.posed(bones).roots(torch.full((3, 2, 3), 5.0))
    assert not far.found.any() and len(far.points) == 6
    assert voxels.posed(bones).roots(torch.zeros(3, 0, 3)).points.shape[0] == 0
