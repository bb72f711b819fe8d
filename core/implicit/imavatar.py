"""I M Avatar's deformation fields over the canonical head (Zheng et al., CVPR 2022, eqs. 3-5).

Every canonical point y carries expression blendshapes E(y), pose correctives P(y) and skinning weights W(y) that mean
what FLAME's do, so that psi and theta of the head model drive any surface that lies in the template space:

    d(y) = LBS(rest(y) + E(y) psi + P(y) pose_feature(theta), J, theta, W(y))

rest(y) undoes skinning and correctives of the canonical pose, whose jaw is slightly open: d(y) = y in that pose, and
the teacher's fields give the teacher's posed surface exactly. Metres; B heads or poses with N points each.
"""

import dataclasses
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import EngineError
from ..parametric.head import EXPRESSIONS, JOINTS
from ..parametric.lbs import joint_transforms, pose_feature
from ..tensors import load_tensors
from ..weights import weights_path
from .mlp import ExactLinear, FourierFeatures
from .root_search import Residual, Roots, correspondence, search

PARENTS = (-1, 0, 1, 1, 1)
"""Of `JOINTS`: FLAME's tree."""
FEATURES = 9 * (len(JOINTS) - 1)
START_BONES = (0, 2, 1)
"""Bones that root searches start from: root (no motion of its own), jaw, neck."""
_SHARPNESS = 20.0
"""Factor of the skinning logits (SNARF, I M Avatar)."""
_REACH = 0.01
"""Metres that the network's output 1 stands for."""

TemplatePoints = Callable[[Tensor, Tensor], Tensor]
"""Canonical points [M, 3] of the heads `rows` [M] to their template points [M, 3], where the fields are read."""


class Fields(NamedTuple):
    """What a point carries."""

    expression: Tensor
    """E [..., 50, 3] metres for one unit of psi."""
    pose: Tensor
    """P [..., 36, 3] metres for one unit of the pose feature."""
    weights: Tensor
    """W [..., 5], sum 1."""


class Drive(NamedTuple):
    """What B poses ask of the points: all that depends on psi, theta and joints but not on place."""

    psi: Tensor
    """[B, 50]."""
    feature: Tensor
    """[B, 36] pose feature less that of the canonical pose."""
    rotation: Tensor
    """[B, 5, 3, 3]."""
    translation: Tensor
    """[B, 5, 3]."""
    rest_rotation: Tensor
    """[B, 5, 3, 3] of the canonical pose."""
    rest_translation: Tensor
    """[B, 5, 3]."""

    @classmethod
    def of(cls, psi: Tensor, theta: Tensor, joints: Tensor, canonical_theta: Tensor) -> "Drive":
        """psi `[B, 50]`, theta and joints `[B, 5, 3]`, `canonical_theta` [5, 3]."""
        rest_theta = canonical_theta.expand_as(theta)
        return cls(
            psi,
            pose_feature(theta) - pose_feature(rest_theta),
            *joint_transforms(joints, PARENTS, theta),
            *joint_transforms(joints, PARENTS, rest_theta),
        )

    def at(self, rows: Tensor) -> "Drive":
        """The poses `rows` [M]."""
        return Drive(*(value[rows] for value in self))


def pose_points(points: Tensor, fields: Fields, drive: Drive) -> Tensor:
    """Canonical points `[B, N, 3]` that carry `fields` in the poses `drive` [B]: `[B, N, 3]` metres."""
    rest_rotation, rest_translation = _blend(fields.weights, drive.rest_rotation, drive.rest_translation)
    rest = _apply(_inverse(rest_rotation), points - rest_translation)
    offset = torch.einsum("bnkc,bk->bnc", fields.expression, drive.psi)
    offset = offset + torch.einsum("bnkc,bk->bnc", fields.pose, drive.feature)
    rotation, translation = _blend(fields.weights, drive.rotation, drive.translation)
    return _apply(rotation, rest + offset) + translation


def _blend(weights: Tensor, rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """Blended motion at every point: `[B, N, 3, 3]` and `[B, N, 3]`."""
    return (weights @ rotation.flatten(2)).unflatten(-1, (3, 3)), weights @ translation


def _apply(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector[..., None])[..., 0]


def _inverse(matrix: Tensor) -> Tensor:
    """Of `[..., 3, 3]` by cofactors, which is much faster than a library's factorisation of each."""
    a, b, c = matrix.unbind(-2)
    cofactors = torch.stack([torch.linalg.cross(b, c), torch.linalg.cross(c, a), torch.linalg.cross(a, b)], -1)
    return cofactors / (a * cofactors[..., 0]).sum(-1)[..., None, None]


@dataclass(frozen=True)
class ImavatarConfig:
    """Sizes of the network."""

    octaves: int = 8
    width: int = 256
    depth: int = 4


class Imavatar(nn.Module):
    """The fields as one MLP of the template point, and what they do to points."""

    canonical_theta: Tensor
    bounds: Tensor

    def __init__(self, config: ImavatarConfig, canonical_theta: Tensor, bounds: Tensor) -> None:
        """`canonical_theta` [5, 3]; beyond `bounds` [2, 3] metres the fields are those of the box's face."""
        super().__init__()
        self.config = config
        self.features = FourierFeatures(config.octaves, period=0.5)
        sizes = [self.features.size, *[config.width] * config.depth]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.last = ExactLinear(config.width, 3 * (EXPRESSIONS + FEATURES) + len(JOINTS))
        self.register_buffer("canonical_theta", canonical_theta)
        self.register_buffer("bounds", bounds)

    def fields(self, template_points: Tensor) -> Fields:
        """E, P and W at the template points `[..., 3]`."""
        hidden = self.features(torch.minimum(torch.maximum(template_points, self.bounds[0]), self.bounds[1]))
        for layer in self.layers:
            hidden = functional.silu(layer(hidden))
        offsets, logits = self.last(hidden).split([3 * (EXPRESSIONS + FEATURES), len(JOINTS)], -1)
        expression, pose = (_REACH * offsets).unflatten(-1, (-1, 3)).split([EXPRESSIONS, FEATURES], -2)
        return Fields(expression, pose, torch.softmax(_SHARPNESS * logits, -1))

    def drive(self, psi: Tensor, theta: Tensor, joints: Tensor) -> Drive:
        """psi `[B, 50]`, theta `[B, 5, 3]` and the heads' joints `[B, 5, 3]` (`HeadModel.joints`)."""
        return Drive.of(psi, theta, joints, self.canonical_theta)

    def deform(
        self, points: Tensor, psi: Tensor, theta: Tensor, joints: Tensor, template_points: Tensor | None = None
    ) -> Tensor:
        """Canonical points `[B, N, 3]` in the pose: `[B, N, 3]`.

        `template_points` `[B, N, 3]` are where they lie on the mean head; by default they lie on it themselves.
        """
        fields = self.fields(points if template_points is None else template_points)
        return pose_points(points, fields, self.drive(psi, theta, joints))

    def canonical(
        self, posed: Tensor, psi: Tensor, theta: Tensor, joints: Tensor, template: TemplatePoints | None = None
    ) -> Roots:
        """Where posed points `[B, N, 3]` come from: roots of B N problems, `START_BONES` starts each."""
        starts, inverse = (value.flatten(0, 1) for value in self._starts(posed, self.drive(psi, theta, joints)))
        return search(self.residual(posed, psi, theta, joints, template), starts, inverse)

    def residual(
        self, posed: Tensor, psi: Tensor, theta: Tensor, joints: Tensor, template: TemplatePoints | None = None
    ) -> Residual:
        """F = d(x) - x' of the posed points x' `[B, N, 3]`, B N problems; for `implicit_roots`."""
        forward, count = self._forward(self.drive(psi, theta, joints), template), posed.shape[1]
        return correspondence(lambda points, rows: forward(points, rows // count), posed.flatten(0, 1))

    def posed_sdf(
        self,
        posed: Tensor,
        psi: Tensor,
        theta: Tensor,
        joints: Tensor,
        sdf: Callable[[Tensor, Tensor], Tensor],
        template: TemplatePoints | None = None,
    ) -> Tensor:
        """Signed distance of the posed head at `[B, N, 3]`: `[B, N]`, exact at the surface, approximate off it.

        `sdf(points [M, 3], rows [M]) -> [M]` is the canonical head's, of the heads `rows`. A point lies within when one
        of its roots does: the least distance over the roots (SNARF eq. 6, which takes the largest occupancy). A point
        without a root takes its best start's distance, and never counts as inside.
        """
        roots = self.canonical(posed, psi, theta, joints, template)
        batch = torch.arange(len(posed), device=posed.device).repeat_interleave(posed.shape[1])
        rows = batch[:, None].expand(roots.error.shape)
        distance = sdf(roots.points.flatten(0, 1), rows.flatten()).reshape(roots.error.shape)
        nearest = torch.where(roots.converged, distance, torch.inf).amin(1)
        lost = distance.gather(1, roots.error.argmin(1, keepdim=True))[:, 0].abs()
        return torch.where(roots.found, nearest, lost).reshape(posed.shape[:2])

    def _forward(self, drive: Drive, template: TemplatePoints | None) -> Callable[[Tensor, Tensor], Tensor]:
        """d(points [M, 3], rows [M]) with rows of `drive`."""

        def forward(points: Tensor, rows: Tensor) -> Tensor:
            fields = self.fields(points if template is None else template(points, rows))
            each = Fields(*(value[:, None] for value in fields))
            return pose_points(points[:, None], each, drive.at(rows))[:, 0]

        return forward

    def _starts(self, posed: Tensor, drive: Drive) -> tuple[Tensor, Tensor]:
        """Posed points carried back by one bone each, `[B, N, S, 3]`, and the inverse Jacobians `[B, N, S, 3, 3]`."""
        bones = list(START_BONES)
        back = drive.rest_rotation[:, bones] @ drive.rotation[:, bones].mT
        local = posed[:, :, None] - drive.translation[:, None, bones]
        starts = _apply(back[:, None], local) + drive.rest_translation[:, None, bones]
        return starts, back[:, None].expand(*starts.shape, 3)


def load_imavatar(device: str = "cpu", path: Path | None = None) -> Imavatar:
    """The trained fields. Raises EngineError when their weights are missing, damaged or of another version."""
    path = path or weights_path("imavatar")
    tensors, metadata = load_tensors(path)
    try:
        state = {name: torch.tensor(value) for name, value in tensors.items()}
        config = ImavatarConfig(**json.loads(metadata["config"]))
        model = Imavatar(config, state["canonical_theta"], state["bounds"])
        model.load_state_dict(state)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise EngineError(f"{path.name} is not a deformation field of this version; reinstall Likeness.") from error
    return model.to(device).eval().requires_grad_(False)


def imavatar_tensors(model: Imavatar) -> tuple[dict[str, Any], dict[str, str]]:
    """What `load_imavatar` reads: tensors and metadata."""
    tensors = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
    return tensors, {"config": json.dumps(dataclasses.asdict(model.config))}
