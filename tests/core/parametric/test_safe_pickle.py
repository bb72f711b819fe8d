"""Pickles are read, never run."""

import builtins
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest
import scipy.sparse
import torch

from likeness.core.errors import InputError
from likeness.core.parametric.safe_pickle import read_numpy, read_pickle, read_torch

ARRAYS = {
    "float32": np.arange(6, dtype=np.float32).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big_endian": np.arange(4, dtype=">i4"),
    "uint32": np.array([[4294967295, 0], [0, 1]], np.uint32),
    "empty": np.zeros((0, 3)),
    "scalar": np.float64(2.5),
    "bool": np.array([True, False]),
}


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


class Global:
    """Pickles as a call of whatever module and name are given, which need not exist."""

    def __init__(self, module, name, *args):
        self.module, self.name, self.args = module, name, args

    def dumps(self):
        arguments = pickle.dumps(self.args, protocol=2)[2:-1]
        return b"\x80\x02c" + f"{self.module}\n{self.name}\n".encode() + arguments + b"R."


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_every_protocol(tmp_path, protocol, name):
    path = tmp_path / "array.pkl"
    path.write_bytes(pickle.dumps({"x": ARRAYS[name], "n": [1, "two", (3.0, None)]}, protocol))
    content = read_pickle(path)
    np.testing.assert_array_equal(content["x"], ARRAYS[name])
    assert content["n"] == [1, "two", (3.0, None)]


@pytest.mark.parametrize("kind", [scipy.sparse.csc_matrix, scipy.sparse.csr_matrix])
def test_sparse_matrices_become_dense(tmp_path, kind):
    dense = np.random.default_rng(0).random((5, 9)) * (np.random.default_rng(1).random((5, 9)) < 0.3)
    path = tmp_path / "sparse.pkl"
    path.write_bytes(pickle.dumps(kind(dense), 2))
    np.testing.assert_array_equal(read_pickle(path), dense)


def test_python_2_text_is_bytes(tmp_path):
    """Python 2 wrote an array's bytes as a str, which Python 3 reads as latin1 text."""
    path = tmp_path / "python2.pkl"
    raw = np.array([1.5, -2.0]).tobytes()
    path.write_bytes(
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U" + bytes([len(raw)]) + raw + b"tb."
    )
    np.testing.assert_array_equal(read_pickle(path), [1.5, -2.0])


def test_torch_files_without_torch(tmp_path):
    path = tmp_path / "00001.frame"
    tensor = torch.arange(12.0).reshape(3, 4)
    content = {"flame": {"exp": tensor, "column": tensor[:, 1], "numpy": tensor.numpy()}, "frame_id": 1}
    torch.save(content, path)
    read = read_torch(path)
    assert read["frame_id"] == 1
    for name in ("exp", "column", "numpy"):
        np.testing.assert_array_equal(read["flame"][name], content["flame"][name])


def test_numpy_files(tmp_path):
    np.save(tmp_path / "a.npy", {"exp": np.ones(3)}, allow_pickle=True)
    np.savez(tmp_path / "b.npz", plain=np.ones(2), objects=np.array({"x": np.zeros(2)}, object))
    np.testing.assert_array_equal(read_numpy(tmp_path / "a.npy")["exp"], np.ones(3))
    content = read_numpy(tmp_path / "b.npz")
    np.testing.assert_array_equal(content["plain"], np.ones(2))
    np.testing.assert_array_equal(content["objects"]["x"], np.zeros(2))


def gadgets(marker):
    touch = f"open({str(marker)!r}, 'w').close()"
    command = f"{sys.executable} -c {touch!r}"
    return {
        "os.system": pickle.dumps(Call(os.system, command), 2),
        "eval": pickle.dumps(Call(builtins.eval, touch), 2),
        "exec, protocol 5": pickle.dumps(Call(builtins.exec, touch), 5),
        "open": pickle.dumps(Call(open, str(marker), "w"), 4),
        "in an array of objects": pickle.dumps(np.array([Call(builtins.eval, touch)], object), 2),
        "through numpy": Global("numpy.testing._private.utils", "runstring", touch, {}).dumps(),
        "through numpy's f2py": Global("numpy.f2py.crackfortran", "myeval", touch).dumps(),
        "through an attribute": b"\x80\x04\x8c\x05numpy\x8c\x0fdtype.__class__\x93.",
        "through getattr": Global("builtins", "getattr", 1, "real").dumps(),
        "through copy_reg": Global("copy_reg", "_reconstructor", 1, 2, 3).dumps(),
        "through Python 2's map": Global("__builtin__", "apply", 1).dumps(),
        "through torch": Global("torch.storage", "_load_from_bytes", pickle.dumps(Call(builtins.eval, touch))).dumps(),
    }


@pytest.mark.parametrize("gadget", gadgets(""))
def test_other_names_are_refused_without_running(tmp_path, gadget):
    marker = tmp_path / "it ran"
    path = tmp_path / "model.pkl"
    path.write_bytes(gadgets(marker)[gadget])
    with pytest.raises(InputError, match=r"model.pkl .*(nothing in it was run|damaged)") as error:
        read_pickle(path)
    assert not marker.exists()
    assert str(error.value).count("\n") == 0


def test_the_gadgets_would_run(tmp_path):
    """Else the test above would prove nothing."""
    for name in ("os.system", "eval", "exec, protocol 5", "open", "in an array of objects"):
        marker = tmp_path / name
        pickle.loads(gadgets(marker)[name])
        assert marker.exists(), name


def test_names_of_chumpy_are_only_remembered(tmp_path):
    marker = tmp_path / "it ran"
    path = tmp_path / "model.pkl"
    path.write_bytes(Global("chumpy.os", "system", f"touch '{marker}'").dumps())
    assert read_pickle(path) is None
    assert not marker.exists()


@pytest.mark.parametrize("write", ["npy", "npz", "frame"])
def test_pickles_inside_of_other_files_are_refused(tmp_path, write):
    marker = tmp_path / "it ran"
    evil = np.array({"x": Call(builtins.eval, f"open({str(marker)!r}, 'w').close()")}, object)
    path = tmp_path / f"clip.{write}"
    if write == "npy":
        np.save(path, evil, allow_pickle=True)
    elif write == "npz":
        np.savez(path, x=evil)
    else:
        torch.save(evil.item(), path)
    with pytest.raises(InputError, match="nothing in it was run"):
        read_torch(path) if write == "frame" else read_numpy(path)
    assert not marker.exists()


def test_a_crafted_dtype_is_refused(tmp_path):
    """Fields of a structured dtype can claim raw bytes to be pointers to objects."""
    dtype = b"cnumpy\ndtype\nX\x02\x00\x00\x00V8K\x00K\x01\x87R"
    fields = (
        b"(K\x03X\x01\x00\x00\x00|NX\x01\x00\x00\x00a\x85}X\x01\x00\x00\x00a"
        b"cnumpy\ndtype\nX\x02\x00\x00\x00O8K\x00K\x01\x87RK\x00\x86sK\x08K\x01K\x00tb"
    )
    path = tmp_path / "model.pkl"
    path.write_bytes(
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x01\x85"
        + dtype
        + fields
        + b"\x89U\x08AAAAAAAAtb."
    )
    with pytest.raises(InputError, match="damaged"):
        read_pickle(path)


def test_shared_lists_do_not_explode(tmp_path):
    """Thirty nested pairs of the same list are two to the thirty lists for a reader that visits each anew."""
    nest = []
    for _ in range(30):
        nest = [nest, nest]
    path = tmp_path / "nest.pkl"
    path.write_bytes(pickle.dumps(nest))
    assert len(read_pickle(path)) == 2


@pytest.mark.parametrize("keep", [0, 1, 20, 100, -1])
@pytest.mark.parametrize("kind", ["pkl", "npz", "npy", "frame"])
def test_truncated_files_are_one_sentence(tmp_path, kind, keep):
    path = tmp_path / f"clip.{kind}"
    content = {"x": np.arange(100.0)}
    if kind == "pkl":
        path.write_bytes(pickle.dumps(content, 2))
    elif kind == "npz":
        np.savez(path, **content)
    elif kind == "npy":
        np.save(path, content["x"])
    else:
        torch.save(content, path)
    path.write_bytes(path.read_bytes()[:keep])
    reader = {"pkl": read_pickle, "frame": read_torch}.get(kind, read_numpy)
    with pytest.raises(InputError, match=rf"clip.{kind} is damaged"):
        reader(path)


def test_a_torch_file_with_a_tensor_beyond_its_storage(tmp_path):
    whole, path = tmp_path / "whole.pt", tmp_path / "short.pt"
    torch.save({"x": torch.arange(100.0)}, whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data[:8] if name.endswith("data/0") else data)
    with pytest.raises(InputError, match="damaged"):
        read_torch(path)


def test_missing_files_and_folders(tmp_path):
    for path in (tmp_path / "absent.pkl", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_pickle(path)
