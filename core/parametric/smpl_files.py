"""SMPL's model files: those of SMPL, SMPL-H and SMPL-X that a user owns are read, our own body is written as one.

The files themselves are MPI's and not ours to ship; this reads them without running the pickles.
Source of the formats: https://smpl.is.tue.mpg.de, https://mano.is.tue.mpg.de, https://smpl-x.is.tue.mpg.de and the
`smplx` library's reader.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError
from .body import BodyModel
from .model_files import check_arrays, read_arrays, triangles, write_arrays
from .smpl_joints import JOINTS, PARENTS

SHAPES_OF_A_FULL_FILE = 300
"""Columns of `shapedirs` in a full file; the `smplx` library reads ten alone of one with fewer."""
_WHAT = "an SMPL, SMPL-H or SMPL-X model"
_KINDS = {
    "v_template": np.float32,
    "shapedirs": np.float32,
    "posedirs": np.float32,
    "J_regressor": np.float32,
    "weights": np.float32,
    "kintree_table": np.int64,
    "f": np.int64,
}
_BODY = 22
"""SMPL, SMPL-H and SMPL-X share their first 22 joints, pelvis to wrists."""
_HEAD, _WRISTS = JOINTS.index("head"), (JOINTS.index("left_wrist"), JOINTS.index("right_wrist"))
_KNUCKLES, _FINGER, _THUMB = (0, 3, 6, 9), slice(0, 12), slice(12, 15)
"""Of a hand's 15 joints: where index, middle, little and ring finger begin; the four fingers; the thumb."""


@dataclass(frozen=True)
class _Skeleton:
    """How a file's joints stand to the 24."""

    joints: int
    hands: tuple[int, int] | None
    """Where the 15 joints of the left and the right hand begin; None: a hand is one joint already."""
    on_head: tuple[int, ...] = ()
    """Jaw and eyes."""

    @property
    def place(self) -> np.ndarray:
        """[24, joints]: row j places joint j in the mean of the file's joints; for hands, that of the knuckles."""
        place = np.eye(len(JOINTS), self.joints)
        for side, start in enumerate(self.hands or ()):
            place[_BODY + side] = 0
            place[_BODY + side, [start + k for k in _KNUCKLES]] = 1 / len(_KNUCKLES)
        return place

    @property
    def carry(self) -> np.ndarray:
        """[joints, 24]: which joint a file's joint follows."""
        carry = np.eye(self.joints, len(JOINTS))
        carry[_BODY:] *= self.hands is None
        carry[list(self.on_head), _HEAD] = 1
        for side, start in enumerate(self.hands or ()):
            hand = np.arange(start, start + 15)
            carry[hand[_FINGER], _BODY + side] = 1
            carry[hand[_THUMB], _WRISTS[side]] = 1
        return carry

    @property
    def turned(self) -> np.ndarray:
        """[24, joints]: which of the file's joints turn, against their parent, as a joint of the 24 does."""
        turned = np.eye(len(JOINTS), self.joints)
        for side, start in enumerate(self.hands or ()):
            turned[_BODY + side] = 0
            turned[_BODY + side, [start + k for k in _KNUCKLES]] = 1
        return turned


_SKELETONS = {
    24: _Skeleton(24, None),
    52: _Skeleton(52, (22, 37)),
    55: _Skeleton(55, (25, 40), on_head=(22, 23, 24)),
}
"""By number of joints: SMPL, SMPL-H, SMPL-X."""


def load_smpl(path: Path | str) -> BodyModel:
    """Read an SMPL, SMPL-H or SMPL-X model as a body of SMPL's 24 joints.

    Of SMPL-H and SMPL-X the hand becomes one joint in the middle of the four knuckles: the fingers' weights are summed
    onto it and the thumb's onto the wrist; when it turns, the four fingers turn at their knuckles, and their pose
    correctives with them. SMPL-X's jaw and eyes are summed onto the head and its expressions are left out.
    Raises InputError, in one sentence, for a file that is unsafe, damaged or none of these.
    """
    path = Path(path)
    arrays = read_arrays(path, _WHAT, _KINDS)
    v = len(arrays["v_template"]) if arrays["v_template"].ndim else 0
    skeleton = _SKELETONS.get(arrays["weights"].shape[-1] if arrays["weights"].ndim else 0)
    if skeleton is None:
        raise InputError(f"{path.name} is not {_WHAT}: its vertices do not follow 24, 52 or 55 joints.")
    n = skeleton.joints
    expected: dict[str, tuple[int | None, ...]] = {
        "v_template": (v, 3),
        "shapedirs": (v, 3, None),
        "posedirs": (v, 3, 9 * (n - 1)),
        "J_regressor": (n, v),
        "weights": (v, n),
        "kintree_table": (2, n),
        "f": (None, 3),
    }
    check_arrays(path, _WHAT, arrays, expected)
    if tuple(arrays["kintree_table"][0, 1:_BODY]) != PARENTS[1:_BODY]:
        raise InputError(f"{path.name} is not {_WHAT}: its joints do not hang together as SMPL's do.")
    return _folded(arrays, skeleton)


def _folded(arrays: dict[str, np.ndarray], skeleton: _Skeleton) -> BodyModel:
    v, faces = len(arrays["v_template"]), arrays["f"].astype(np.int32)
    posedirs = arrays["posedirs"].reshape(3 * v, skeleton.joints - 1, 9)
    folded = np.einsum("ij,vjk->ikv", skeleton.turned[1:, 1:], posedirs).reshape(-1, 3 * v)
    return BodyModel(
        v_template=arrays["v_template"],
        shapedirs=arrays["shapedirs"][:, :, : _shapes(arrays["shapedirs"].shape[2], skeleton)],
        posedirs=folded.astype(np.float32),
        J_regressor=(skeleton.place @ arrays["J_regressor"]).astype(np.float32),
        lbs_weights=(arrays["weights"] @ skeleton.carry).astype(np.float32),
        kintree_table=np.array([PARENTS, range(len(JOINTS))], np.int64),
        faces=np.concatenate([faces, faces[:, 2:]], 1),
        uv=np.zeros((0, 2), np.float32),
        faces_uv=np.zeros((0, 4), np.int32),
        vertex_part=np.zeros(v, np.int32),
        mirror=np.zeros(0, np.int32),
        base_index=np.zeros(0, np.int32),
        parts=("skin",),
    )


def _shapes(columns: int, skeleton: _Skeleton) -> int:
    """SMPL-X's columns of shape: expressions come after the 300 of a full file and after the 10 of a short one."""
    if not skeleton.on_head:
        return columns
    return SHAPES_OF_A_FULL_FILE if columns >= SHAPES_OF_A_FULL_FILE else min(columns, 10)


def export_smpl(model: BodyModel, path: Path | str) -> Path:
    """Write a body as an SMPL model (`.npz` or `.pkl`), of 300 betas of which those beyond the body's own are zero.

    `smplx.SMPL(path, num_betas=16)` loads the `.pkl`; of the `.npz` its arrays are given as `data_struct`.
    Returns the path. Raises UsageError for another suffix and InputError where it cannot write.
    """
    path = Path(path)
    v, _, k = model.shapedirs.shape
    shapedirs = np.zeros((v, 3, max(SHAPES_OF_A_FULL_FILE, k)), np.float32)
    shapedirs[:, :, :k] = model.shapedirs
    kintree = np.array(model.kintree_table, np.int64)
    write_arrays(
        path,
        "an SMPL model",
        {
            "v_template": np.asarray(model.v_template, np.float32),
            "shapedirs": shapedirs,
            "posedirs": np.ascontiguousarray(np.asarray(model.posedirs).T.reshape(v, 3, -1), np.float32),
            "J_regressor": np.asarray(model.J_regressor, np.float32),
            "weights": np.asarray(model.lbs_weights, np.float32),
            "kintree_table": kintree,
            "f": triangles(model.faces),
            "bs_style": np.array("lbs"),
            "bs_type": np.array("lrotmin"),
        },
    )
    return path
