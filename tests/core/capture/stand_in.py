"""An implicit head without training: the template, warped by the head model's own displacements, under a cap of hair.

Between the nodes of a coarse grid the displacements are interpolated, so that it is as smooth as a trained field is,
and its codes mean what those of the real ones do.
"""

import functools

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor, nn
from torch.nn import functional

from likeness.core.implicit.expression import KEYS
from likeness.core.implicit.field import CANONICAL_JAW, HeadField, on_device
from likeness.core.implicit.latents import HAIR, LatentSpace
from likeness.core.implicit.template import Template
from likeness.core.parametric.arkit import INDEX
from likeness.core.parametric.head import SHAPES, HeadModel
from likeness.core.weights import weights_path

NODES, MODES = 24, 20
"""Of the grid along each axis, and how many of beta's components do anything."""
HAIR_HEIGHT, HAIRLINE = 0.02, 0.08
"""Metres that the hair stands out at a first component of 1, and the height on the mean head down to which it hangs."""


class Grid(nn.Module):
    """Values at nodes over a box, `[C]` at each point."""

    values: Tensor

    def __init__(self, bounds: Tensor, values: np.ndarray) -> None:
        super().__init__()
        self.bounds = bounds
        self.register_buffer("values", torch.tensor(values, dtype=torch.float32))

    def forward(self, points: Tensor) -> Tensor:
        scaled = (points - self.bounds[0]) / (self.bounds[1] - self.bounds[0]) * 2 - 1
        found = functional.grid_sample(
            self.values[None], scaled.flip(-1).reshape(1, 1, 1, -1, 3), padding_mode="border", align_corners=True
        )
        return found.reshape(len(self.values), -1).T.reshape(*points.shape[:-1], -1)


class Backbone(nn.Module):
    def __init__(self, shapes: Grid) -> None:
        super().__init__()
        self.shapes = shapes

    def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
        displacement = self.shapes(points).unflatten(-1, (3, MODES)) @ z_id[:, None, :MODES, None]
        return torch.cat([-displacement[..., 0], torch.zeros_like(points[..., :1])], -1)


class Cap(nn.Module):
    """Everything above the hairline within a distance of the head."""

    def __init__(self, template: Template) -> None:
        super().__init__()
        self.template = template

    def forward(self, template_points: Tensor, z_hair: Tensor) -> Tensor:
        outside = self.template(template_points) - HAIR_HEIGHT * z_hair[:, :1].clamp(min=0)
        return torch.maximum(outside, HAIRLINE - template_points[..., 1])


class Expression(nn.Module):
    rest: Tensor

    def __init__(self, shapes: Grid) -> None:
        super().__init__()
        self.shapes = shapes
        rest = torch.zeros(KEYS)
        rest[INDEX["jawOpen"]] = -CANONICAL_JAW
        self.register_buffer("rest", rest)

    def basis(self, template_points: Tensor, z_id: Tensor) -> Tensor:
        return self.shapes(template_points).unflatten(-1, (KEYS, 3))

    def forward(self, template_points: Tensor, z_ex: Tensor, z_id: Tensor) -> Tensor:
        return torch.einsum("bnkc,bk->bnc", self.basis(template_points, z_id), z_ex + self.rest)


@functools.cache
def stand_in_field() -> HeadField:
    """The field; its hair has one component, and its known styles are bald and two heights."""
    model = HeadModel.load()
    template = Template.load(weights_path("head_template"))
    skin = model.vertex_part == 0
    neutral = np.zeros((KEYS + 1, SHAPES), np.float32)
    psi, theta = (np.concatenate([0 * a[:1], a]) for a in (model.arkit_psi, model.arkit_theta))
    posed = np.stack([model.vertices(b, p, t)[skin] for b, p, t in zip(neutral, psi, theta, strict=True)])
    expressions = (posed[1:] - posed[0]).transpose(1, 0, 2).reshape(skin.sum(), -1)
    canonical = posed[0] + CANONICAL_JAW * (posed[1 + INDEX["jawOpen"]] - posed[0])
    axes = [np.linspace(*template.bounds[:, k], NODES) for k in range(3)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
    _, nearest = cKDTree(canonical).query(nodes.reshape(-1, 3), k=4)

    def grid(values: np.ndarray) -> Grid:
        return Grid(template.bounds, values[nearest].mean(1).T.reshape(-1, *nodes.shape[:3]))

    hair = torch.zeros(3, HAIR)
    hair[1:, 0] = torch.tensor([0.5, 1.0])
    shapes = model.shapedirs[skin, :, :MODES].reshape(skin.sum(), -1)
    backbone, expression = Backbone(grid(shapes)), Expression(grid(expressions))
    field = HeadField(None, backbone, Cap(template), expression, template, LatentSpace(hair))
    return on_device(field, "cpu")


def surface_points(field: HeadField, z_id: Tensor, count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Points `[N, 3]` of the outer surface in the canonical pose, their normals, and their template regions [N].

    Points near the template's surface slide down the gradient until they are on the head's.
    """
    rng = np.random.default_rng(seed)
    template = field.template
    corners = template.vertices[template.triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    outer = (template.regions[template.triangles] < 2).all(1)
    chosen = rng.choice(len(area), count, p=area * outer / (area * outer).sum())
    share = rng.dirichlet(np.ones(3), count).astype(np.float32)
    points = torch.tensor(np.einsum("nk,nkc->nc", share, corners[chosen]))[None]
    target = points
    z_id = z_id[None]
    with torch.no_grad():
        for _ in range(10):
            points = points - (field.template_points(points, z_id) - target)
        for _ in range(10):
            gradient = field.gradient(points, z_id)
            points = points - (field.sdf(points, z_id)[..., None] * gradient) / gradient.square().sum(-1, keepdim=True)
        normals = functional.normalize(field.gradient(points, z_id), dim=-1)
        good = field.sdf(points, z_id)[0].abs() < 1e-4
    region = torch.tensor(template.regions[template.triangles[chosen, 0]])
    return points[0][good], normals[0][good], region[good]
