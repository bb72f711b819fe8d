"""The poses of clothed figures: motion capture, MakeHuman's poses and random ones; some are held out, by clip."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...bodies.motion import load_motion
from ..body_model.poses import authored_poses, random_theta
from ..body_model.posing import Rig

HELD_OUT = 0.2
"""Share of the clips, and of the random poses."""
FPS = 6.0
"""Frames a second that are taken of a motion: more are alike."""


@dataclass(frozen=True)
class Poses:
    """theta [N, 24, 3] to train with, and others to test with."""

    train: np.ndarray
    test: np.ndarray

    @classmethod
    def split(cls, clips: Mapping[str, np.ndarray], random: int, seed: int = 0) -> "Poses":
        """Of clips by name, theta [F, 24, 3] each, whole ones are held out, and of `random` poses within the joints'
        limits the same share. None turns the whole body.
        """
        names = np.random.default_rng([seed, 0]).permutation(sorted(clips))
        held_out = round(HELD_OUT * len(names))
        rng = np.random.default_rng([seed, 1])
        drawn = np.array([random_theta(rng) for _ in range(random)]).reshape(-1, 24, 3)
        cut = round(HELD_OUT * random)
        test = np.concatenate([*(clips[name] for name in names[:held_out]), drawn[:cut]])
        train = np.concatenate([*(clips[name] for name in names[held_out:]), drawn[cut:]])
        still = np.arange(24)[:, None] > 0
        return cls(train * still, test * still)


def clips(data: Path, rig: Rig) -> dict[str, np.ndarray]:
    """theta [F, 24, 3] by name: MakeHuman's poses, one frame each, and the motions in the folder `data`.

    Raises InputError where MakeHuman's poses are not there.
    """
    joints = rig.stand(rig.teacher.bodies(np.full((1, 11), 0.5)), 0).joints
    files = sorted((data / "motion").glob("*.bvh"))
    motions = {file.stem: load_motion(file, joints).resampled(FPS).theta for file in files}
    return {name: theta[None] for name, theta in authored_poses(data, rig).items()} | motions
