"""Reads pickles without running them.

A pickle is a program: it may name any function of any module and call it. Here every name that a file of arrays needs
is an inert stand-in of our own that only remembers what it is given, and every other name is refused before anything of
it runs. numpy's own reconstruction is not called either, since a crafted dtype state can make it read foreign memory;
arrays are rebuilt from the remembered bytes with `np.frombuffer`.

Knows numpy arrays and scalars, scipy.sparse matrices, chumpy's array shell (FLAME and SMPL files keep arrays in it),
Python-2 strings, and the zip files of `torch.save`.
"""

import collections
import io
import pickle
import zipfile
import zlib
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import InputError

_DAMAGE = (
    pickle.UnpicklingError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ImportError,
    MemoryError,
    OverflowError,
    RecursionError,
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
)
"""What unpickling or rebuilding raises for a file that is cut off or not what it says."""


def read_pickle(path: Path | str) -> Any:
    """The object in a pickle file, of numpy arrays, dicts, lists, strings and numbers alone.

    Raises InputError, in one sentence and without running any of it, for a file that asks for anything else.
    """
    path = Path(path)
    return _guarded(path, lambda: _loads(path.read_bytes()))


def read_numpy(path: Path | str, names: Container[str] | None = None) -> Any:
    """An `.npy` array (or the object it pickles), or the dict of an `.npz`, of which only `names` are read, if given.

    Raises InputError as `read_pickle` does.
    """
    path = Path(path)

    def read() -> Any:
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                return _read_npy(file)
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): _read_npy(io.BytesIO(archive.read(name)))
                for name in archive.namelist()
                if name.endswith(".npy") and (names is None or name.removesuffix(".npy") in names)
            }

    return _guarded(path, read)


def read_torch(path: Path | str) -> Any:
    """The object in a `torch.save` zip file, tensors as numpy arrays. Raises InputError as `read_pickle` does."""
    path = Path(path)

    def read() -> Any:
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            return _loads(archive.read(name), storage=lambda key: archive.read(f"{name[:-8]}data/{key}"))

    return _guarded(path, read)


class _Refused(Exception):
    """A pickle named something that is not on the list."""


def _guarded(path: Path, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror or 'unknown reason'}).") from error
    except _Refused as error:
        raise InputError(
            f"{path.name} was refused and nothing in it was run: it asks for {error}, which no file of arrays needs."
        ) from error
    except (*_DAMAGE, StopIteration) as error:
        raise InputError(f"{path.name} is damaged or of another format.") from error


def _loads(data: bytes, storage: Callable[[str], bytes] | None = None) -> Any:
    return _Resolver()(_Unpickler(io.BytesIO(data), storage).load())


def _read_npy(file: BinaryIO) -> Any:
    start = file.tell()
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if dtype.hasobject:
        values = _loads(file.read())
        return values[0] if shape == () else values
    file.seek(start)
    return np.lib.format.read_array(file, allow_pickle=False)


class _Resolver:
    """Replaces the stand-ins in a nest of containers by what they stand for, each object once."""

    def __init__(self) -> None:
        self._done: dict[int, Any] = {}

    def __call__(self, value: Any) -> Any:
        if id(value) not in self._done:
            self._done[id(value)] = self._resolved(value)
        return self._done[id(value)]

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, _StandIn):
            return value.resolve(self)
        if isinstance(value, dict):
            return {self(key): self(item) for key, item in dict.items(value)}
        if isinstance(value, list | tuple | set | frozenset):
            return type(value)(self(item) for item in value)
        if isinstance(value, type):
            raise ValueError("a name where a value belongs")
        return value


class _StandIn:
    """Remembers the arguments and the state that a pickle gives an object, and does nothing with them until asked."""

    def __init__(self, *args: Any) -> None:
        self.args = args
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def resolve(self, _: _Resolver) -> Any:
        raise ValueError("a name where a value belongs")


class _Reconstructor(_StandIn):
    """`copy_reg._reconstructor(cls, object, None)`: how Python 2 makes an empty object."""

    def __new__(cls, kind: type, *_: Any) -> Any:
        if not (isinstance(kind, type) and issubclass(kind, _StandIn)):
            raise pickle.UnpicklingError("only stand-ins are made")
        return kind() if kind is not cls else super().__new__(cls)


class _Bytes(_StandIn):
    """`_codecs.encode(text, 'latin1')` and `bytes()`: how Python 3 writes bytes in an old protocol."""

    def resolve(self, _: _Resolver) -> bytes:
        return self.args[0].encode("latin1") if self.args else b""


class _Dtype(_StandIn):
    def resolve(self, _: _Resolver) -> np.dtype:
        code = str(self.args[0])
        dtype = np.dtype(object if code.startswith("O") else code)
        if dtype.kind not in "biufcSUO":
            raise ValueError("not a plain dtype")
        big_endian = bool(self.state) and self.state[1] == ">"
        return dtype.newbyteorder(">") if big_endian else dtype


class _Array(_StandIn):
    """`_reconstruct(ndarray, (0,), b'b')` and then the state (version, shape, dtype, fortran, bytes or list)."""

    def resolve(self, resolver: _Resolver) -> Any:
        *_, shape, dtype, fortran, data = self.state
        return _array(resolver(data), resolver(dtype), shape, "F" if fortran else "C")


class _Buffer(_StandIn):
    """`_frombuffer(bytes, dtype, shape, order)`, how protocol 5 writes arrays."""

    def resolve(self, resolver: _Resolver) -> Any:
        data, dtype, shape, order = self.args
        return _array(data, resolver(dtype), shape, order)


class _Scalar(_StandIn):
    """`scalar(dtype, bytes)`."""

    def resolve(self, resolver: _Resolver) -> Any:
        dtype, data = self.args
        return _array(resolver(data), resolver(dtype), (), "C")[()]


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    """The array of raw bytes (Python 2 has them as latin1 text); an array of objects becomes their list."""
    if dtype.kind == "O":
        return list(data)
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype).reshape(tuple(int(n) for n in shape), order=order).copy()


class _Rows(_StandIn):
    """scipy.sparse's compressed rows, made dense."""

    def resolve(self, resolver: _Resolver) -> np.ndarray:
        state = resolver(self.state)
        rows, columns = (int(n) for n in state.get("_shape", state.get("shape")))
        return self._dense(state, rows, columns)

    @staticmethod
    def _dense(state: dict, major: int, minor: int) -> np.ndarray:
        dense = np.zeros((major, minor), state["data"].dtype)
        np.add.at(dense, (np.repeat(np.arange(major), np.diff(state["indptr"])), state["indices"]), state["data"])
        return dense


class _Columns(_Rows):
    """scipy.sparse's compressed columns, made dense."""

    @staticmethod
    def _dense(state: dict, major: int, minor: int) -> np.ndarray:
        return _Rows._dense(state, minor, major).T


class _Chumpy(_StandIn):
    """Any class of chumpy: `Ch` keeps its array as `x`, `Select` takes `idxs` of `a`, others become None."""

    def resolve(self, resolver: _Resolver) -> Any:
        state = self.state if isinstance(self.state, dict) else {}
        if "x" in state:
            return resolver(state["x"])
        if {"a", "idxs", "preferred_shape"} <= state.keys():
            chosen = np.asarray(resolver(state["a"])).ravel()[resolver(state["idxs"])]
            return chosen.reshape(resolver(state["preferred_shape"]))
        return None


class _Tensor(_StandIn):
    """`_rebuild_tensor_v2((dtype, bytes), offset, size, stride, ...)` of torch."""

    def resolve(self, _: _Resolver) -> np.ndarray:
        (dtype, data), offset, size, stride = self.args[:4]
        numbers = np.frombuffer(data, dtype)
        if 0 in size:
            return np.zeros(size, dtype)
        last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        if min(offset, *size, *stride, 0) < 0 or last >= len(numbers):
            raise ValueError("a tensor outside of its storage")
        strides = [step * numbers.itemsize for step in stride]
        return np.lib.stride_tricks.as_strided(numbers[offset:], size, strides).copy()


class _Parameter(_StandIn):
    """`_rebuild_parameter(tensor, requires_grad, hooks)` of torch."""

    def resolve(self, resolver: _Resolver) -> Any:
        return resolver(self.args[0])


_TORCH_DTYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "|i1",
    "ByteStorage": "|u1",
    "BoolStorage": "|b1",
}


def _allowed() -> dict[tuple[str, str], type]:
    names: dict[tuple[str, str], type] = {
        ("numpy", "ndarray"): _StandIn,
        ("numpy", "dtype"): _Dtype,
        ("collections", "OrderedDict"): collections.OrderedDict,
        ("_codecs", "encode"): _Bytes,
        ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
        ("torch._utils", "_rebuild_parameter"): _Parameter,
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = _Array
        names[f"{core}.multiarray", "scalar"] = _Scalar
        names[f"{core}.numeric", "_frombuffer"] = _Buffer
    for module, kind in (("csr", _Rows), ("csc", _Columns)):
        for path in (f"scipy.sparse.{module}", f"scipy.sparse._{module}"):
            names[path, f"{module}_matrix"] = names[path, f"{module}_array"] = kind
    for builtins, copyreg in (("builtins", "copyreg"), ("__builtin__", "copy_reg")):
        names[builtins, "object"] = _StandIn
        names[builtins, "set"] = set
        names[builtins, "bytes"] = _Bytes
        names[copyreg, "_reconstructor"] = _Reconstructor
    for name in _TORCH_DTYPES:
        names["torch", name] = type(name, (_StandIn,), {})
    return names


_ALLOWED = _allowed()


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, storage: Callable[[str], bytes] | None) -> None:
        super().__init__(file, fix_imports=False, encoding="latin1")
        self._storage = storage

    def find_class(self, module: str, name: str) -> type:
        if module.split(".")[0] == "chumpy":
            return _Chumpy
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise _Refused(f"{module}.{name}"[:80]) from None

    def persistent_load(self, pid: Any) -> tuple[str, bytes]:
        """A torch storage, ('storage', class, key, device, count), as the type and the bytes of its numbers."""
        if self._storage is None:
            raise pickle.UnpicklingError("not a torch file")
        _, kind, key, *_ = pid
        return _TORCH_DTYPES[kind.__name__], self._storage(key)
