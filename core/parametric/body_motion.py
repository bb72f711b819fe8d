"""The motion of a body, whatever file it came from."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..errors import InputError
from .clip import neighbours
from .lbs import joint_transforms, rotation_matrix
from .rotations import axis_angle_from_matrix, slerp
from .smpl_joints import JOINTS, PARENTS

SLOWEST, FASTEST = 1.0, 1000.0
"""Frames a second that a motion may have; what is beyond is a mistake in the file."""


@dataclass(frozen=True)
class BodyMotion:
    """F frames of SMPL's 24 joints: what `joint_transforms` and an armature take."""

    fps: float
    theta: np.ndarray
    """[F, 24, 3] float32 axis-angle radians, each joint to its parent, in the order of `names`."""
    translation: np.ndarray
    """[F, 3] float32 metres, +Y up, added to the posed body: the pelvis is at its rest position plus this."""
    beta: np.ndarray | None = None
    """[N] shape of the captured body in the terms of the model it was fitted with; not of ours."""
    source: str = ""
    """Where it came from: a file's name."""
    warnings: tuple[str, ...] = ()
    """One sentence each, for the user."""
    names: ClassVar[tuple[str, ...]] = JOINTS

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.theta)

    @property
    def seconds(self) -> float:
        return max(len(self) - 1, 0) / self.fps

    def resampled(self, fps: float) -> "BodyMotion":
        """The same motion at another frame rate: rotations by slerp, translation linear between frames."""
        low, high, share = neighbours(len(self), self.fps, check_rate(fps, "The motion"))
        rotation = rotation_matrix(self.theta.astype(np.float64))
        theta = axis_angle_from_matrix(slerp(rotation[low], rotation[high], share[:, None]))
        part = share[:, None]
        translation = self.translation[low] * (1 - part) + self.translation[high] * part
        return replace(self, fps=float(fps), theta=theta, translation=translation.astype(np.float32))

    def posed(self, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World rotations `[F, 24, 3, 3]` from rest and positions `[F, 24, 3]` of a body whose joints rest at `joints`
        `[24, 3]` metres.
        """
        rest = np.broadcast_to(joints.astype(np.float64), self.theta.shape)
        rotation, offset = joint_transforms(rest, PARENTS, self.theta.astype(np.float64))
        return rotation, (rotation @ rest[..., None])[..., 0] + offset + self.translation[:, None]


def check_rate(fps: float, name: str) -> float:
    """The frame rate, where a motion can have it. Raises InputError that speaks of `name`."""
    if not SLOWEST <= fps <= FASTEST:  # NaN is not
        raise InputError(f"{name} has {fps:g} frames a second, where {SLOWEST:g} to {FASTEST:g} belong.")
    return float(fps)
