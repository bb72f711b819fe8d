"""Recipe `imavatar`: the deformation fields, taught by the head model.

1. I M Avatar's three FLAME terms: E, P and W of a point are those of the nearest point of the head model's skin, on it
   and around it, so that the two lips, whose nearest skin is their own, keep apart.
2. The posed space, as I M Avatar trains on surfaces that it sees: points of the posed skin are carried back by root
   search, and the canonical points must lie on the canonical skin. Implicit differentiation makes that a gradient of
   the fields.

Terms are in square millimetres of displacement, posed ones in millimetres.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...geometry.closest import closest_points
from ...implicit.field import CANONICAL_JAW
from ...implicit.imavatar import Drive, Fields, Imavatar, ImavatarConfig, imavatar_tensors, pose_points
from ...implicit.root_search import implicit_roots
from ...parametric.arkit import ARKIT_NAMES, INDEX, flame_from_arkit
from ...parametric.head import EXPRESSIONS, JOINTS, SHAPES, HeadModel
from ...parametric.lbs import pose_feature
from ..ict import triangles
from ..publish import publish
from .heads import random_expression
from .trainer import Losses, Schedule, fabric, train

FIELDS = Schedule(1500, 3e-3, average=0.98)
POSED = Schedule(200, 2e-5, warmup=20, average=0.98)
POINTS = 4096
"""Per step."""
POSES, POSED_POINTS = 4, 256
"""Per step of the posed stage: poses, and points of each."""
SKIN, AROUND, BOX = 200_000, 100_000, 10_000
"""Points to learn from: on the skin, around it, and anywhere in the box."""
SPREADS = (0.5e-3, 2e-3, 8e-3)
"""Standard deviations in metres of the points around the skin, a third each."""
DENSE = {"lips": 8.0, "eyelids": 8.0, "face": 3.0}
"""How much denser than elsewhere the points lie in a region."""
MARGIN = 0.02
"""Metres from the skin to the box of the fields."""
REACH = 2e-3
"""Metres from the skin at which a point counts half."""
LEVER = 0.05
"""Metres that a point moves when its weight for a bone is wrong by 1, about."""
LOST = 5e-3
"""Metres off the canonical skin from which a root belongs to another sheet and teaches nothing."""
MM = 1e3


@dataclass(frozen=True)
class Poses:
    """B expressions and poses of the head model."""

    psi: Tensor
    """[B, 50]."""
    theta: Tensor
    """[B, 5, 3] radians."""


def random_poses(model: HeadModel, count: int, rng: np.random.Generator) -> Poses:
    """Half of them of standard normal psi, half of ARKit's shapes; jaws open to 0.6 rad; neck, jaw and eyes turn."""
    psi = rng.standard_normal((count, EXPRESSIONS)).astype(np.float32)
    theta = rng.normal(0, (0.1, 0.25, 0.05, 0.2, 0.2), (3, count, len(JOINTS))).transpose(1, 2, 0).astype(np.float32)
    theta[:, JOINTS.index("jaw"), 0] = rng.uniform(0, 0.6, count)
    arkit = np.stack([random_expression(rng) for _ in range(count)])
    shapes, joints = flame_from_arkit(model, arkit)
    half = slice(0, count // 2)
    psi[half] = shapes[half]
    theta[half, JOINTS.index("jaw")] = joints[half, JOINTS.index("jaw")]
    return Poses(torch.tensor(psi), torch.tensor(theta))


class Teacher:
    """The head model's skin in the canonical pose, and the fields that it carries."""

    def __init__(self, model: HeadModel) -> None:
        skin = model.vertex_part == model.parts.index("skin")
        count = int(skin.sum())
        jaw_open = np.where(np.arange(len(ARKIT_NAMES)) == INDEX["jawOpen"], CANONICAL_JAW, 0)
        self.model = model
        self.canonical_theta = torch.tensor(flame_from_arkit(model, jaw_open)[1])
        self.vertices = self.canonical(np.zeros(SHAPES, np.float32))
        """[V, 3] metres: the mean head."""
        self.triangles = triangles(model.faces[model.face_part == model.parts.index("skin")].astype(np.int64))
        self.masks = {name: model.masks[name][:count] for name in model.masks}
        self.joints = torch.tensor(model.joints(np.zeros(SHAPES, np.float32)))
        self.fields = Fields(
            torch.tensor(model.shapedirs[:count, :, SHAPES:]).transpose(1, 2).contiguous(),
            torch.tensor(model.posedirs.reshape(len(model.posedirs), -1, 3)[:, :count]).transpose(0, 1).contiguous(),
            torch.tensor(model.lbs_weights[:count]),
        )

    def canonical(self, beta: np.ndarray) -> np.ndarray:
        """[V, 3] skin of an identity [100] in the canonical pose."""
        psi = np.zeros(EXPRESSIONS, np.float32)
        vertices = self.model.vertices(beta, psi, self.canonical_theta.numpy())
        return vertices[self.model.vertex_part == self.model.parts.index("skin")]

    @property
    def bounds(self) -> Tensor:
        """[2, 3] metres."""
        return torch.tensor(np.stack([self.vertices.min(0) - MARGIN, self.vertices.max(0) + MARGIN]))

    def at(self, corners: Tensor, barycentric: Tensor) -> Fields:
        """The fields at points of the skin, `corners` [N, 3] and `barycentric` [N, 3]."""
        return Fields(*(torch.einsum("nk...,nk->n...", values[corners], barycentric) for values in self.fields))

    def posed(self, corners: Tensor, barycentric: Tensor, poses: Poses) -> Tensor:
        """[B, N, 3] metres: those points of the mean head's skin in the poses."""
        used = corners.flatten()
        batch = len(poses.psi)
        fields = Fields(*(values[used].expand(batch, *values[used].shape) for values in self.fields))
        joints = self.joints.expand(batch, -1, -1)
        drive = Drive.of(poses.psi, poses.theta, joints, self.canonical_theta)
        points = torch.tensor(self.vertices)[used].expand(batch, -1, -1)
        return torch.einsum("bnkc,nk->bnc", pose_points(points, fields, drive).unflatten(1, (-1, 3)), barycentric)


@dataclass(frozen=True)
class Samples:
    """Points of the template space and the skin that is nearest to them."""

    points: Tensor
    """[N, 3] metres; the first `SKIN` lie on the skin."""
    corners: Tensor
    """[N, 3] vertices."""
    barycentric: Tensor
    """[N, 3]."""
    weight: Tensor
    """[N] how much a point counts."""


def sample(teacher: Teacher, rng: np.random.Generator) -> Samples:
    """Points on the skin, dense where the face is fine, around it, and anywhere in the box."""
    corners = teacher.vertices[teacher.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    for name, factor in DENSE.items():
        area *= 1 + (factor - 1) * teacher.masks[name][teacher.triangles].mean(1)
    chosen = rng.choice(len(area), SKIN, p=area / area.sum())
    barycentric = rng.dirichlet(np.ones(3), SKIN).astype(np.float32)
    skin = (corners[chosen] * barycentric[..., None]).sum(1)
    around = skin[rng.integers(SKIN, size=AROUND)] + rng.choice(SPREADS, (AROUND, 1)) * rng.standard_normal((AROUND, 3))
    low, high = teacher.bounds.numpy()
    off = np.concatenate([around, rng.uniform(low, high, (BOX, 3))]).astype(np.float32)
    triangle, weights, distance = closest_points(off, teacher.vertices, teacher.triangles)
    return Samples(
        torch.tensor(np.concatenate([skin, off]).astype(np.float32)),
        torch.tensor(teacher.triangles[np.concatenate([chosen, triangle])]),
        torch.tensor(np.concatenate([barycentric, weights])),
        torch.tensor(np.concatenate([np.ones(SKIN), REACH / (REACH + distance)]).astype(np.float32)),
    )


def field_losses(found: Fields, truth: Fields, weight: Tensor, variance: Tensor) -> Losses:
    """I M Avatar's three FLAME terms as mean square displacements in mm^2.

    `variance` [36] of the pose features makes P's term what its error moves; psi has unit variance, and weights have
    the lever `LEVER`.
    """

    def mean(square: Tensor) -> Tensor:
        return MM**2 * (weight * square).mean()

    return {
        "expression": mean((found.expression - truth.expression).square().sum((1, 2))),
        "pose": mean(((found.pose - truth.pose).square().sum(2) * variance).sum(1)),
        "weights": LEVER**2 * mean((found.weights - truth.weights).square().sum(1)),
    }


def posed_losses(module: Imavatar, teacher: Teacher, samples: Samples, poses: Poses, rows: Tensor) -> Losses:
    """|f(x_c)| in mm of the canonical points of posed skin points `rows` [N], with f the distance to the skin.

    f is linear about each root: its value and normal come from the nearest triangle.
    """
    with torch.no_grad():
        posed = teacher.posed(samples.corners[rows], samples.barycentric[rows], poses)
    joints = teacher.joints.expand(len(posed), -1, -1)
    roots = module.canonical(posed, poses.psi, poses.theta, joints)
    distance, normals = skin_distance(teacher, roots.points.flatten(0, 1))
    distance = distance.reshape(roots.error.shape).masked_fill(~roots.converged, torch.inf)
    start = distance.abs().argmin(1)
    problems = torch.arange(len(start))
    use = distance[problems, start].abs() < LOST
    problems, start = problems[use], start[use]
    normal = normals.reshape(roots.points.shape)[problems, start]
    point = roots.points[problems, start]
    residual = module.residual(posed, poses.psi, poses.theta, joints)
    moved = implicit_roots(residual, point, problems)
    value = distance[problems, start] + ((moved - point) * normal).sum(1)
    return {"posed": MM * value.abs().mean()}


def skin_distance(teacher: Teacher, points: Tensor) -> tuple[Tensor, Tensor]:
    """Distance [N] of points [N, 3] from the plane of the nearest triangle of the canonical skin; its normal [N, 3]."""
    triangle, weights, _ = closest_points(points.numpy(), teacher.vertices, teacher.triangles)
    corners = teacher.vertices[teacher.triangles[triangle]]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal = torch.tensor(normal / np.linalg.norm(normal, axis=1, keepdims=True))
    nearest = torch.tensor((corners * weights[..., None]).sum(1))
    return ((points - nearest) * normal).sum(1), normal


def train_imavatar(data: Path, out: Path, seed: int) -> None:  # noqa: ARG001
    """Write `imavatar.safetensors` and its card to `out`; the shipped head model is all the data there is."""
    teacher = Teacher(HeadModel.load())
    torch.manual_seed(seed)
    samples = sample(teacher, np.random.default_rng([seed, 1]))
    module = Imavatar(ImavatarConfig(), teacher.canonical_theta, teacher.bounds)
    spread = random_poses(teacher.model, 2000, np.random.default_rng([seed, 2]))
    feature = pose_feature(spread.theta) - pose_feature(teacher.canonical_theta)
    variance = feature.square().mean(0)

    def fields(step: int) -> Losses:
        rows = torch.tensor(np.random.default_rng([seed, 3, step]).integers(len(samples.points), size=POINTS))
        truth = teacher.at(samples.corners[rows], samples.barycentric[rows])
        return field_losses(module.fields(samples.points[rows]), truth, samples.weight[rows], variance)

    def posed(step: int) -> Losses:
        rng = np.random.default_rng([seed, 4, step])
        poses = random_poses(teacher.model, POSES, rng)
        rows = torch.tensor(rng.integers(SKIN, size=POSED_POINTS))
        with torch.autocast("cpu", enabled=False):
            return fields(FIELDS.steps + step) | posed_losses(module, teacher, samples, poses, rows)

    run = fabric()
    outcomes = {
        "fields": train("imavatar-fields", module, fields, FIELDS, run),
        "posed": train("imavatar-posed", module, posed, POSED, run),
    }
    tensors, metadata = imavatar_tensors(module)
    card = {
        "recipe": "likeness train imavatar",
        "data": "the head model of these weights",
        "licence": "GPL-3.0-or-later",
        "device": outcomes["fields"].device,
        "training": {
            stage: {"steps": o.steps, "minutes": o.minutes, "losses": o.losses} for stage, o in outcomes.items()
        },
        "parameters": sum(p.numel() for p in module.parameters()),
        "metrics": "likeness evaluate imavatar",
    }
    publish("imavatar", out, tensors, card, metadata)
