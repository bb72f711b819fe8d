"""Skinning against a slow per-vertex reference, finite differences, and itself in the other array library."""

import numpy as np
import pytest
import torch

from likeness.core.parametric.lbs import joint_transforms, pose_feature, rotation_matrix, skin

PARENTS = (-1, 0, 1, 1, 2)


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    weights = rng.random((40, 5))
    return {
        "vertices": rng.normal(size=(40, 3)),
        "joints": rng.normal(size=(5, 3)),
        "weights": weights / weights.sum(1, keepdims=True),
        "theta": rng.normal(size=(5, 3)),
    }


def homogeneous(rotation, translation):
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = rotation, translation
    return matrix


def exponential(vector):
    """The rotation as a power series of the cross-product matrix: slow, and independent of Rodrigues' formula."""
    x, y, z = vector
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    result, term = np.eye(3), np.eye(3)
    for n in range(1, 40):
        term = term @ k / n
        result = result + term
    return result


def slow_skin(vertices, joints, weights, theta):
    world = []
    for j, parent in enumerate(PARENTS):
        local = homogeneous(exponential(theta[j]), joints[j] - (joints[parent] if j else 0))
        world.append(world[parent] @ local if j else local)
    posed = np.zeros_like(vertices)
    for v, vertex in enumerate(vertices):
        for j, matrix in enumerate(world):
            at_rest = np.linalg.inv(homogeneous(np.eye(3), joints[j])) @ [*vertex, 1]
            posed[v] += weights[v, j] * (matrix @ at_rest)[:3]
    return posed


def test_skin_is_the_slow_reference(scene):
    fast = skin(scene["vertices"], scene["joints"], PARENTS, scene["weights"], scene["theta"])
    np.testing.assert_allclose(fast, slow_skin(**scene), atol=1e-7)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 1.0, np.pi, 5.0])
def test_rotation_matrix_is_the_exponential(angle):
    vector = angle * np.array([0.6, -0.64, 0.48])
    np.testing.assert_allclose(rotation_matrix(vector), exponential(vector), atol=1e-8)


def test_rotation_matrices_are_rotations():
    matrices = rotation_matrix(np.random.default_rng(0).normal(size=(50, 3)) * 2)
    np.testing.assert_allclose(
        matrices @ matrices.swapaxes(-1, -2), np.broadcast_to(np.eye(3), matrices.shape), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-9)


def test_numpy_and_torch_agree(scene):
    tensors = {name: torch.tensor(value) for name, value in scene.items()}
    ours = skin(scene["vertices"], scene["joints"], PARENTS, scene["weights"], scene["theta"])
    theirs = skin(tensors["vertices"], tensors["joints"], PARENTS, tensors["weights"], tensors["theta"])
    np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)
    np.testing.assert_allclose(pose_feature(scene["theta"]), pose_feature(tensors["theta"]).numpy(), atol=1e-12)


def test_a_batch_is_its_items(scene):
    rng = np.random.default_rng(1)
    thetas = rng.normal(size=(3, 5, 3))
    vertices, joints = rng.normal(size=(3, 40, 3)), rng.normal(size=(3, 5, 3))
    batch = skin(vertices, joints, PARENTS, scene["weights"], thetas)
    for item, v, j, t in zip(batch, vertices, joints, thetas, strict=True):
        np.testing.assert_allclose(item, skin(v, j, PARENTS, scene["weights"], t), atol=1e-12)


@pytest.mark.parametrize("rest", [False, True], ids=["posed", "at rest"])
def test_gradients_are_finite_differences(scene, rest):
    """At rest too, where the axis of a rotation is not defined."""
    vertices, joints, weights, theta = (torch.tensor(scene[k]) for k in ("vertices", "joints", "weights", "theta"))
    inputs = [vertices[:6], joints, weights[:6], theta * (0 if rest else 1)]
    inputs = [x.clone().requires_grad_() for x in inputs]
    assert torch.autograd.gradcheck(lambda v, j, w, t: skin(v, j, PARENTS, w, t), inputs, atol=1e-5)


def test_a_joint_stays_where_its_parent_puts_it(scene):
    rotation, translation = joint_transforms(scene["joints"], PARENTS, scene["theta"])
    for j in range(1, 5):
        joint, parent = scene["joints"][j], PARENTS[j]
        np.testing.assert_allclose(
            rotation[j] @ joint + translation[j], rotation[parent] @ joint + translation[parent], atol=1e-9
        )
