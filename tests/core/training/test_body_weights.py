"""The shipped body: its topology, its symmetry, its joints and weights, and that bent limbs keep their volume."""

import igl
import numpy as np
import pytest

from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.smpl_joints import JOINTS, PARENTS
from likeness.core.rendering.rasterise import triangulate
from likeness.core.tensors import load_tensors
from likeness.core.weights import weights_path

REFLECT = np.array([-1, 1, 1], np.float32)
BETA = np.zeros(16, np.float32)
OTHER_SIDE = {"left_": "right_", "right_": "left_"}
MIRRORED = [
    JOINTS.index(
        next((far + name.removeprefix(near) for near, far in OTHER_SIDE.items() if name.startswith(near)), name)
    )
    for name in JOINTS
]


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel.load()


@pytest.fixture(scope="module")
def skin(model: BodyModel) -> np.ndarray:
    return model.faces[(model.vertex_part[model.faces] == 0).all(1)]


def bent(**degrees: tuple[float, float, float]) -> np.ndarray:
    theta = np.zeros((24, 3), np.float32)
    for joint, turn in degrees.items():
        theta[JOINTS.index(joint)] = np.radians(turn)
    return theta


def test_skin_is_makehumans_in_quads(model, skin):
    assert np.array_equal(model.base_index[: len(skin) + 2], np.arange(13380)) and len(skin) == 13378
    assert (np.sort(skin, 1)[:, 1:] != np.sort(skin, 1)[:, :-1]).all()
    assert [(model.vertex_part == part).sum() for part in range(3)] == [13380, 72, 72]
    edges, count = np.unique(
        np.sort(np.concatenate([skin[:, [i, (i + 1) % 4]] for i in range(4)]), 1), axis=0, return_counts=True
    )
    assert (count == 2).all() and len(edges)


def test_faces_look_outward_and_have_a_chart(model, skin):
    corners = model.v_template[triangulate(skin)[0]]
    assert 0.04 < np.linalg.det(corners).sum() / 6 < 0.09
    assert model.faces_uv.shape == model.faces.shape and model.faces_uv.max() == len(model.uv) - 1
    assert model.uv.min() >= 0 and model.uv.max() <= 1


def test_body_is_symmetric_at_rest_in_shape_and_in_pose(model, skin):
    assert np.array_equal(model.mirror[model.mirror], np.arange(len(model.mirror)))
    assert {frozenset(face) for face in model.mirror[skin].tolist()} == {frozenset(face) for face in skin.tolist()}
    rng = np.random.default_rng(0)
    beta, theta = rng.normal(size=16).astype(np.float32), rng.normal(0, 0.4, (24, 3)).astype(np.float32)
    for pose in (np.zeros_like(theta), theta):
        twin = model.vertices(beta, pose[MIRRORED] * [1, -1, -1])
        np.testing.assert_allclose(model.vertices(beta, pose)[model.mirror] * REFLECT, twin, atol=1e-4)


def test_weights_have_at_most_four_influences_and_sum_to_one(model):
    assert model.lbs_weights.min() >= 0 and (model.lbs_weights > 0).sum(1).max() <= 4
    np.testing.assert_allclose(model.lbs_weights.sum(1), 1, atol=1e-5)


def test_every_joint_moves_its_part_of_the_body(model):
    """And what lies on the other side of the joint stays: weights are nowhere but along the chain."""
    assert (model.lbs_weights.max(0) > 0.45).all()
    joints = model.joints(BETA)
    for joint in range(1, 24):
        mine = model.lbs_weights[:, joint] > 0.45
        assert np.linalg.norm(model.v_template[mine] - joints[joint], axis=1).max() < 0.55, JOINTS[joint]


def test_joint_regressor_is_sparse_and_convex(model):
    assert model.J_regressor.min() >= 0 and (model.J_regressor > 0).sum(1).max() < 60
    np.testing.assert_allclose(model.J_regressor.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_joints_are_inside_the_body(model, skin, seed):
    rng = np.random.default_rng(seed)
    beta = rng.normal(size=16).astype(np.float32) if seed else BETA
    shape, joints = model.shaped(beta).astype(np.float64), model.joints(beta).astype(np.float64)
    winding = igl.fast_winding_number(shape, triangulate(skin)[0].astype(np.int64), joints)
    assert (winding > 0.5).all(), [JOINTS[j] for j in np.flatnonzero(winding <= 0.5)]


def test_eyes_ride_on_the_head(model):
    assert (model.lbs_weights[model.vertex_part > 0, JOINTS.index("head")] == 1).all()


BENT = {
    "left_elbow": (bent(left_elbow=(0, -90, 0)), 0.12),
    "right_knee": (bent(right_knee=(90, 0, 0)), 0.15),
    "left_hip": (bent(left_hip=(-90, 0, 0)), 0.2),
    "right_wrist": (bent(right_wrist=(80, 0, 0)), 0.1),
}


@pytest.mark.parametrize("joint", BENT)
def test_bent_and_turned_limbs_keep_their_volume(model, joint):
    """Around a joint, against the T-pose: correctives keep within 14 % what linear blending alone would lose."""
    theta, reach = BENT[joint]
    centre = model.joints(BETA)[JOINTS.index(joint)]
    triangles = triangulate(model.faces)[0]
    near = triangles[(np.linalg.norm(model.v_template[triangles] - centre, axis=2) < reach).all(1)]

    def volume(vertices: np.ndarray) -> float:
        return float(np.linalg.det(vertices[near] - centre).sum())

    rest = volume(model.v_template)
    ours, bones = volume(model.vertices(BETA, theta)) / rest, volume(model.skinned(BETA, theta)) / rest
    assert abs(ours - 1) < 0.14 and bones < ours - 0.03


def test_helpers_follow_the_same_betas(model):
    helpers, _ = load_tensors(weights_path("body_helpers"))
    assert helpers["shapedirs"].shape == (len(helpers["base_index"]), 3, model.shapedirs.shape[2])
    assert not set(helpers["base_index"]) & set(model.base_index)
    assert helpers["posedirs"].shape == (9 * (len(PARENTS) - 1), helpers["v_template"].size)
    np.testing.assert_allclose(helpers["lbs_weights"].sum(1), 1, atol=1e-5)


@pytest.mark.slow
@pytest.mark.needs_data
def test_held_out_bodies_and_poses_are_reproduced(data):
    pytest.importorskip("anny")
    from likeness.core.evaluation.body_model import measure_body_model

    figures = measure_body_model(data)
    shapes = figures["Held-out bodies in the T-pose"]
    assert shapes["10 betas"]["mean_mm"] < 2 and shapes["16 betas"]["mean_mm"] < 1
    for name, row in figures["Held-out poses of held-out bodies"].items():
        share = 1 if "own marks" in name else 0.75
        assert row["ours_mean_mm"] < share * row["bones_alone_mean_mm"]
        assert row["ours_p95_mm"] < share * row["bones_alone_p95_mm"]
    volumes = figures["Volume around bent joints, share of the teacher's"]
    for row in volumes.values():
        assert abs(row["ours"] - 1) < 0.07 and abs(row["ours"] - 1) < abs(row["bones_alone"] - 1)
