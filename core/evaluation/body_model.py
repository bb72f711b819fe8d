"""Suite `body-model`: how well the open body reproduces bodies and poses that it was not trained on."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from ..parametric.body import BodyModel
from ..parametric.smpl_joints import INDEX
from ..rendering.rasterise import triangulate
from ..training.body_model.poses import authored_poses, random_theta, theta_of
from ..training.body_model.posing import Rig
from ..training.body_model.teacher import Bodies, Teacher
from ..weights import weights_path
from .body_pictures import draw_body_model

HELD_OUT_SEED = 2**31
"""Recipes draw from small seeds: nothing drawn from this one was trained on."""
BODIES, POSES = 100, 200
SHAPES = (4, 8, 10, 12, 16)
BENT = {
    "elbow at 90 degrees": ("left_elbow", theta_of(left_elbow=(0, -90, 0)), 0.12),
    "elbow at 130 degrees": ("left_elbow", theta_of(left_elbow=(0, -130, 0)), 0.12),
    "knee at 90 degrees": ("left_knee", theta_of(left_knee=(90, 0, 0)), 0.15),
    "hip at 90 degrees": ("left_hip", theta_of(left_hip=(-90, 0, 0)), 0.20),
    "shoulder down 75 degrees": ("left_shoulder", theta_of(left_shoulder=(0, 0, -75)), 0.13),
    "wrist turned 80 degrees": ("left_wrist", theta_of(left_wrist=(80, 0, 0)), 0.10),
}
"""Name -> the joint, the pose, and how far from the joint at rest the volume is measured, metres."""


def evaluate_body_model(data: Path) -> dict[str, Any]:
    """`measure_body_model`, and the picture of the documentation."""
    draw_body_model(BodyModel.load(weights_path("body")))
    return measure_body_model(data)


def measure_body_model(data: Path) -> dict[str, Any]:
    """Distances in mm between corresponding vertices of the teacher's bodies and ours; volumes around bent joints."""
    model = BodyModel.load(weights_path("body"))
    rig = Rig(Teacher(), model.base_index)
    rng = np.random.default_rng(HELD_OUT_SEED)
    bodies = rig.teacher.draw(BODIES, rng)
    posed = Posed(model, rig, bodies)
    random = [(index % BODIES, random_theta(rng)) for index in range(POSES)]
    authored = [(index, theta) for index, theta in enumerate(authored_poses(data, rig).values())]
    return {
        "vertices": len(model.v_template),
        **_heights(model, np.random.default_rng(HELD_OUT_SEED)),
        "Held-out bodies in the T-pose": posed.shapes(),
        "Held-out poses of held-out bodies": {
            f"{POSES} random poses": posed.errors(random, posed.joints),
            f"{len(authored)} poses by MakeHuman's artists": posed.errors(authored, posed.joints),
            f"{POSES} random poses about the teacher's own marks": posed.errors(random, posed.marks),
        },
        "Volume around bent joints, share of the teacher's": posed.volumes(),
    }


def _heights(model: BodyModel, rng: np.random.Generator) -> dict[str, float]:
    """Of bodies of standard normal betas."""
    betas = rng.standard_normal((BODIES, model.shapedirs.shape[2])).astype(np.float32)
    heights = np.ptp(model.shaped(betas)[..., 1], axis=1)
    return {"random_bodies_height_mean_m": float(heights.mean()), "random_bodies_height_sd_m": float(heights.std())}


class Posed:
    """The teacher's bodies and ours, whose shape is that of the T-pose by least squares."""

    def __init__(self, model: BodyModel, rig: Rig, bodies: Bodies) -> None:
        self.model, self.rig = model, rig
        self.standing = [rig.stand(bodies, index) for index in range(len(bodies))]
        self.rest = np.stack([body.vertices for body in self.standing])
        self.joints = model.J_regressor @ self.rest
        self.marks = np.stack([body.joints for body in self.standing])
        basis = model.shapedirs.reshape(-1, model.shapedirs.shape[2]).astype(np.float64)
        offsets = (self.rest - model.v_template).reshape(len(bodies), -1)
        self.fits = {n: np.linalg.lstsq(basis[:, :n], offsets.T, rcond=None)[0].T.astype(np.float32) for n in SHAPES}
        self.beta = self.fits[SHAPES[-1]]

    def shapes(self) -> dict[str, dict[str, float]]:
        """By the number of betas; the mean body is the baseline."""
        table = {"the mean body": summary(np.linalg.norm(self.rest - self.model.v_template, axis=2))}
        for count, betas in self.fits.items():
            table[f"{count} betas"] = summary(np.linalg.norm(self.model.shaped(betas) - self.rest, axis=2))
        table["joints, from the teacher's own marks"] = summary(np.linalg.norm(self.joints - self.marks, axis=2))
        return table

    def errors(self, cases: list[tuple[int, np.ndarray]], joints: np.ndarray) -> dict[str, float]:
        """Over (body, theta): of the bones alone, and with correctives; the teacher turns about joints [N, 24, 3]."""
        found: dict[str, list[np.ndarray]] = {"bones_alone": [], "ours": []}
        for index, theta in track(cases, "Poses"):
            target = self.rig.pose(self.standing[index], theta, joints[index])
            beta, pose = self.beta[index], theta.astype(np.float32)
            for name, function in (("bones_alone", self.model.skinned), ("ours", self.model.vertices)):
                found[name].append(np.linalg.norm(function(beta, pose) - target, axis=1))
        return {f"{n}_{key}": value for n, values in found.items() for key, value in summary(np.stack(values)).items()}

    def volumes(self) -> dict[str, dict[str, float]]:
        """Of the cone from a joint over the skin near it, the mean of ten bodies."""
        triangles = triangulate(self.model.faces)[0]
        table = {}
        for name, (joint, theta, reach) in BENT.items():
            ratios = []
            for index in range(10):
                centre = self.joints[index, INDEX[joint]]
                near = triangles[(np.linalg.norm(self.rest[index][triangles] - centre, axis=2) < reach).all(1)]
                target = self.rig.pose(self.standing[index], theta, self.joints[index])
                beta, pose = self.beta[index], theta.astype(np.float32)
                made = (target, self.model.vertices(beta, pose), self.model.skinned(beta, pose))
                volumes = [cone(vertices[near], centre) for vertices in made]
                ratios.append([volumes[1] / volumes[0], volumes[2] / volumes[0]])
            ours, bones = np.mean(ratios, 0)
            table[name] = {"ours": float(ours), "bones_alone": float(bones)}
        return table


def cone(triangles: np.ndarray, apex: np.ndarray) -> float:
    """Cubic metres between a patch of triangles [T, 3, 3] and a point."""
    return float(np.linalg.det(triangles - apex).sum() / 6)


def summary(distances: np.ndarray) -> dict[str, float]:
    """Metres to mm."""
    return {"mean_mm": 1e3 * float(distances.mean()), "p95_mm": 1e3 * float(np.percentile(distances, 95))}
