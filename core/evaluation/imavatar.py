"""Suite `imavatar`: how well the deformation fields follow the head model in poses that they were not trained on."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from ..implicit.imavatar import Fields, Imavatar, load_imavatar, pose_points
from ..implicit.template import Template
from ..parametric.head import SHAPES, HeadModel
from ..rendering.rasterise import interpolate
from ..training.implicit.imavatar import Poses, Teacher, random_poses
from ..weights import weights_path

HELD_OUT_SEED = 2**31
"""Recipes draw from small seeds: nothing drawn from this one was trained on."""
HEADS, POSES = 8, 4
"""Identities, and poses of each."""
POINTS = 20_000
"""On the skin, as many on every triangle: lips and lids are where triangles are small."""
CARRIED = 1000
"""Points of each pose that are carried back by root search."""
SAME = 1e-3
"""Metres within which a root is the point that was posed, rather than another that lands there too."""
OFFSET = 2e-3
"""Metres along the normal at which the posed field must tell inside from outside."""
REGIONS = ("face", "lips", "eyelids", "mouth_socket", "eye_sockets")


class _Points:
    """Points on the skin of every head."""

    def __init__(self, teacher: Teacher, count: int, rng: np.random.Generator) -> None:
        self.corners = teacher.triangles[rng.integers(len(teacher.triangles), size=count)]
        self.barycentric = rng.dirichlet(np.ones(3), count).astype(np.float32)
        self.template = self.on(teacher.vertices)
        self.masks = {name: self.on(teacher.masks[name]) > 0.5 for name in REGIONS}

    def on(self, vertices: np.ndarray) -> np.ndarray:
        """Values of vertices `[V, ...]` at the points, `[N, ...]`."""
        return interpolate(vertices, self.corners, self.barycentric)


def evaluate_imavatar(data: Path | None = None) -> dict[str, Any]:  # noqa: ARG001
    """Distances in mm of the posed skin from the head model's, over random identities, expressions and poses."""
    return evaluate_fields(load_imavatar())


def evaluate_fields(module: Imavatar) -> dict[str, Any]:
    """The figures of any fields; baselines are measured on the same heads, poses and points."""
    teacher, rng = Teacher(HeadModel.load()), np.random.default_rng(HELD_OUT_SEED)
    points = _Points(teacher, POINTS, rng)
    rows = _rows(module, teacher, points)
    errors: dict[str, list[np.ndarray]] = {name: [] for name in rows}
    for _ in track(range(HEADS), "Held-out heads"):
        beta = rng.standard_normal(SHAPES).astype(np.float32)
        poses = random_poses(teacher.model, POSES, rng)
        canonical = torch.tensor(points.on(teacher.canonical(beta))).expand(POSES, -1, -1)
        drive = module.drive(poses.psi, poses.theta, torch.tensor(teacher.model.joints(beta)).expand(POSES, -1, -1))
        whole = teacher.model.vertices(np.tile(beta, (POSES, 1)), poses.psi.numpy(), poses.theta.numpy())
        truth = np.stack([points.on(vertices) for vertices in whole])
        for name, fields in rows.items():
            batch = Fields(*(value.expand(POSES, *value.shape) for value in fields))
            errors[name].append(1e3 * np.linalg.norm(pose_points(canonical, batch, drive).numpy() - truth, axis=-1))
    own = teacher.at(*_tensors(points))
    off = (rows["fields"].weights - own.weights).abs().sum(1)
    return {
        "weights_l1_mean": float(off.mean()),
        "weights_l1_p95": float(off.quantile(0.95)),
        **_carried_back(module, teacher, rng),
        "Posed skin": {name: _row(np.concatenate(values), points) for name, values in errors.items()},
    }


def _rows(module: Imavatar, teacher: Teacher, points: _Points) -> dict[str, Fields]:
    """The fields at the points, as the network has them and as simpler means would."""
    template = torch.tensor(points.template)
    with torch.no_grad():
        found = module.fields(template)
    nearest = points.corners[np.arange(POINTS), points.barycentric.argmax(1)]
    own = teacher.at(*_tensors(points))
    return {
        "fields": found,
        "skinning alone": Fields(0 * own.expression, 0 * own.pose, own.weights),
        "nearest vertex": Fields(*(value[nearest] for value in teacher.fields)),
    }


def _tensors(points: _Points) -> tuple[Tensor, Tensor]:
    return torch.tensor(points.corners), torch.tensor(points.barycentric)


def _row(errors: np.ndarray, points: _Points) -> dict[str, float]:
    """Figures of distances `[B, N]`: the mean and 95th percentile of all, and the means of the regions."""
    regions = {f"{name}_mm": float(errors[:, mask].mean()) for name, mask in points.masks.items()}
    return {"mean_mm": float(errors.mean()), "p95_mm": float(np.percentile(errors, 95)), **regions}


def _carried_back(module: Imavatar, teacher: Teacher, rng: np.random.Generator) -> dict[str, float]:
    """Skin of the mean head as the head model poses it: its canonical roots, and the posed distance around it."""
    points, poses = _Points(teacher, CARRIED, rng), random_poses(teacher.model, HEADS, rng)
    posed = teacher.posed(*_tensors(points), poses)
    drive = poses.psi, poses.theta, teacher.joints.expand(HEADS, -1, -1)
    roots = module.canonical(posed, *drive)
    truth = torch.tensor(points.template).repeat(HEADS, 1)
    apart = (roots.points - truth[:, None]).norm(dim=-1).masked_fill(~roots.converged, torch.inf).amin(1)
    same, face = apart < SAME, torch.tensor(np.tile(points.masks["face"], HEADS))
    template = Template.load(weights_path("head_template"))

    def distance(at: Tensor) -> Tensor:
        return module.posed_sdf(at, *drive, sdf=lambda canonical, _: template(canonical))

    normal = _normals(teacher, points, poses)
    inside, outside = (distance(posed + sign * OFFSET * normal) for sign in (-1, 1))
    return {
        "roots_found_share": float(roots.found.float().mean()),
        "roots_same_share": float(same.float().mean()),
        "roots_same_face_share": float(same[face].float().mean()),
        "roots_same_mean_mm": 1e3 * float(apart[same].mean()),
        "posed_distance_on_skin_mm": 1e3 * float(distance(posed).abs().median()),
        "posed_inside_share": float((inside < 0).float().mean()),
        "posed_outside_share": float((outside > 0).float().mean()),
    }


def _normals(teacher: Teacher, points: _Points, poses: Poses) -> Tensor:
    """[B, N, 3] outward, of the posed triangles that the points lie on."""
    corners = [torch.full((len(points.corners), 3), 0.0).index_fill(1, torch.tensor(k), 1.0) for k in range(3)]
    a, b, c = (teacher.posed(torch.tensor(points.corners), corner, poses) for corner in corners)
    return torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a), dim=-1)
