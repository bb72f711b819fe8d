"""SMPL's model files: made here in their own layouts, read by Likeness; our body written by Likeness, read by smplx."""

import builtins
import pickle

import numpy as np
import pytest
import scipy.sparse
import smplx
import torch
from smplx.utils import Struct

from likeness.core.errors import InputError, UsageError
from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.lbs import pose_feature, skin
from likeness.core.parametric.smpl_files import export_smpl, load_smpl
from likeness.core.parametric.smpl_joints import JOINTS, PARENTS

V, F = 80, 120
HANDS = [parent for wrist in (20, 21) for finger in range(5) for parent in (wrist, None, None)]


def kintree(joints: int) -> list[int]:
    """Parents of SMPL's, SMPL-H's and SMPL-X's joints."""
    if joints == 24:
        return list(PARENTS)
    parents = [*PARENTS[:22], *([15, 15, 15] if joints == 55 else [])]
    for parent in HANDS:
        parents.append(len(parents) - 1 if parent is None else parent)
    return parents


def model_arrays(joints: int, shapes: int = 10) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(joints)
    regressor, weights = rng.random((joints, V)), rng.random((V, joints)) * (rng.random((V, joints)) < 0.2)
    weights[np.arange(V), rng.integers(0, joints, V)] = 1
    return {
        "v_template": rng.normal(size=(V, 3)),
        "shapedirs": rng.normal(size=(V, 3, shapes)),
        "posedirs": rng.normal(size=(V, 3, 9 * (joints - 1))),
        "J_regressor": regressor / regressor.sum(1, keepdims=True),
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.array([[4294967295, *kintree(joints)[1:]], range(joints)], np.uint32),
        "f": rng.integers(0, V, (F, 3)).astype(np.uint32),
    }


def posed(arrays: dict[str, np.ndarray], beta: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The file's own function, all of its joints."""
    shaped = arrays["v_template"] + arrays["shapedirs"][:, :, : len(beta)] @ beta
    parents = arrays["kintree_table"][0].astype(np.int32).tolist()
    corrected = shaped + arrays["posedirs"] @ pose_feature(theta)
    return skin(corrected, arrays["J_regressor"] @ shaped, parents, arrays["weights"], theta)


def write(path, arrays):
    sparse = {**arrays, "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"]), "bs_type": "lrotmin"}
    if path.suffix == ".pkl":
        path.write_bytes(pickle.dumps(sparse, protocol=2))
    else:
        np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("name", ["model.pkl", "model.npz"])
@pytest.mark.parametrize(("joints", "shapes"), [(24, 10), (24, 300), (52, 16), (55, 20), (55, 400)])
def test_bodies_with_still_hands_are_the_files_own(tmp_path, joints, shapes, name):
    arrays = model_arrays(joints, shapes)
    body = load_smpl(write(tmp_path / name, arrays))
    assert body.shapedirs.shape[2] == {20: 10, 400: 300}.get(shapes, shapes)
    rng = np.random.default_rng(0)
    beta, theta = rng.normal(size=10), np.zeros((joints, 3))
    theta[:22] = rng.normal(0, 0.4, (22, 3))
    ours = body.vertices(beta.astype(np.float32), theta[:24].astype(np.float32) if joints == 24 else small(theta))
    np.testing.assert_allclose(ours, posed(arrays, beta, theta), atol=2e-4)


def small(theta: np.ndarray) -> np.ndarray:
    """The first 22 joints of a larger skeleton, hands still."""
    out = np.zeros((24, 3), np.float32)
    out[:22] = theta[:22]
    return out


@pytest.mark.parametrize(("joints", "left"), [(52, 22), (55, 25)])
def test_a_hand_is_one_joint_amid_the_knuckles(tmp_path, joints, left):
    arrays = model_arrays(joints, 10 if joints == 52 else 20)
    body = load_smpl(write(tmp_path / "model.npz", arrays))
    knuckles = [left, left + 3, left + 6, left + 9]
    np.testing.assert_allclose(body.J_regressor[22], arrays["J_regressor"][knuckles].mean(0), atol=1e-6)
    np.testing.assert_allclose(body.lbs_weights[:, 22], arrays["weights"][:, left : left + 12].sum(1), atol=1e-6)
    wrist = arrays["weights"][:, [20, *range(left + 12, left + 15)]].sum(1)
    np.testing.assert_allclose(body.lbs_weights[:, 20], wrist, atol=1e-6)
    np.testing.assert_allclose(body.lbs_weights.sum(1), 1, atol=1e-5)
    # Where the hand turns, the correctives are those of four knuckles that turn alike.
    theta, full = np.zeros((24, 3)), np.zeros((joints, 3))
    theta[22] = full[knuckles] = (0.3, -0.2, 0.5)
    np.testing.assert_allclose(
        pose_feature(theta) @ body.posedirs, (arrays["posedirs"] @ pose_feature(full)).ravel(), atol=1e-4
    )


def test_jaw_and_eyes_ride_on_the_head(tmp_path):
    arrays = model_arrays(55, 20)
    body = load_smpl(write(tmp_path / "SMPLX_NEUTRAL.npz", arrays))
    np.testing.assert_allclose(body.lbs_weights[:, 15], arrays["weights"][:, [15, 22, 23, 24]].sum(1), atol=1e-6)


def test_a_malicious_model_is_refused_without_running(tmp_path):
    class Evil:
        def __reduce__(self):
            return builtins.eval, (f"open({str(tmp_path / 'it ran')!r}, 'w').close()",)

    path = tmp_path / "basicmodel.pkl"
    path.write_bytes(pickle.dumps({**model_arrays(24), "bs_type": Evil()}, protocol=2))
    with pytest.raises(InputError, match="refused and nothing in it was run"):
        load_smpl(path)
    assert not (tmp_path / "it ran").exists()


WRONG = {
    "a missing array": ({"posedirs": None}, "lacks posedirs"),
    "text for numbers": ({"weights": "heavy"}, "not of numbers"),
    "FLAME's five joints": ({"weights": np.zeros((V, 5))}, "do not follow 24, 52 or 55 joints"),
    "weights of one number": ({"weights": np.float64(1)}, "do not follow 24, 52 or 55 joints"),
    "other joints' regressor": ({"J_regressor": np.zeros((52, V))}, "J_regressor is 52 x 80, not 24 x 80"),
    "shapes of one axis": ({"shapedirs": np.zeros((V, 3))}, "shapedirs is 80 x 3, not 80 x 3 x any"),
    "correctives of SMPL-H": ({"posedirs": np.zeros((V, 3, 459))}, "posedirs is 80 x 3 x 459"),
    "faces beyond the vertices": ({"f": np.full((F, 3), V)}, "refer to what is not there"),
    "not a number": ({"v_template": np.full((V, 3), np.nan)}, "not finite"),
    "another skeleton": ({"kintree_table": np.array([[0, *range(23)], range(24)])}, "do not hang together"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_contents_are_one_sentence(tmp_path, wrong):
    change, message = WRONG[wrong]
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({**model_arrays(24), **change}, 2))
    with pytest.raises(InputError, match=message) as error:
        load_smpl(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"not a model", pickle.dumps([1, 2])])
def test_other_files_are_one_sentence(tmp_path, content):
    for name in ("model.pkl", "model.npz", "model.obj"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError):
            load_smpl(tmp_path / name)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return BodyModel.load()


@pytest.fixture(scope="module", params=["body.pkl", "body.npz"])
def exported(request, body, tmp_path_factory):
    return export_smpl(body, tmp_path_factory.mktemp("smpl") / request.param)


def test_smplx_makes_the_same_bodies_of_ours(body, exported):
    shapes = body.shapedirs.shape[2]
    if exported.suffix == ".npz":
        with np.load(exported) as file:
            layer = smplx.SMPL("", data_struct=Struct(**file), num_betas=shapes, batch_size=4)
    else:
        layer = smplx.SMPL(str(exported), num_betas=shapes, batch_size=4)
    rng = np.random.default_rng(0)
    beta = rng.normal(size=(4, shapes)).astype(np.float32)
    theta = rng.normal(0, 0.5, (4, len(JOINTS), 3)).astype(np.float32)
    turns = torch.from_numpy(theta).reshape(4, -1)
    with torch.no_grad():
        out = layer(betas=torch.from_numpy(beta), global_orient=turns[:, :3], body_pose=turns[:, 3:])
    np.testing.assert_allclose(out.vertices.numpy(), body.vertices(beta, theta), atol=1e-5)
    still = layer(betas=torch.from_numpy(beta)).joints[:, :24].detach().numpy()
    np.testing.assert_allclose(still, body.joints(beta), atol=1e-5)


def test_an_exported_body_is_read_back(body, exported):
    again = load_smpl(exported)
    rng = np.random.default_rng(0)
    beta, theta = rng.normal(size=16).astype(np.float32), rng.normal(0, 0.3, (24, 3)).astype(np.float32)
    np.testing.assert_allclose(again.vertices(beta, theta), body.vertices(beta, theta), atol=1e-5)


def test_another_suffix_is_wrong_usage(body, tmp_path):
    with pytest.raises(UsageError, match="An SMPL model is a .npz or a .pkl file, not body.obj"):
        export_smpl(body, tmp_path / "body.obj")
