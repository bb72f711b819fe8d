"""Keys in place of a body's pose correctives."""

import numpy as np
import pytest

from likeness.core.avatar import Corrective
from likeness.core.bodies.correctives import LEAST, body_correctives
from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.joint_limits import random_turns
from likeness.core.parametric.lbs import pose_feature, rotation_matrix
from likeness.core.parametric.smpl_joints import INDEX, JOINTS

Keys = tuple[dict[str, Corrective], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def keys(model: BodyModel) -> Keys:
    return body_correctives(model)


def test_every_joint_that_folds_has_some(keys: Keys) -> None:
    assert {f"{side}_{joint}" for side in ("left", "right") for joint in ("elbow", "knee", "shoulder", "hip")} <= {
        corrective.joint for corrective in keys[0].values()
    }
    assert len(keys[0]) < 70


def test_they_rest_at_rest_and_matter_within_the_limits(keys: Keys) -> None:
    for name, corrective in keys[0].items():
        assert corrective.value(np.eye(3)) == 0
        turns = random_turns(corrective.joint, 1000, np.random.default_rng(0))
        most = corrective.value(rotation_matrix(turns)).max()
        assert most == pytest.approx(1, abs=1e-5)
        assert np.linalg.norm(keys[1][name], axis=1).max() >= 0.99 * LEAST


@pytest.mark.parametrize("joint", ["left_elbow", "right_knee", "left_shoulder", "right_hip"])
def test_they_do_what_the_model_does(model: BodyModel, keys: Keys, joint: str) -> None:
    """Of turns that nothing was made from, less than a quarter is left of what bones alone miss."""
    theta = np.zeros((30, 24, 3), np.float32)
    theta[:, INDEX[joint]] = random_turns(joint, 30, np.random.default_rng(5))
    expected = (pose_feature(theta) @ model.posedirs).reshape(30, -1, 3)
    rotations = rotation_matrix(theta[:, INDEX[joint]].astype(float))
    found = sum(
        corrective.value(rotations)[:, None, None] * keys[1][name]
        for name, corrective in keys[0].items()
        if corrective.joint == joint
    )
    assert np.sqrt(((expected - found) ** 2).sum()) < 0.25 * np.sqrt((expected**2).sum())


def test_right_is_left_mirrored(model: BodyModel, keys: Keys) -> None:
    counts = {joint: sum(c.joint == joint for c in keys[0].values()) for joint in JOINTS}
    for joint in JOINTS:
        if joint.startswith("left"):
            assert counts[joint] == counts[joint.replace("left", "right")]
    left, right = keys[1]["corrective_left_knee_1"], keys[1]["corrective_right_knee_1"]
    np.testing.assert_allclose(left * (-1, 1, 1), right[model.mirror], atol=5e-4)


@pytest.mark.parametrize("order", [1, 2])
def test_a_turn_about_one_axis(order: int) -> None:
    rotation = np.array([0.3, -0.2, 0.4])
    corrective = Corrective.of_turn("jaw", rotation, order)
    most = np.linalg.norm(rotation)
    for share in (0.0, 0.3, 0.7, 1.0, 1.5):
        t = min(share, 1) * most
        expected = np.sin(t) / np.sin(most) if order == 1 else (1 - np.cos(t)) / (1 - np.cos(most))
        assert corrective.value(rotation_matrix(share * rotation)) == pytest.approx(expected, abs=1e-6)
