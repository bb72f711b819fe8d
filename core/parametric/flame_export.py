"""Writes the open head in FLAME's file format, for code that reads FLAME (the `smplx` library, say)."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import InputError, UsageError
from .flame_files import EXPRESSIONS, SHAPES
from .head import SHAPES as OUR_SHAPES
from .head import HeadModel

EMBEDDING = "flame_static_embedding.pkl"
"""`smplx` insists on finding its landmarks in a file of this name beside the model."""


def export_flame(model: HeadModel, path: Path | str) -> tuple[Path, Path]:
    """Write the head as a FLAME model (`.npz` or `.pkl`) and, beside it, the landmarks that `smplx` asks for.

    Columns 0-99 of `shapedirs` are beta and 300-349 are psi; the others are zero. Name the file `FLAME_NEUTRAL.npz`
    and `smplx.FLAME(folder, ext="npz", num_betas=100, num_expression_coeffs=50)` loads it.
    Returns both paths. Raises UsageError for another suffix and InputError where it cannot write.
    """
    path = Path(path)
    if path.suffix.lower() not in (".npz", ".pkl"):
        raise UsageError(f"A FLAME model is a .npz or a .pkl file, not {path.name}.")
    arrays = flame_arrays(model)
    if path.suffix.lower() == ".npz":
        _write(path, lambda file: np.savez_compressed(file, **arrays))
    else:
        _write(path, lambda file: pickle.dump(arrays, file, protocol=2))
    embedding = path.with_name(EMBEDDING)
    _write(embedding, lambda file: pickle.dump(landmark_embedding(model, arrays["f"]), file, protocol=2))
    return path, embedding


def flame_arrays(model: HeadModel) -> dict[str, np.ndarray]:
    """The head's arrays under FLAME's names and in its shapes."""
    v = len(model.v_template)
    shapedirs = np.zeros((v, 3, SHAPES + EXPRESSIONS), np.float32)
    shapedirs[:, :, :OUR_SHAPES] = model.shapedirs[:, :, :OUR_SHAPES]
    ours = model.shapedirs[:, :, OUR_SHAPES:]
    shapedirs[:, :, SHAPES : SHAPES + ours.shape[-1]] = ours
    return {
        "v_template": np.asarray(model.v_template, np.float32),
        "shapedirs": shapedirs,
        "posedirs": np.ascontiguousarray(model.posedirs.T.reshape(v, 3, -1), np.float32),
        "J_regressor": still_regressor(model.J_regressor, model.v_template, model.shapedirs),
        "weights": np.asarray(model.lbs_weights, np.float32),
        "kintree_table": np.asarray(model.kintree_table, np.int64),
        "f": triangles(model.faces),
        "bs_style": np.array("lbs"),
        "bs_type": np.array("lrotmin"),
    }


def still_regressor(J_regressor: np.ndarray, v_template: np.ndarray, shapedirs: np.ndarray) -> np.ndarray:
    """The joint regressor nearest to the given one that no expression moves. `[J, V]`, of `[V, 3, 150]` shapedirs.

    FLAME regresses joints from the shaped *and expressed* head, Likeness from the shaped head alone, since the rest
    joints of an armature cannot follow a shape key. Both agree where R E = 0. The smallest change of R that gives
    this, with R T, R S and the row sums as they were, is the solution of one underdetermined least-squares problem.
    """
    v = len(v_template)
    basis = np.concatenate([v_template[:, :, None], shapedirs], 2).reshape(v, -1).astype(np.float64)
    basis = np.concatenate([np.ones((v, 1)), basis], 1)
    wanted = np.zeros((len(J_regressor), basis.shape[1]))
    expressions = np.arange(1, basis.shape[1]).reshape(3, -1)[:, 1 + OUR_SHAPES :].ravel()
    wanted[:, expressions] = -(J_regressor.astype(np.float64) @ basis[:, expressions])
    scale = np.linalg.norm(basis, axis=0).clip(1e-12)
    normal = (basis / scale).T @ (basis / scale)
    change = (wanted / scale) @ np.linalg.pinv(normal, rcond=1e-10, hermitian=True) @ (basis / scale).T
    return (J_regressor + change).astype(np.float32)


def triangles(faces: np.ndarray) -> np.ndarray:
    """Quads `[F, 4]` (a triangle repeats its last index) as triangles `[T, 3]` int64."""
    quads = faces[:, 2] != faces[:, 3]
    return np.concatenate([faces[:, :3], faces[quads][:, [0, 2, 3]]]).astype(np.int64)


def landmark_embedding(model: HeadModel, f: np.ndarray) -> dict[str, np.ndarray]:
    """FLAME's 51 inner landmarks (Multi-PIE 18-68) as a triangle and barycentric weights each."""
    inner = model.landmarks68[17:]
    corners = f.reshape(-1)
    order = np.argsort(corners, kind="stable")
    first = order[np.searchsorted(corners, inner, sorter=order)]
    return {"lmk_face_idx": (first // 3).astype(np.int64), "lmk_b_coords": np.eye(3)[first % 3]}


def _write(path: Path, write: Callable[[BinaryIO], None]) -> None:
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
