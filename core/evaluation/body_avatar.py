"""Suite `body-avatar`: what the correctives of bodies are worth, and whether exported bodies move as they should."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track
from scipy.spatial import cKDTree

from ..avatar import Avatar
from ..bodies.avatar import body_avatar, body_joints
from ..bodies.motion import load_motion
from ..bodies.posing import posed, posed_joints
from ..bodies.shape import random_beta
from ..errors import EngineError
from ..parametric.body import BodyModel
from ..parametric.body_motion import BodyMotion
from ..parametric.joint_limits import random_turns
from ..parametric.joint_names import JOINT_NAMES
from ..parametric.smpl_joints import INDEX, JOINTS
from ..training.body_model.poses import random_theta

ADDON = (sys.executable, "-P", "-m")
SEED, BODIES, TURNS = 77, 10, 20
"""Of what is held out: first seed, how many bodies, and how many turns of each joint."""
MEASURED = ("elbow", "knee", "shoulder", "hip", "wrist", "spine2", "neck")
STEP = 40
"""Frames of clips from one that is measured to the next."""
WALK = "02_01_walk"


def evaluate_body_avatar(data: Path) -> dict[str, Any]:
    """Correctives by keys against the body model's own, in mm; then a walk through glb and fbx, in mm."""
    model = BodyModel.load()
    rng = np.random.default_rng(SEED)
    motions = {path: load_motion(path, model.joints(np.zeros(16, np.float32))) for path in _clips(data)}
    poses = {
        "random poses": [random_theta(rng).astype(np.float32) for _ in range(100)],
        "frames of 12 clips": [theta for motion in motions.values() for theta in motion.theta[::STEP]],
    }
    poses |= {name: [_turned(name, turn) for turn in random_turns(name, TURNS, rng)] for name in _measured()}
    avatars = [body_avatar(model, random_beta(SEED + seed, model)) for seed in range(BODIES)]
    table = {}
    for name, thetas in track(poses.items(), "Posing bodies"):
        pairs = [(avatars[i % BODIES], theta) for i, theta in enumerate(thetas)]
        table[f"{name}, {len(thetas)}"] = _errors(model, pairs)
    files = _files(model, data / "motion" / f"{WALK}.bvh")
    return {
        "shape keys": len(avatars[0].correctives),
        "Distance from the body model, in mm": table,
        f"{WALK} read back, greatest distance in mm": files,
    }


def _clips(data: Path) -> list[Path]:
    return sorted((data / "motion").glob("*.bvh"))


def _measured() -> list[str]:
    return [name if name in INDEX else f"left_{name}" for name in MEASURED]


def _turned(joint: str, turn: np.ndarray) -> np.ndarray:
    theta = np.zeros((len(JOINTS), 3), np.float32)
    theta[INDEX[joint]] = turn
    return theta


def _errors(model: BodyModel, pairs: list[tuple[Avatar, np.ndarray]]) -> dict[str, float]:
    """Over the vertices that the body model's correctives move by 1 mm or more; the greatest over all."""
    without, left = [], []
    for avatar, theta in pairs:
        beta = np.array(avatar.parameters["beta"], np.float32)
        up = avatar.joints[1].head - model.joints(beta)[0]
        expected = model.vertices(beta, theta) + up
        without.append(1000 * np.linalg.norm(model.skinned(beta, theta) + up - expected, axis=1))
        left.append(1000 * np.linalg.norm(posed(avatar, theta, np.zeros(3)) - expected, axis=1))
    bones, keys = np.concatenate(without), np.concatenate(left)
    moved = bones >= 1
    row = {}
    for title, errors in (("bones alone", bones), ("with keys", keys)):
        row[f"{title}, mean"] = float(errors[moved].mean())
        row[f"{title}, 95 %"] = float(np.percentile(errors[moved], 95))
        row[f"{title}, most"] = float(errors.max())
    return row


def _files(model: BodyModel, clip: Path) -> dict[str, dict[str, Any]]:
    """A seeded body that walks, exported by the add-on and read back: by joint names and format."""
    rows = {}
    for names in track(JOINT_NAMES, "Walking through files"):
        avatar = body_avatar(model, random_beta(SEED, model), joint_names=names)
        motion = load_motion(clip, body_joints(avatar), ground=0.0)
        with tempfile.TemporaryDirectory() as folder:
            avatar.save(Path(folder) / "body.npz")
            order = [f"{folder}/body.npz", "--out", folder, "--name", "body", "--formats", "glb,fbx"]
            _run("batch", *order, "--animate", str(clip))
            for kind in ("glb", "fbx"):
                rows[f"{names}, .{kind}"] = compare(avatar, motion, read_moving(Path(folder) / f"body.{kind}", motion))
    return rows


def read_moving(file: Path, motion: BodyMotion) -> dict[str, np.ndarray]:
    """What Blender reads of an exported body at five frames of its motion (see `blender_addon.readback`)."""
    found = file.with_suffix(f"{file.suffix}.npz")
    numbers = ",".join(str(frame + 1) for frame in _frames(motion))
    _run("readback", str(file), "--fps", str(motion.fps), "--frames", numbers, "--out", str(found))
    with np.load(found) as read:
        return dict(read)


def compare(avatar: Avatar, motion: BodyMotion, read: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Greatest distance in mm of the joints and vertices that `read_moving` read from the Avatar's."""
    there = [(motion.theta[frame], motion.translation[frame]) for frame in _frames(motion)]
    order = [read["names"].tolist().index(name) for name in JOINT_NAMES[avatar.joint_names]]
    bones = read["joints"][:, order] - np.stack([posed_joints(avatar, *each) for each in there])
    return {
        "joints": 1000 * float(np.linalg.norm(bones, axis=-1).max()),
        "vertices": farthest(read["vertices"], np.stack([posed(avatar, *each) for each in there])),
        "shape keys": len(read["keys"]),
    }


def farthest(vertices: np.ndarray, others: np.ndarray) -> float:
    """Greatest distance in mm of vertices `[F, V, 3]` from the same of `others` `[F, W, 3]`.

    Exporters split and reorder vertices: the same is the one whose path is nearest.
    """
    paths, other_paths = (np.swapaxes(each, 0, 1).reshape(-1, 3 * len(each)) for each in (vertices, others))
    nearest = cKDTree(other_paths).query(paths)[1]
    return 1000 * float(np.linalg.norm(vertices - others[:, nearest], axis=-1).max())


def _frames(motion: BodyMotion) -> np.ndarray:
    """Five, from the first to the last."""
    return np.linspace(0, len(motion) - 1, 5).round().astype(int)


def _run(module: str, *arguments: str) -> None:
    done = subprocess.run([*ADDON, f"likeness.blender_addon.{module}", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise EngineError(f"Blender failed: {done.stderr.strip().splitlines()[-1]}")
