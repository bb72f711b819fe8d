"""Writes the open head in FLAME's file format, for code that reads FLAME (the `smplx` library, say)."""

import pickle
from pathlib import Path

import numpy as np

from .flame_files import EXPRESSIONS, SHAPES
from .head import SHAPES as OUR_SHAPES
from .head import HeadModel
from .model_files import triangles, write_arrays, write_whole

EMBEDDING = "flame_static_embedding.pkl"
"""`smplx` insists on finding its landmarks in a file of this name beside the model."""


def export_flame(model: HeadModel, path: Path | str) -> tuple[Path, Path]:
    """Write the head as a FLAME model (`.npz` or `.pkl`) and, beside it, the landmarks that `smplx` asks for.

    Columns 0-99 of `shapedirs` are beta and 300-349 are psi; the others are zero. Name the file `FLAME_NEUTRAL.npz`
    and `smplx.FLAME(folder, ext="npz", num_betas=100, num_expression_coeffs=50)` loads it.
    Returns both paths. Raises UsageError for another suffix and InputError where it cannot write.
    """
    path = Path(path)
    arrays = flame_arrays(model)
    write_arrays(path, "a FLAME model", arrays)
    embedding = path.with_name(EMBEDDING)
    write_whole(embedding, lambda file: pickle.dump(landmark_embedding(model, arrays["f"]), file, protocol=2))
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


def landmark_embedding(model: HeadModel, f: np.ndarray) -> dict[str, np.ndarray]:
    """FLAME's 51 inner landmarks (Multi-PIE 18-68) as a triangle and barycentric weights each."""
    inner = model.landmarks68[17:]
    corners = f.reshape(-1)
    order = np.argsort(corners, kind="stable")
    first = order[np.searchsorted(corners, inner, sorter=order)]
    return {"lmk_face_idx": (first // 3).astype(np.int64), "lmk_b_coords": np.eye(3)[first % 3]}
