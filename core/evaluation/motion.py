"""Suite `motion`: how captured motion sits on a body of SMPL's joints, before and after its feet are planted."""

from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ..bodies.anatomy import SIDES, Anatomy, anatomy
from ..bodies.feet import level, plant_feet
from ..bodies.retarget import fit_stride, retarget
from ..bodies.soles import BALL, HEEL, leveling, sole_paths, soles, touching
from ..errors import InputError
from ..parametric.body_motion import BodyMotion
from ..parametric.bvh import read_bvh
from ..parametric.lbs import rotation_matrix
from ..parametric.skeleton_motion import SkeletonMotion
from ..parametric.smpl_joints import INDEX, adult_joints

STRIDES = (0.8, 1.0, 1.25)
"""Sizes of bodies whose motion is read without it being known."""
CHAINS = (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"))
LIMBS = tuple(
    (f"{side}_{upper}", f"{side}_{lower}") for side in SIDES for chain in CHAINS for upper, lower in pairwise(chain)
)


@dataclass(frozen=True)
class Bench:
    """One clip: as it was captured, retargeted and put on its floor, and with its feet planted."""

    source: SkeletonMotion
    parts: Anatomy
    joints: np.ndarray
    retargeted: BodyMotion
    motions: dict[str, BodyMotion]

    @classmethod
    def of(cls, path: Path, joints: np.ndarray) -> "Bench":
        source = read_bvh(path)
        retargeted = retarget(source, joints)
        motions = {"before": level(retargeted, joints), "after": plant_feet(retargeted, joints)}
        return cls(source, anatomy(source), joints, retargeted, motions)

    def skating(self) -> dict[str, float]:
        """Millimetres that heels and balls go from frame to frame while the source's ankles and toes touch the floor.

        The touches are of the source's joints on the source's floor, so that they do not know what was planted.
        """
        nodes = [[self.parts.limbs[f"{side}_{name}"] for name in ("ankle", "foot")] for side in SIDES]
        captured = self.source.positions[:, nodes]
        touches = np.stack([self._touches(captured[:, :, [p]]) for p in (HEEL, BALL)], 2)
        both = touches[1:] & touches[:-1]
        slides = {name: self._soles(motion)[:, :, [HEEL, BALL]] for name, motion in self.motions.items()}
        return {"in contact": float(touches.mean())} | {
            name: 1000 * float(np.linalg.norm(np.diff(path[..., [0, 2]], axis=0), axis=-1)[both].mean())
            for name, path in {"source": captured, **slides}.items()
        }

    def _touches(self, paths: np.ndarray) -> np.ndarray:
        turn, rise = leveling(paths, self.source.fps)
        return touching(paths @ turn.T + (0, rise, 0), self.source.fps)[:, :, 0]

    def _soles(self, motion: BodyMotion) -> np.ndarray:
        return sole_paths(*motion.posed(self.joints), self.joints, soles(self.joints))

    def depth(self) -> dict[str, float]:
        """Millimetres that heels, balls and tips are below the floor."""
        below = {name: 1000 * np.maximum(-self._soles(m)[..., 1], 0) for name, m in self.motions.items()}
        means = {f"mean {name}": float(depth.mean()) for name, depth in below.items()}
        return means | {f"deepest {name}": float(depth.max()) for name, depth in below.items()}

    def directions(self) -> dict[str, float]:
        """Degrees between the limbs' bones and the source's, on the floor that each stands on."""
        places = {name: motion.posed(self.joints)[1] for name, motion in self.motions.items()}
        # what is put on a level floor is turned as a whole, which is no error
        pelvis = [rotation_matrix(m.theta[:, 0].astype(float)) for m in (self.motions["before"], self.retargeted)]
        tilt = pelvis[0] @ np.swapaxes(pelvis[1], -1, -2)
        errors: dict[str, list[np.ndarray]] = {name: [] for name in ("copied", *places)}
        for upper, lower in LIMBS:
            start, end = self.parts.limbs[upper], self.parts.limbs[lower]
            wanted = self.source.positions[:, end] - self.source.positions[:, start]
            rest = self.joints[INDEX[lower]] - self.joints[INDEX[upper]]
            errors["copied"].append(_degrees((self.source.rotations[:, start] @ rest[:, None])[..., 0], wanted))
            turned = (tilt @ wanted[..., None])[..., 0]
            for name, place in places.items():
                errors[name].append(_degrees(place[:, INDEX[lower]] - place[:, INDEX[upper]], turned))
        means = {name: float(np.mean(each)) for name, each in errors.items()}
        return means | {"99 % after": float(np.percentile(errors["after"], 99))}

    def jolts(self) -> dict[str, float]:
        """The largest acceleration of knees and ankles, in metres a second squared."""
        legs = [INDEX[f"{side}_{name}"] for side in SIDES for name in ("knee", "ankle")]
        ways = {name: motion.posed(self.joints)[1][:, legs] for name, motion in self.motions.items()}
        jolts = {name: np.linalg.norm(np.diff(way, 2, axis=0), axis=-1) for name, way in ways.items()}
        return {
            f"{title} {name}": float(measure(jolt) * self.source.fps**2)
            for title, measure in (("99 %", lambda values: np.percentile(values, 99)), ("largest", np.max))
            for name, jolt in jolts.items()
        }

    def moved(self) -> dict[str, float]:
        """Millimetres that planting moved ankles and the pelvis."""
        ways = self.motions["after"].posed(self.joints)[1] - self.motions["before"].posed(self.joints)[1]
        away = 1000 * np.linalg.norm(ways, axis=-1)
        ankles = away[:, [INDEX[f"{side}_ankle"] for side in SIDES]]
        return {"ankles mean": float(ankles.mean()), "ankles most": float(ankles.max())} | {
            "pelvis mean": float(away[:, 0].mean()),
            "pelvis most": float(away[:, 0].max()),
        }

    def stride(self) -> dict[str, float]:
        """Scale of the root's way that `fit_stride` leaves, where it was of another body: 1 is right."""
        scales = {}
        for size in STRIDES:
            other = replace(self.retargeted, translation=np.float32(size) * self.retargeted.translation)
            ways = [np.ptp(m.translation, 0) for m in (fit_stride(other, self.joints), self.retargeted)]
            scales[f"from {size:g}"] = float(ways[0].max() / ways[1].max())
        return scales


def evaluate_motion(data: Path) -> dict[str, Any]:
    """Tables over the BVH files of `data`/motion, on a body of 1.7 m."""
    paths = sorted((data / "motion").glob("*.bvh"))
    if not paths:
        raise InputError(f"There are no BVH files in {data.name}/motion.")
    joints = adult_joints().astype(np.float64)
    benches = {path.stem: Bench.of(path, joints) for path in track(paths, "Clips")}
    tables = {
        "Skating in mm a frame": Bench.skating,
        "Soles below the floor, in mm": Bench.depth,
        "Directions of limbs against the source, in degrees": Bench.directions,
        "Moved by planting, in mm": Bench.moved,
        "Acceleration of knees and ankles, in m/s²": Bench.jolts,
        "Stride of a body whose size is not known": Bench.stride,
    }
    return {title: _table({name: row(bench) for name, bench in benches.items()}) for title, row in tables.items()}


def _table(rows: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """With the mean of each column; to thousandths."""
    columns = next(iter(rows.values()))
    rows = rows | {"mean": {name: float(np.mean([row[name] for row in rows.values()])) for name in columns}}
    return {title: {name: round(value, 3) for name, value in row.items()} for title, row in rows.items()}


def _degrees(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Angles between vectors `[F, 3]`."""
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(first, second), axis=-1), (first * second).sum(-1)))
