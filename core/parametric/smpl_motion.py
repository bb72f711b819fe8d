"""Reads motions of SMPL, SMPL-H and SMPL-X bodies from the npz files of AMASS and of those who follow it.

`poses` [F, 72 | 156 | 165] radians, `trans` [F, 3] metres, `betas` [N] and `mocap_framerate` or `mocap_frame_rate`. The
first 22 joints of the three models are the same; fingers, jaw and eyes are left out.

Source: Mahmood et al., "AMASS: Archive of Motion Capture as Surface Shapes", 2019.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .body_motion import BodyMotion, check_rate
from .lbs import rotation_matrix
from .rotations import axis_angle_from_matrix
from .safe_pickle import read_numpy
from .smpl_joints import JOINTS

WIDTHS = {72: 24, 156: 22, 165: 22}
"""Numbers a frame of SMPL, SMPL-H and SMPL-X, and how many of SMPL's joints are in them."""
SHAPES = (10, 400)
"""Least and most components of a shape that any of these models has."""
LARGEST_BETA = 20.0
"""Standard deviations; further out there are no people."""
_RATES = ("mocap_framerate", "mocap_frame_rate", "fps")
_UPRIGHT = 0.7
"""Share of the whole body's length along +Y by which a motion is not Z-up, as AMASS' are."""
_Z_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""Turns +Z up into +Y up."""


def read_smpl_motion(path: Path | str) -> BodyMotion:
    """Read an npz without executing what may be pickled in it; Z-up motions are turned to +Y up.

    The translation is of a body of the shape `beta` in the model's own terms. Raises InputError, in one sentence, for
    what is damaged, incomplete or absurd.
    """
    path = Path(path)
    arrays = read_numpy(path, {"poses", "trans", "betas", *_RATES})
    for name in ("poses", "trans"):
        if name not in arrays:
            raise InputError(f"{path.name} has no {name}; a motion of SMPL has poses, trans and a frame rate.")
    poses, trans = (_frames(path.name, name, arrays[name]) for name in ("poses", "trans"))
    if poses.shape[1] not in WIDTHS:
        belong = ", ".join(map(str, WIDTHS))
        raise InputError(f"{path.name} has poses of {poses.shape[1]} numbers a frame, where one of {belong} belongs.")
    if trans.shape != (len(poses), 3):
        raise InputError(f"{path.name} has a trans of shape {list(trans.shape)}, where {[len(poses), 3]} belongs.")
    theta = np.zeros((len(poses), len(JOINTS), 3))
    joints = WIDTHS[poses.shape[1]]
    theta[:, :joints] = poses[:, : 3 * joints].reshape(-1, joints, 3)
    root, warnings = rotation_matrix(theta[:, 0]), []
    if np.median(root[:, 1, 1]) > _UPRIGHT:
        warnings.append(f"{path.name} has its body upright along Y, not along Z as AMASS has; it was not turned.")
    else:
        theta[:, 0], trans = axis_angle_from_matrix(_Z_UP @ root), trans @ _Z_UP.T
    return BodyMotion(
        _rate(path.name, arrays),
        theta.astype(np.float32),
        trans.astype(np.float32),
        _beta(path.name, arrays.get("betas")),
        path.name,
        tuple(warnings),
    )


def _numbers(file: str, name: str, values: Any) -> np.ndarray:
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{file} has {name} that are not numbers.") from error
    if not np.isfinite(numbers).all():
        raise InputError(f"{file} has numbers in {name} that are not finite (NaN or infinity).")
    return numbers


def _frames(file: str, name: str, values: Any) -> np.ndarray:
    """`[F, K]`, of `[F, K / 3, 3]` too."""
    numbers = _numbers(file, name, values)
    if numbers.ndim < 2 or numbers.ndim > 3:
        raise InputError(f"{file} has {name} of shape {list(numbers.shape)}, where one row a frame belongs.")
    if not len(numbers):
        raise InputError(f"{file} has no frames.")
    return numbers.reshape(len(numbers), -1)


def _rate(file: str, arrays: dict[str, Any]) -> float:
    name = next((name for name in _RATES if name in arrays), None)
    if name is None:
        raise InputError(f"{file} does not say its frame rate; it needs mocap_framerate.")
    values = _numbers(file, name, arrays[name]).ravel()
    if len(values) != 1:
        raise InputError(f"{file} has {len(values)} numbers for {name}, where one belongs.")
    return check_rate(float(values[0]), file)


def _beta(file: str, values: Any) -> np.ndarray | None:
    if values is None:
        return None
    beta = _numbers(file, "betas", values)
    beta = beta[0] if beta.ndim == 2 and len(beta) else beta
    if beta.ndim != 1 or not SHAPES[0] <= len(beta) <= SHAPES[1]:
        raise InputError(
            f"{file} has betas of shape {list(np.shape(values))}, where {SHAPES[0]} to {SHAPES[1]} numbers belong."
        )
    if np.abs(beta).max() > LARGEST_BETA:
        raise InputError(
            f"{file} has a beta of {np.abs(beta).max():.4g}, where people are within {LARGEST_BETA:g} of 0."
        )
    return beta.astype(np.float32)
