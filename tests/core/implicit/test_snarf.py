"""Forward skinning: the forward map is linear blend skinning, touching limbs have several roots, gradients are true."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from safetensors.numpy import save_file

from likeness.core.errors import EngineError
from likeness.core.implicit.articulated import OUTSIDE, ArticulatedConfig, Bones, Skeleton, canonical_theta
from likeness.core.implicit.articulated_baselines import BackwardSkinning, PiecewiseRigid
from likeness.core.implicit.persons import METHODS, load_persons, persons_tensors
from likeness.core.implicit.root_search import Roots, implicit_roots
from likeness.core.implicit.snarf import PAPER_BONES, Snarf
from likeness.core.parametric.lbs import skin
from likeness.core.parametric.smpl_joints import INDEX, JOINTS, PARENTS, adult_joints

CONFIG = ArticulatedConfig(skinning_width=32, skinning_depth=2, width=16, depth=2, octaves=2)


@pytest.fixture(scope="module")
def joints() -> torch.Tensor:
    return torch.tensor(adult_joints())


@pytest.fixture(scope="module")
def model(joints) -> Snarf:
    """A small one whose weights are right on the bones, and whose occupancy is random."""
    torch.manual_seed(0)
    model = Snarf(CONFIG, joints)
    optimizer = torch.optim.Adam(model.skinning.parameters(), 0.01)
    generator = torch.Generator().manual_seed(0)
    for _ in range(150):
        points, weights = model.skeleton.draw(200, generator)
        optimizer.zero_grad()
        (model.skinning(points) - weights).square().sum(1).mean().backward()
        optimizer.step()
    torch.nn.init.normal_(model.occupancy.last.weight)
    return model.eval().requires_grad_(False)


def about_bones(model: Snarf, count: int, seed: int = 1) -> torch.Tensor:
    """Canonical points [1, 2 count, 3] within a limb's width of the bones."""
    generator = torch.Generator().manual_seed(seed)
    points, _ = model.skeleton.draw(count, generator)
    return (points + 0.03 * torch.randn(points.shape, generator=generator))[None]


def any_theta(count: int, seed: int = 2) -> torch.Tensor:
    return 0.4 * torch.randn(count, 24, 3, generator=torch.Generator().manual_seed(seed))


def bent_arm(degrees: float = 165) -> torch.Tensor:
    """[1, 24, 3]: the left forearm folded back onto the upper arm."""
    theta = canonical_theta()[None].clone()
    theta[0, INDEX["left_elbow"], 1] = -math.radians(degrees)
    return theta


def posed(model: Snarf, points: torch.Tensor, bones: Bones) -> torch.Tensor:
    """The same canonical points [1, N, 3] in every pose: [B, N, 3]."""
    poses = len(bones.feature)
    rows = torch.arange(poses).repeat_interleave(points.shape[1])
    return model.deform(points.expand(poses, -1, -1).flatten(0, 1), rows, bones).unflatten(0, (poses, -1))


def test_rigid_parts_move_as_linear_blend_skinning_moves_them(joints):
    points = torch.randn(240, 3)
    weights = torch.eye(24).repeat(10, 1)
    theta = any_theta(1)
    canonical = skin(points, joints, PARENTS, weights, canonical_theta())
    found = Bones.of(theta, joints).forward(canonical, weights, torch.zeros(240, dtype=torch.long))
    assert (found - skin(points, joints, PARENTS, weights, theta[0])).abs().max() < 1e-5


def test_the_canonical_pose_moves_nothing_and_bones_carry_back_what_they_carried(model):
    points = about_bones(model, 50)
    still = model.bones(canonical_theta()[None])
    assert (posed(model, points, still) - points).abs().max() < 1e-5
    bones = model.bones(any_theta(2))
    one = torch.zeros(100, 24)
    one[:, 18] = 1
    moved = bones.forward(points[0], one, torch.ones(100, dtype=torch.long))
    assert (bones.carried_back(moved.expand(2, -1, -1))[1, :, 18] - points[0]).abs().max() < 1e-5


def test_a_folded_arm_has_a_root_in_each_of_its_halves(model):
    """The plain search and the fast one; the elbow's start alone is not enough for both."""
    bones = model.bones(bent_arm())
    start, end = model.skeleton.joints[[INDEX["left_shoulder"], INDEX["left_elbow"]]]
    on_arm = posed(model, torch.lerp(start, end, torch.linspace(0.5, 0.7, 9)[:, None])[None], bones)
    for roots in (model.slow_roots(on_arm, bones), model.roots(on_arm, bones)):
        places = [roots.points[i][kept] for i, kept in enumerate(roots.distinct(1e-3))]
        assert all((place[:, 0] < end[0] - 0.02).any() and (place[:, 0] > end[0] + 0.02).any() for place in places)
    one = model.slow_roots(on_arm, bones, (INDEX["left_shoulder"],))
    assert (one.distinct(1e-3).sum(1) == 1).all()


def test_starts_at_hands_and_feet_find_what_the_papers_nine_miss(model):
    theta = canonical_theta()[None].clone()
    theta[0, INDEX["left_wrist"], 2] = theta[0, INDEX["right_wrist"], 1] = math.radians(80)
    bones = model.bones(theta)
    hand = model.skeleton.joints[INDEX["left_hand"]] + 0.01 * torch.randn(1, 50, 3)
    there = posed(model, hand, bones)
    nine, every = model.slow_roots(there, bones, PAPER_BONES), model.slow_roots(there, bones)
    assert every.found.all() and every.found.sum() >= nine.found.sum()


def test_the_union_takes_the_largest_logit_and_nowhere_is_outside(model):
    logits, rows = torch.tensor([-1.0, 2.0, 0.5]), torch.tensor([0, 0, 2])
    assert model.union(logits, rows, 4).tolist() == [2.0, OUTSIDE, 0.5, OUTSIDE]
    soft = model.train().union(logits, rows, 4)
    model.eval()
    assert 1.9 < soft[0] < 2 and soft[1] == OUTSIDE and soft[2] == 0.5


def newton(model: Snarf, roots: Roots, points: torch.Tensor, bones: Bones) -> Roots:
    """The roots of the voxels brought to the network's, to the last digit."""
    at = roots.points.clone()
    rows = torch.nonzero(roots.converged)[:, 0]
    for _ in range(6):
        at[roots.converged] = implicit_roots(model.residual(points, bones), at[roots.converged], rows).detach()
    return replace(roots, points=at)


def test_gradients_reach_the_skinning_weights_as_finite_differences_say(model):
    """Through the roots; the search itself is not differentiated."""
    model = copy.deepcopy(model).double().train().requires_grad_(True)
    model.resample()
    bones = model.bones(any_theta(2).double())
    points = posed(model, about_bones(model, 10).double(), bones).detach()
    upstream = torch.randn(2, 20, dtype=torch.float64)
    roots = newton(model, model.roots(points, bones), points, bones)
    assert roots.found.float().mean() > 0.9

    def loss() -> torch.Tensor:
        return (model.logits_at(newton(model, roots, points, bones), points, bones) * upstream).sum()

    loss().backward()
    for weight in (model.skinning.last.weight, model.skinning.layers[0].weight):
        flat, place = weight.detach().view(-1), int(weight.grad.abs().argmax())
        values = []
        for move in (1e-6, -2e-6):
            flat[place] += move
            values.append(loss().item())
        flat[place] += 1e-6
        assert weight.grad.view(-1)[place].item() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-3)


def test_what_does_not_learn_is_not_polished(model):
    """Evaluation and the stage of frozen weights spare the network's Jacobians."""
    bones = model.bones(any_theta(1))
    points = posed(model, about_bones(model, 10), bones)
    logits = model.logits(points, bones)
    assert logits.shape == points.shape[:2] and not logits.requires_grad


@pytest.mark.parametrize("method", [BackwardSkinning, PiecewiseRigid])
def test_baselines_answer_and_learn(joints, method):
    torch.manual_seed(0)
    model = method(CONFIG, joints).train()
    torch.nn.init.normal_(model.occupancy.last.weight)
    bones = model.bones(any_theta(2))
    logits = model.logits(0.3 * torch.randn(2, 40, 3), bones)
    assert logits.shape == (2, 40) and logits.isfinite().all()
    logits.sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_a_rigid_piece_moves_with_its_bone_and_keeps_its_logit(joints):
    torch.manual_seed(0)
    model = PiecewiseRigid(CONFIG, joints).eval().requires_grad_(False)
    torch.nn.init.normal_(model.occupancy.last.weight, std=10)
    hand = model.skeleton.joints[None, INDEX["left_hand"]] + torch.tensor([[[0.05, 0.0, 0.0]]])
    rest, moved = model.bones(canonical_theta()[None]), model.bones(bent_arm(60))
    weights = torch.eye(24)[[INDEX["left_hand"]]]
    carried = moved.forward(hand[0], weights, torch.zeros(1, dtype=torch.long))[None]
    same_feature = moved._replace(feature=rest.feature)
    assert model.logits(carried, same_feature).item() == pytest.approx(model.logits(hand, rest).item(), abs=1e-3)


def test_the_canonical_space_holds_the_skeleton(joints):
    skeleton = Skeleton.of(joints)
    assert len(skeleton.segments) == 28 and set(skeleton.bone.tolist()) == set(range(len(JOINTS)))
    points, weights = skeleton.draw(100, torch.Generator().manual_seed(0))
    own = skeleton.distances(points[:100]).gather(1, weights[:100].argmax(1)[:, None])
    assert own.max() < 1e-5
    low, high = skeleton.bounds
    assert ((points > low) & (points < high)).all()


def test_persons_come_back_from_their_file(tmp_path, joints):
    torch.manual_seed(0)
    persons = [{name: method(CONFIG, joints).eval() for name, method in METHODS.items()} for _ in range(2)]
    tensors, metadata = persons_tensors(persons)
    save_file(tensors, tmp_path / "snarf.safetensors", metadata)
    again = load_persons(path=tmp_path / "snarf.safetensors")
    points = about_bones(persons[0]["SNARF"], 20)[0]
    for before, after in zip(persons, again, strict=True):
        error = before["SNARF"].skinning(points) - after["SNARF"].skinning(points)
        assert error.abs().max() < 1e-3
        assert after["SNARF"].joints.equal(joints)


def test_other_files_are_refused(tmp_path):
    save_file({"x": adult_joints()}, tmp_path / "snarf.safetensors", {"config": "{}"})
    with pytest.raises(EngineError, match="holds no persons"):
        load_persons(path=tmp_path / "snarf.safetensors")
