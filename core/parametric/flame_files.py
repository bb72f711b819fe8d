"""FLAME 2020 and 2023 model files that a user owns, `.pkl` and `.npz`.

The files themselves are MPI's and not ours to ship; this reads them without running the pickles.
Source of the format: https://flame.is.tue.mpg.de and the `smplx` library's reader.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .lbs import pose_feature, skin
from .model_files import check_arrays, read_arrays

SHAPES, EXPRESSIONS = 300, 100
"""FLAME's columns of `shapedirs`: shape first, then expression."""
_WHAT = "a FLAME model"


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
    kinds = {name: np.int64 if name in ("f", "kintree_table") else np.float32 for name in FlameModel.__annotations__}
    arrays = read_arrays(path, _WHAT, kinds)
    v = len(arrays["v_template"]) if arrays["v_template"].ndim else 0
    expected = {
        "v_template": (v, 3),
        "shapedirs": (v, 3, SHAPES + EXPRESSIONS),
        "posedirs": (v, 3, 36),
        "J_regressor": (5, v),
        "weights": (v, 5),
        "kintree_table": (2, 5),
        "f": (None, 3),
    }
    check_arrays(path, _WHAT, arrays, expected)
    arrays["kintree_table"][0, 0] = -1
    arrays["f"] = arrays["f"].astype(np.int32)
    return FlameModel(**arrays)
