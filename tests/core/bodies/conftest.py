"""A body of SMPL's joints, and BVH files of it under the names that tools give to bones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.body_motion import BodyMotion
from likeness.core.parametric.joint_names import JOINT_NAMES
from likeness.core.parametric.smpl_joints import INDEX, JOINTS, PARENTS, adult_joints

FPS = 60.0
MIXAMO = dict(zip(JOINTS, JOINT_NAMES["mixamo"], strict=True))


@pytest.fixture(scope="session")
def model() -> BodyModel:
    """The body model that is shipped."""
    return BodyModel.load()


@pytest.fixture
def joints() -> np.ndarray:
    return adult_joints().astype(np.float64)


@pytest.fixture
def walk(joints: np.ndarray) -> BodyMotion:
    """Two seconds of legs and arms that swing, a trunk that turns, and a root that goes ahead."""
    time = np.arange(121) / FPS
    theta = np.zeros((len(time), 24, 3), np.float32)
    swing = np.sin(2 * np.pi * time)
    for side, sign in (("left", 1), ("right", -1)):
        theta[:, INDEX[f"{side}_hip"], 0] = 0.4 * sign * swing
        theta[:, INDEX[f"{side}_knee"], 0] = 0.4 - 0.3 * sign * swing
        theta[:, INDEX[f"{side}_shoulder"], 2] = -1.2 * sign
        theta[:, INDEX[f"{side}_elbow"], 1] = -0.5 * sign - 0.2 * swing
    theta[:, INDEX["spine2"], 1] = 0.2 * swing
    theta[:, INDEX["head"], 1] = -0.2 * swing
    theta[:, 0, 1] = 0.3
    translation = np.stack([0.3 * time, np.full(len(time), -0.03), 0.9 * time], 1)
    return BodyMotion(FPS, theta, translation.astype(np.float32), source="walk")


@pytest.fixture
def standing() -> BodyMotion:
    return BodyMotion(FPS, np.zeros((60, 24, 3), np.float32), np.zeros((60, 3), np.float32), source="standing")


@pytest.fixture
def write_bvh(tmp_path: Path, joints: np.ndarray) -> Callable[..., Path]:
    """Writes a motion of `joints` as a BVH file.

    `names` are those of the bones, without which a joint is left out; `unit` is in metres; `rest` `[24, 3]`, the pose
    in which all rotations of the file are zero; `turn` `[3, 3]` goes from our axes to the file's.
    """

    def write(
        motion: BodyMotion,
        names: dict[str, str] = MIXAMO,
        order: str = "zxy",
        unit: float = 0.01,
        rest: np.ndarray | None = None,
        turn: np.ndarray | None = None,
    ) -> Path:
        turn = np.eye(3) if turn is None else turn
        still = BodyMotion(FPS, np.zeros((1, 24, 3)) if rest is None else rest[None], np.zeros((1, 3)))
        base, places = (values[0] for values in still.posed(joints))
        rotations, positions = motion.posed(joints)
        rotations = turn @ rotations @ np.swapaxes(base, -1, -2) @ turn.T
        lines, columns = ["HIERARCHY"], [positions[:, 0] @ turn.T / unit]

        def bone(j: int) -> None:
            parent = PARENTS[j]
            offset = turn @ (places[j] - places[parent] if parent >= 0 else np.zeros(3)) / unit
            title = f"JOINT {names[JOINTS[j]]}" if parent >= 0 else f"ROOT {names[JOINTS[j]]}"
            channels = [f"{axis}rotation" for axis in order.upper()]
            if parent < 0:
                channels = ["Xposition", "Yposition", "Zposition", *channels]
            local = rotations[:, j] if parent < 0 else np.swapaxes(rotations[:, parent], -1, -2) @ rotations[:, j]
            columns.append(Rotation.from_matrix(local).as_euler(order.upper(), degrees=True))
            lines.extend([title, "{", f"OFFSET {_row(offset)}", f"CHANNELS {len(channels)} {' '.join(channels)}"])
            below = [c for c in range(24) if PARENTS[c] == j and JOINTS[c] in names]
            for child in below:
                bone(child)
            if not below:
                lines.extend(["End Site", "{", "OFFSET 0 0 0", "}"])
            lines.append("}")

        bone(0)
        lines += ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {1 / motion.fps:.7f}"]
        lines += [_row(row) for row in np.concatenate(columns, 1)]
        path = tmp_path / "motion.bvh"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def _row(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values)
