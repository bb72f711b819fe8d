"""Reads a motion from any file that Likeness knows, for a given body."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..parametric.body_motion import BodyMotion, check_rate
from ..parametric.bvh import read_bvh
from ..parametric.smpl_motion import read_smpl_motion
from .feet import plant_feet
from .retarget import fit_stride, retarget

SUFFIXES = (".bvh", ".npz")
"""What a file browser should show."""
FARTHEST = 1e4
"""Metres that a body may go."""


def load_motion(
    path: Path | str, joints: np.ndarray, ground: float | None = None, fps: float | None = None
) -> BodyMotion:
    """Read a BVH file or the npz of AMASS and SMPL, and bring it onto a body, its feet on the floor y = 0.

    `joints` `[24, 3]` metres: the body's at rest, in SMPL's order, T-pose, +Y up, facing +Z; `ground`, the height of
    its soles there. `fps` overrides what the file says. Raises InputError, in one sentence, for what cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path.name}.")
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"{path.name} is not a motion that Likeness reads; it takes {', '.join(SUFFIXES)}.")
    motion = retarget(read_bvh(path), joints) if suffix == ".bvh" else fit_stride(read_smpl_motion(path), joints)
    if not np.abs(motion.translation).max() < FARTHEST:
        raise InputError(f"{path.name} goes farther than {FARTHEST / 1000:g} km away; it is damaged.")
    if fps is not None:
        motion = replace(motion, fps=check_rate(fps, "The motion"))
    return plant_feet(motion, joints, ground)
