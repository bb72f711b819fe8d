"""FLAME 2020 and 2023 model files that a user owns, `.pkl` and `.npz`.

The files themselves are MPI's and not ours to ship; this reads them without running the pickles.
Source of the format: https://flame.is.tue.mpg.de and the `smplx` library's reader.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .lbs import pose_feature, skin
from .safe_pickle import read_numpy, read_pickle

SHAPES, EXPRESSIONS = 300, 100
"""FLAME's columns of `shapedirs`: shape first, then expression."""


@dataclass(frozen=True)
class FlameModel:
    """The arrays of a FLAME file under FLAME's own names, float32; joints are root, neck, jaw, left eye, right eye."""

    v_template: np.ndarray
    """[V, 3] metres."""
    shapedirs: np.ndarray
    """[V, 3, 400]: 300 shape, then 100 expression components."""
    posedirs: np.ndarray
    """[V, 3, 36]."""
    J_regressor: np.ndarray
    """[5, V]."""
    weights: np.ndarray
    """[V, 5]."""
    kintree_table: np.ndarray
    """[2, 5] int64: parents (root's is -1), ids."""
    f: np.ndarray
    """[F, 3] int32."""

    def vertices(self, beta: np.ndarray, psi: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """`[..., n <= 300]`, `[..., m <= 100]`, `[..., 5, 3]` to posed vertices `[..., V, 3]` metres.

        As in FLAME, the joints follow the expression too.
        """
        beta, psi, theta = (np.asarray(x, np.float32) for x in (beta, psi, theta))
        shaped = self.v_template + np.einsum("vck,...k->...vc", self.shapedirs[:, :, : beta.shape[-1]], beta)
        shaped = shaped + np.einsum("vck,...k->...vc", self.shapedirs[:, :, SHAPES : SHAPES + psi.shape[-1]], psi)
        joints = self.J_regressor @ shaped
        correctives = np.einsum("vck,...k->...vc", self.posedirs, pose_feature(theta))
        return skin(shaped + correctives, joints, self.kintree_table[0].tolist(), self.weights, theta)


def load_flame(path: Path | str) -> FlameModel:
    """Read a FLAME model. Raises InputError, in one sentence, for a file that is unsafe, damaged or no FLAME model."""
    path = Path(path)
    readers: dict[str, Callable[[Path], Any]] = {".pkl": read_pickle, ".npz": read_numpy}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path.name} is not a FLAME model; choose the .pkl or .npz file.")
    content = readers[path.suffix.lower()](path)
    names = FlameModel.__dataclass_fields__
    missing = [name for name in names if not isinstance(content, dict) or content.get(name) is None]
    if missing:
        raise InputError(f"{path.name} is not a FLAME model: it lacks {', '.join(missing)}.")
    try:
        kinds = {name: np.int64 if name in ("f", "kintree_table") else np.float32 for name in names}
        arrays = {name: np.asarray(content[name], kind) for name, kind in kinds.items()}
    except (TypeError, ValueError) as error:
        raise InputError(f"{path.name} is not a FLAME model: an array in it is not of numbers.") from error
    _check_shapes(path, arrays)
    arrays["kintree_table"][0, 0] = -1
    arrays["f"] = arrays["f"].astype(np.int32)
    return FlameModel(**arrays)


def _check_shapes(path: Path, arrays: dict[str, np.ndarray]) -> None:
    v = len(arrays["v_template"]) if arrays["v_template"].ndim else 0
    expected = {
        "v_template": (v, 3),
        "shapedirs": (v, 3, SHAPES + EXPRESSIONS),
        "posedirs": (v, 3, 36),
        "J_regressor": (5, v),
        "weights": (v, 5),
        "kintree_table": (2, 5),
        "f": (arrays["f"].shape[0] if arrays["f"].ndim else 0, 3),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            found = " x ".join(map(str, arrays[name].shape))
            raise InputError(f"{path.name} is not a FLAME model: {name} is {found}, not {' x '.join(map(str, shape))}.")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise InputError(f"{path.name} is not a FLAME model: it holds numbers that are not finite.")
    faces, parents = arrays["f"], arrays["kintree_table"][0, 1:]
    if ((faces < 0) | (faces >= v)).any() or ((parents < 0) | (parents >= np.arange(1, 5))).any():
        raise InputError(f"{path.name} is not a FLAME model: its faces or joints refer to what is not there.")
