"""FLAME model files: made here in FLAME's own layouts, read by Likeness; written by Likeness, read by smplx."""

import builtins
import pickle
import sys
import types

import numpy as np
import pytest
import scipy.sparse
import smplx
import torch

from likeness.core.errors import InputError, UsageError
from likeness.core.parametric.flame_export import EMBEDDING, export_flame, flame_arrays
from likeness.core.parametric.flame_files import load_flame
from likeness.core.parametric.head import EXPRESSIONS, SHAPES

V, F = 60, 100


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    regressor, weights = rng.random((5, V)) * (rng.random((5, V)) < 0.3), rng.random((V, 5))
    return {
        "v_template": rng.normal(size=(V, 3)),
        "shapedirs": rng.normal(size=(V, 3, 400)),
        "posedirs": rng.normal(size=(V, 3, 36)),
        "J_regressor": regressor,
        "weights": weights / weights.sum(1, keepdims=True),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "f": rng.integers(0, V, (F, 3)).astype(np.uint32),
    }


@pytest.fixture
def chumpy(monkeypatch):
    """A module under chumpy's name whose class pickles as chumpy's does: the array is `x` of the object's dict."""
    package, module = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")

    class Ch:
        def __init__(self, x):
            self.x, self._dirty_vars, self._itr = x, set(), None

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    module.Ch = Ch
    monkeypatch.setitem(sys.modules, "chumpy", package)
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return Ch


def in_flame_layout(arrays, chumpy):
    chumpies = {name: chumpy(arrays[name]) for name in ("v_template", "shapedirs", "weights")}
    extra = {"bs_style": "lbs", "bs_type": "lrotmin", "J": chumpy(np.zeros((5, 3)))}
    return {**arrays, **chumpies, **extra, "J_regressor": scipy.sparse.csc_matrix(arrays["J_regressor"])}


def assert_same(flame, arrays):
    for name, expected in arrays.items():
        if name == "kintree_table":
            expected = [[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]
        np.testing.assert_allclose(getattr(flame, name), expected, rtol=1e-6)


def test_a_flame_pickle_with_chumpy_and_sparse_arrays(tmp_path, arrays, chumpy, monkeypatch):
    path = tmp_path / "generic_model.pkl"
    path.write_bytes(pickle.dumps(in_flame_layout(arrays, chumpy), protocol=2))
    assert b"chumpy.ch\nCh" in path.read_bytes()
    monkeypatch.setitem(sys.modules, "chumpy", None)
    monkeypatch.setitem(sys.modules, "chumpy.ch", None)
    assert_same(load_flame(path), arrays)


@pytest.mark.parametrize("sparse", [False, True])
def test_a_flame_npz(tmp_path, arrays, sparse):
    path = tmp_path / "FLAME_NEUTRAL.npz"
    regressor = scipy.sparse.csc_matrix(arrays["J_regressor"]) if sparse else arrays["J_regressor"]
    np.savez(path, **{**arrays, "J_regressor": regressor})
    assert_same(load_flame(path), arrays)


def test_a_malicious_model_is_refused_without_running(tmp_path, arrays):
    class Evil:
        def __reduce__(self):
            return builtins.eval, (f"open({str(tmp_path / 'it ran')!r}, 'w').close()",)

    path = tmp_path / "generic_model.pkl"
    path.write_bytes(pickle.dumps({**arrays, "bs_type": Evil()}, protocol=2))
    with pytest.raises(InputError, match="refused and nothing in it was run"):
        load_flame(path)
    assert not (tmp_path / "it ran").exists()
    pickle.loads(path.read_bytes())
    assert (tmp_path / "it ran").exists()


WRONG = {
    "a missing array": ({"posedirs": None}, "lacks posedirs"),
    "text for numbers": ({"weights": "heavy"}, "not of numbers"),
    "another model's shape space": ({"shapedirs": np.zeros((V, 3, 10))}, "shapedirs is 60 x 3 x 10, not 60 x 3 x 400"),
    "another model's joints": ({"J_regressor": np.zeros((24, V))}, "J_regressor is 24 x 60"),
    "a template of one number": ({"v_template": np.float64(1)}, "v_template is"),
    "faces beyond the vertices": ({"f": np.full((F, 3), V)}, "refer to what is not there"),
    "not a number": ({"v_template": np.full((V, 3), np.nan)}, "not finite"),
    "a joint that is its own parent": (
        {"kintree_table": np.array([[0, 1, 2, 3, 4]] * 2)},
        "refer to what is not there",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_contents_are_one_sentence(tmp_path, arrays, wrong):
    change, message = WRONG[wrong]
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps({**arrays, **change}, 2))
    with pytest.raises(InputError, match=message) as error:
        load_flame(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [[1, 2], None, "FLAME", 3.0])
def test_other_pickles_are_one_sentence(tmp_path, content):
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(InputError, match="is not a FLAME model"):
        load_flame(path)


def test_other_files_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"choose the \.pkl or \.npz"):
        load_flame(tmp_path / "model.obj")
    for name in ("absent.pkl", "absent.npz"):
        with pytest.raises(InputError, match="cannot be read"):
            load_flame(tmp_path / name)


@pytest.mark.parametrize("extension", ["npz", "pkl"])
def test_smplx_computes_the_same_vertices_from_the_export(tmp_path, model, extension):
    path, embedding = export_flame(model, tmp_path / "out" / f"FLAME_NEUTRAL.{extension}")
    assert sorted(tmp_path.glob("out/*")) == sorted([path, embedding])
    network = smplx.FLAME(str(path.parent), ext=extension, num_betas=SHAPES, num_expression_coeffs=EXPRESSIONS)
    flame = load_flame(path)
    rng = np.random.default_rng(0)
    for _ in range(3):
        beta, psi, theta = (rng.normal(0, s, n).astype(np.float32) for s, n in ((1.5, 100), (1.5, 50), (0.4, (5, 3))))
        poses = dict(
            zip(
                ("global_orient", "neck_pose", "jaw_pose", "leye_pose", "reye_pose"),
                torch.tensor(theta)[:, None],
                strict=True,
            )
        )
        output = network(betas=torch.tensor(beta)[None], expression=torch.tensor(psi)[None], **poses)
        ours = model.vertices(beta, psi, theta)
        np.testing.assert_allclose(output.vertices[0].detach().numpy(), ours, atol=1e-5)
        np.testing.assert_allclose(output.joints[0, 5:].detach().numpy(), ours[model.landmarks68[17:]], atol=1e-5)
        np.testing.assert_allclose(flame.vertices(beta, psi, theta), ours, atol=1e-5)


def test_the_exported_regressor_is_moved_by_identity_and_not_by_expression(model):
    regressor = flame_arrays(model)["J_regressor"]
    beta = np.random.default_rng(0).normal(size=SHAPES).astype(np.float32)
    np.testing.assert_allclose(regressor @ model.shaped(beta), model.joints(beta), atol=1e-6)
    assert np.abs(np.einsum("jv,vck->jck", regressor, model.shapedirs[:, :, SHAPES:])).max() < 1e-7


def test_export_refuses_other_suffixes_and_places(tmp_path, model):
    with pytest.raises(UsageError, match="model.obj"):
        export_flame(model, tmp_path / "model.obj")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        export_flame(model, tmp_path / "file" / "model.npz")
    assert not list(tmp_path.rglob(f"*{EMBEDDING}*"))
    assert not list(tmp_path.rglob("*.partial"))
