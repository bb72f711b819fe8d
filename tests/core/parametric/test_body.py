"""The body model as shipped: its function."""

import numpy as np
import pytest
import torch

from likeness.core.errors import EngineError
from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.head import DEFAULT_WEIGHTS as HEAD
from likeness.core.parametric.smpl_joints import JOINTS, PARENTS

BETA, THETA = np.zeros(16, np.float32), np.zeros((24, 3), np.float32)


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


def test_zero_parameters_are_the_template_about_the_pelvis(model):
    np.testing.assert_allclose(model.vertices(BETA, THETA), model.v_template, atol=1e-6)
    assert np.abs(model.joints(BETA)[0]).max() < 0.01


def test_fewer_betas_are_the_first_ones(model):
    beta = np.zeros(16, np.float32)
    beta[:10] = np.random.default_rng(0).normal(size=10)
    np.testing.assert_allclose(model.shaped(beta[:10]), model.shaped(beta), atol=1e-6)


def test_the_t_pose_is_smpls(model):
    """Arms along x, palms down, face to +Z, the left on the side of +X, feet below the hips."""
    joints = dict(zip(JOINTS, model.joints(BETA), strict=True))
    arm = [joints[f"left_{name}"] for name in ("shoulder", "elbow", "wrist", "hand")]
    assert np.ptp([point[1] for point in arm]) < 5e-3 and np.all(np.diff([point[0] for point in arm]) > 0.05)
    assert joints["head"][1] > joints["neck"][1] > joints["spine3"][1] > joints["spine1"][1] > joints["pelvis"][1]
    assert joints["left_foot"][2] - joints["left_ankle"][2] > 0.1
    assert 0 < joints["left_ankle"][0] - joints["left_hip"][0] < 0.04
    assert model.v_template[:, 1].min() > joints["left_ankle"][1] - 0.12


def test_a_root_rotation_is_rigid_about_the_pelvis(model):
    theta = THETA.copy()
    theta[0] = [0.3, -1.2, 0.5]
    posed = model.vertices(BETA, theta)
    pairs = np.random.default_rng(0).integers(0, len(posed), (500, 2))
    lengths = [np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1) for x in (posed, model.v_template)]
    np.testing.assert_allclose(*lengths, atol=1e-5)


def test_numpy_and_torch_agree_in_batches(model):
    rng = np.random.default_rng(0)
    beta, theta = rng.normal(size=(2, 16)).astype(np.float32), rng.normal(0, 0.3, (2, 24, 3)).astype(np.float32)
    names = ("v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights")
    tensors = BodyModel(**{**model.__dict__, **{name: torch.tensor(np.array(getattr(model, name))) for name in names}})
    found = tensors.vertices(torch.tensor(beta), torch.tensor(theta))
    np.testing.assert_allclose(model.vertices(beta, theta), found.numpy(), atol=1e-5)
    np.testing.assert_allclose(model.vertices(beta[1], theta[1]), model.vertices(beta, theta)[1], atol=1e-6)


def test_parents_are_smpls(model):
    assert model.parents == PARENTS


def test_another_models_weights_are_one_sentence():
    with pytest.raises(EngineError, match="head.safetensors is not a body model of this version; reinstall Likeness."):
        BodyModel.load(HEAD)
