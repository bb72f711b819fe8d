"""Files of model arrays, `.npz` and `.pkl`, as FLAME and SMPL are handed out: reading without running, and writing."""

import os
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import InputError, UsageError
from .safe_pickle import read_numpy, read_pickle

SUFFIXES = (".npz", ".pkl")


def read_arrays(path: Path, what: str, kinds: Mapping[str, type]) -> dict[str, np.ndarray]:
    """The arrays of a model file by name, each as the type that `kinds` gives it.

    `what` names the model in errors ("a FLAME model"). Raises InputError, in one sentence, for a file that is unsafe,
    damaged, or lacks one of the arrays.
    """
    readers: dict[str, Callable[[Path], Any]] = {".pkl": read_pickle, ".npz": read_numpy}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path.name} is not {what}; choose the .pkl or .npz file.")
    content = readers[path.suffix.lower()](path)
    missing = [name for name in kinds if not isinstance(content, dict) or content.get(name) is None]
    if missing:
        raise InputError(f"{path.name} is not {what}: it lacks {', '.join(missing)}.")
    try:
        return {name: np.asarray(content[name], kind) for name, kind in kinds.items()}
    except (TypeError, ValueError) as error:
        raise InputError(f"{path.name} is not {what}: an array in it is not of numbers.") from error


def check_arrays(
    path: Path, what: str, arrays: dict[str, np.ndarray], expected: Mapping[str, tuple[int | None, ...]]
) -> None:
    """Raises InputError unless each array has the shape expected (None: any length), holds finite numbers alone, and
    faces `f` and the parents in `kintree_table` refer to what is there.
    """
    for name, shape in expected.items():
        found = arrays[name].shape
        if len(found) != len(shape) or any(b is not None and a != b for a, b in zip(found, shape, strict=True)):
            wanted = " x ".join("any" if n is None else str(n) for n in shape)
            raise InputError(f"{path.name} is not {what}: {name} is {' x '.join(map(str, found))}, not {wanted}.")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise InputError(f"{path.name} is not {what}: it holds numbers that are not finite.")
    faces, parents = arrays["f"], arrays["kintree_table"][0, 1:]
    wrong = (faces < 0) | (faces >= len(arrays["v_template"]))
    if wrong.any() or ((parents < 0) | (parents >= np.arange(1, len(parents) + 1))).any():
        raise InputError(f"{path.name} is not {what}: its faces or joints refer to what is not there.")


def write_arrays(path: Path, what: str, arrays: dict[str, np.ndarray]) -> None:
    """Write a model file. Raises UsageError for another suffix and InputError where it cannot write."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{what[0].upper()}{what[1:]} is a .npz or a .pkl file, not {path.name}.")
    if path.suffix.lower() == ".npz":
        write_whole(path, lambda file: np.savez_compressed(file, **arrays))
    else:
        write_whole(path, lambda file: pickle.dump(arrays, file, protocol=2))


def write_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write beside and move into place, so that nothing is left half-written."""
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                write(file)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path.name} cannot be written to {path.parent} ({error.strerror}).") from error


def triangles(faces: np.ndarray) -> np.ndarray:
    """Quads `[F, 4]` (a triangle repeats its last index) as triangles `[T, 3]` int64."""
    quads = faces[:, 2] != faces[:, 3]
    return np.concatenate([faces[:, :3], faces[quads][:, [0, 2, 3]]]).astype(np.int64)
