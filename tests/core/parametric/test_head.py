"""The head model as shipped: its function, its sides and its ARKit shapes."""

import numpy as np
import pytest
import torch

from likeness.core.errors import EngineError
from likeness.core.parametric.arkit import ARKIT_NAMES, INDEX, flame_from_arkit, mirrored
from likeness.core.parametric.head import EXPRESSIONS, SHAPES, HeadModel

BETA, PSI, THETA = np.zeros(SHAPES, np.float32), np.zeros(EXPRESSIONS, np.float32), np.zeros((5, 3), np.float32)
MIRRORED_WITHIN = 1e-4
"""Metres."""


def expressed(model, name):
    weights = np.zeros(len(ARKIT_NAMES), np.float32)
    weights[INDEX[name]] = 1
    psi, theta = flame_from_arkit(model, weights)
    return model.vertices(BETA, psi, theta)


def test_zero_parameters_are_the_template(model):
    np.testing.assert_allclose(model.vertices(BETA, PSI, THETA), model.v_template, atol=1e-6)


def test_joints_are_inside_the_head_and_on_their_sides(model):
    joints = model.joints(BETA)
    low, high = model.v_template.min(0), model.v_template.max(0)
    assert (joints >= low).all()
    assert (joints <= high).all()
    _, _, _, left, right = joints
    assert left[0] > 0 > right[0]
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=1e-4)


def test_weights_and_regressor_sum_to_one(model):
    np.testing.assert_allclose(model.lbs_weights.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(model.J_regressor.sum(1), 1, atol=1e-4)
    assert (model.lbs_weights >= 0).all()


def test_a_root_rotation_is_rigid(model):
    theta = THETA.copy()
    theta[0] = [0.3, -1.2, 0.5]
    posed = model.vertices(BETA, PSI, theta)
    pairs = np.random.default_rng(0).integers(0, len(posed), (500, 2))
    lengths = [np.linalg.norm(x[pairs[:, 0]] - x[pairs[:, 1]], axis=1) for x in (posed, model.v_template)]
    np.testing.assert_allclose(*lengths, atol=1e-5)


def test_numpy_and_torch_agree(model):
    rng = np.random.default_rng(0)
    beta, psi = (rng.normal(size=n).astype(np.float32) for n in (SHAPES, EXPRESSIONS))
    theta = rng.normal(0, 0.3, (5, 3)).astype(np.float32)
    names = ("v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights")
    fields = {**model.__dict__, **{name: torch.tensor(np.array(getattr(model, name))) for name in names}}
    tensors = HeadModel(**fields).vertices(*(torch.tensor(x) for x in (beta, psi, theta)))
    np.testing.assert_allclose(model.vertices(beta, psi, theta), tensors.numpy(), atol=1e-5)


def test_mirror_is_an_involution_of_the_template(model):
    np.testing.assert_array_equal(model.mirror[model.mirror], np.arange(len(model.mirror)))
    np.testing.assert_allclose(model.v_template[model.mirror] * [-1, 1, 1], model.v_template, atol=MIRRORED_WITHIN)


def test_arkit_names_are_in_live_link_order(model):
    assert model.arkit_names == ARKIT_NAMES


@pytest.mark.parametrize("name", ARKIT_NAMES)
def test_every_arkit_shape_moves_the_head(model, name):
    moved = np.linalg.norm(expressed(model, name) - model.v_template, axis=1)
    assert moved.max() > 1e-3


@pytest.mark.parametrize("name", [name for name in ARKIT_NAMES if not name.endswith("Right")])
def test_arkit_shapes_are_mirrored(model, name):
    other = expressed(model, mirrored(name))
    np.testing.assert_allclose(other[model.mirror] * [-1, 1, 1], expressed(model, name), atol=MIRRORED_WITHIN)


def test_one_sided_shapes_move_their_own_side(model):
    for name in ("eyeBlinkLeft", "browDownLeft", "mouthSmileLeft", "cheekSquintLeft", "noseSneerLeft"):
        moved = np.linalg.norm(expressed(model, name) - model.v_template, axis=1)
        assert model.v_template[moved > 0.5 * moved.max(), 0].mean() > 0.005, name


def test_looking_turns_the_eyes_the_right_way(model):
    eye = model.vertex_part == model.parts.index("left_eye")
    centre = model.joints(BETA)[3]
    for name, axis, sign in (("Up", 1, 1), ("Down", 1, -1), ("Out", 0, 1), ("In", 0, -1)):
        front = eye & (model.v_template[:, 2] > centre[2] + 0.008)
        moved = (expressed(model, f"eyeLook{name}Left") - model.v_template)[front, axis].mean()
        assert sign * moved > 1e-3, name


def test_the_jaw_opens_the_mouth(model):
    upper, lower = model.landmarks68[62], model.landmarks68[66]
    opened = expressed(model, "jawOpen")
    assert (opened[upper] - opened[lower])[1] - (model.v_template[upper] - model.v_template[lower])[1] > 0.01


@pytest.mark.parametrize(
    "content", [b"", b"not a model", b"\x08\0\0\0\0\0\0\0{}      "], ids=["empty", "text", "no tensors"]
)
def test_damaged_weights_are_one_sentence(tmp_path, content):
    path = tmp_path / "head.safetensors"
    path.write_bytes(content)
    with pytest.raises(EngineError, match="head.safetensors") as error:
        HeadModel.load(path)
    assert "\n" not in str(error.value)
