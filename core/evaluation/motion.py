"""Suite `motion`: how captured motion sits on a body of SMPL's joints, before and after its feet are planted."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ..bodies.anatomy import SIDES, Anatomy, anatomy
from ..bodies.feet import plant_feet
from ..bodies.retarget import retarget
from ..bodies.soles import sole_paths, soles, touching
from ..errors import InputError
from ..parametric.body_motion import BodyMotion
from ..parametric.bvh import read_bvh
from ..parametric.skeleton_motion import SkeletonMotion
from ..parametric.smpl_joints import INDEX, adult_joints

LIMBS = tuple(
    (f"{side}_{upper}", f"{side}_{lower}")
    for side in SIDES
    for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
)


def evaluate_motion(data: Path) -> dict[str, Any]:
    """Tables over the clips of `data`/motion, on a body made by hand."""
    paths = sorted((data / "motion").glob("*.bvh")) or sorted(data.glob("*.bvh"))
    if not paths:
        raise InputError(f"There are no BVH files in {data.name}.")
    joints, rows = adult_joints().astype(np.float64), {}
    for path in track(paths, "Clips"):
        source = read_bvh(path)
        parts, loose = anatomy(source), retarget(source, joints)
        planted = plant_feet(loose, joints)
        rows[path.stem] = _row(source, parts, loose, planted, joints)
    columns = next(iter(rows.values()))
    rows["mean"] = {name: float(np.nanmean([row[name] for row in rows.values()])) for name in columns}
    return {"Before and after the feet are planted": rows}
