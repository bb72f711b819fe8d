"""Reads sequences of FLAME parameters as face trackers write them.

| tracker           | file                      | entries                                                             |
|-------------------|---------------------------|---------------------------------------------------------------------|
| DECA              | npz, pkl, mat, npy        | exp, pose (global 3 + jaw 3)                                        |
| EMOCA             | the same, or a folder     | expcode, posecode; in a folder exp.npy, pose.npy                    |
| SMIRK             | npz, pkl, npy, pt         | expression_params, pose_params (global), jaw_params, eyelid_params  |
| VHAP              | npz                       | expr, rotation, neck_pose, jaw_pose, eyes_pose                      |
| metrical-tracker  | .frame (torch, one each)  | flame: exp, jaw, eyes (6D rotations), eyelids                       |

A file holds one frame or all of them stacked; a folder holds one file (or EMOCA folder) a frame.
"""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from .clip import FLAME, Clip
from .rotations import axis_angle_from_6d
from .safe_pickle import read_numpy, read_pickle, read_torch

DEFAULT_FPS = 25.0
"""Trackers do not say how fast their video ran."""

_EXPRESSION = ("exp", "expcode", "expression_params", "expr", "expression")
_GLOBAL_AND_JAW = ("pose", "posecode")
_JOINTS: dict[tuple[str, ...], tuple[int, ...]] = {
    ("pose_params", "rotation", "global_orient"): (0,),
    ("neck_pose", "neck_params"): (1,),
    ("jaw_params", "jaw_pose", "jaw"): (2,),
    ("eyes_pose", "eyes", "eye_pose_params"): (3, 4),
    ("leye_pose",): (3,),
    ("reye_pose",): (4,),
}
_EYELIDS = ("eyelid_params", "eyelids")

_Record = dict[str, np.ndarray]


def read_flame_sequence(path: Path | str, fps: float | None = None) -> Clip:
    """Read a file or folder of FLAME parameters as a Clip whose psi is in FLAME's basis (see `retarget`).

    Raises InputError, in one sentence, for what is unsafe, damaged or holds no FLAME parameters.
    """
    path = Path(path)
    records = [record for item in _items(path) for record in _records(item)]
    channels = [_channels(path.name, record) for record in records]
    merged = _concatenate(path.name, channels)
    warnings = []
    if fps is None and "fps" in records[0]:
        fps = float(np.ravel(records[0]["fps"])[0])
    if fps is None or not 1 <= fps <= 1000:
        fps = DEFAULT_FPS
        warnings.append(f"{path.name} does not say its frame rate; {fps:g} frames a second are assumed.")
    return Clip(fps, **merged, basis=FLAME, source=path.name, warnings=tuple(warnings))


def _items(path: Path) -> list[Path]:
    """The files to read, in the order of the numbers in their names."""
    if not path.is_dir():
        return [path]
    entries = sorted((p for p in path.iterdir() if not p.name.startswith(".")), key=_natural)
    if _is_emoca_folder(path):
        return [path]
    if folders := [p for p in entries if _is_emoca_folder(p)]:
        return folders
    files = [p for p in entries if p.is_file() and p.suffix.lower() in _READERS]
    if not files:
        raise InputError(f"The folder {path.name} has no files of FLAME parameters in it.")
    usual = Counter(p.suffix.lower() for p in files).most_common(1)[0][0]
    return [p for p in files if p.suffix.lower() == usual]


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key that puts `frame10` behind `frame9`."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts if part]


def _is_emoca_folder(path: Path) -> bool:
    return (path / "exp.npy").is_file() and (path / "pose.npy").is_file()


def _read_mat(path: Path) -> Any:
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise InputError(f"{path.name} needs SciPy, which this Python lacks; save it as .npz instead.") from error
    try:
        return loadmat(path)
    except Exception as error:  # scipy raises whatever its parser stumbles over
        raise InputError(f"{path.name} is damaged or of another format.") from error


_READERS: dict[str, Callable[[Path], Any]] = {
    ".npz": read_numpy,
    ".npy": read_numpy,
    ".pkl": read_pickle,
    ".pickle": read_pickle,
    ".mat": _read_mat,
    ".frame": read_torch,
    ".pt": read_torch,
    ".pth": read_torch,
}
SUFFIXES = tuple(_READERS)


def _records(path: Path) -> list[_Record]:
    """The dicts of arrays in one file: one, or one a frame when it holds a list of them."""
    if path.is_dir():
        return [{"exp": read_numpy(path / "exp.npy"), "pose": read_numpy(path / "pose.npy")}]
    if path.suffix.lower() not in _READERS:
        raise InputError(
            f"{path.name} is not an animation that Likeness reads; it takes {', '.join(('.csv', *SUFFIXES))}."
        )
    content = _READERS[path.suffix.lower()](path)
    contents = content if isinstance(content, list) else [content]
    contents = [c.get("flame", c) if isinstance(c, dict) else c for c in contents]
    records = [c for c in contents if isinstance(c, dict)]
    if not records or len(records) < len(contents):
        raise InputError(f"{path.name} holds no FLAME parameters.")
    return records


def _channels(name: str, record: _Record) -> dict[str, np.ndarray]:
    """psi, theta and eyelids of one record, `[T, ...]`, as far as it has them."""
    found: dict[str, np.ndarray] = {}
    if (psi := _entry(name, record, _EXPRESSION)) is not None:
        found["psi"] = psi
    if (eyelids := _entry(name, record, _EYELIDS)) is not None:
        if eyelids.shape[1] != 2:
            raise InputError(f"{name} has {eyelids.shape[1]} eyelid values a frame, where 2 belong.")
        found["eyelids"] = np.clip(eyelids, 0, 1)
    if rotations := _rotations(name, record):
        frames = max(len(values) for values in [*rotations.values(), *found.values()])
        found["theta"] = np.zeros((frames, 5, 3), np.float32)
        for joint, values in rotations.items():
            if len(values) not in (1, frames):
                raise InputError(f"{name} has entries of different lengths: {len(values)} and {frames} frames.")
            found["theta"][:, joint] = values
    if not found:
        raise InputError(f"{name} holds no FLAME parameters, such as exp and pose, or expr and jaw_pose.")
    return found


def _rotations(name: str, record: _Record) -> dict[int, np.ndarray]:
    """Joint -> axis-angles `[T, 3]`, of the joints that the record knows."""
    rotations: dict[int, np.ndarray] = {}
    if (pose := _entry(name, record, _GLOBAL_AND_JAW)) is not None:
        together = {6: (0, 2), 15: (0, 1, 2, 3, 4)}.get(pose.shape[1])
        if together is None:
            raise InputError(f"{name} has a pose of {pose.shape[1]} numbers a frame, where 6 (global and jaw) belong.")
        rotations |= dict(zip(together, np.split(pose, len(together), 1), strict=True))
    for aliases, joints in _JOINTS.items():
        if (values := _entry(name, record, aliases)) is not None:
            rotations |= dict(zip(joints, _axis_angles(name, aliases, values, len(joints)), strict=True))
    return rotations


def _entry(name: str, record: _Record, aliases: tuple[str, ...]) -> np.ndarray | None:
    """The first entry of one of these names, as `[T, K]` float32."""
    key = next((alias for alias in aliases if record.get(alias) is not None), None)
    if key is None:
        return None
    try:
        values = np.atleast_1d(np.asarray(record[key], np.float32))
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} has an entry {key} that is not of numbers.") from error
    if not values.size or not np.isfinite(values).all():
        raise InputError(f"{name} has an entry {key} that is empty or holds numbers that are not finite.")
    return values.reshape(-1, values.shape[-1])


def _axis_angles(name: str, aliases: tuple[str, ...], values: np.ndarray, joints: int) -> list[np.ndarray]:
    """Split `[T, 3 joints]` axis-angles or `[T, 6 joints]` continuous rotations into `[T, 3]` of each joint."""
    parts = np.split(values, joints, 1) if values.shape[1] % joints == 0 else []
    if parts and parts[0].shape[1] == 3:
        return parts
    if parts and parts[0].shape[1] == 6:
        return [axis_angle_from_6d(part) for part in parts]
    raise InputError(f"{name} has {values.shape[1]} numbers a frame for {aliases[0]}, where {3 * joints} belong.")


def _concatenate(name: str, frames: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Join the records in time; each must have the same channels, of the same width and length."""
    kinds = {tuple(sorted((key, *values.shape[1:]) for key, values in frame.items())) for frame in frames}
    if len(kinds) > 1:
        raise InputError(f"{name} holds frames of different kinds.")
    merged = {key: np.concatenate([frame[key] for frame in frames]).astype(np.float32) for key in frames[0]}
    lengths = {len(values) for values in merged.values()}
    if len(lengths) > 1:
        counts = " and ".join(map(str, sorted(lengths)))
        raise InputError(f"{name} has entries of different lengths: {counts} frames.")
    return merged
