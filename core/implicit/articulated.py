"""Articulated occupancy: what every model of one person in many poses shares.

A posed point is inside when one of the canonical points that it may come from is (SNARF eq. 6: the union of all of
them). The models differ in where these candidates come from: root search through forward skinning (`snarf`), learned
backward skinning, or rigid pieces (`articulated_baselines`). Metres; B poses of one person.
"""

import itertools
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..parametric.lbs import joint_transforms
from ..parametric.smpl_joints import INDEX, JOINTS, PARENTS
from .mlp import CodeLinear, ExactLinear, FourierFeatures

PERIOD = 2.4
"""Metres of the longest wave of the networks' features: a person."""
SPREAD = torch.pi / 6
"""Radians by which the canonical legs stand apart, so that one is not read as the other (SNARF's canonical pose)."""
MARGIN = 0.3
"""Metres around the canonical joints to the end of the canonical space."""
TIP = 0.1
"""Metres of bone beyond the joints that have no child: head, hands, toes."""
OUTSIDE = -6.0
"""The logit of a point that comes from nowhere in the canonical space."""
TEMPERATURE = 5.0
"""Of the soft maximum over candidates in training (SNARF)."""


def canonical_theta() -> Tensor:
    """[24, 3]: the T-pose with legs apart."""
    theta = torch.zeros(len(JOINTS), 3)
    theta[INDEX["left_hip"], 2], theta[INDEX["right_hip"], 2] = SPREAD, -SPREAD
    return theta


class Bones(NamedTuple):
    """What B poses do to the canonical space."""

    rotation: Tensor
    """[B, 24, 3, 3]."""
    translation: Tensor
    """[B, 24, 3]."""
    feature: Tensor
    """[B, 69]: theta of all joints but the first."""

    @classmethod
    def of(cls, theta: Tensor, joints: Tensor) -> "Bones":
        """theta `[B, 24, 3]`, `joints` [24, 3] of the person's T-pose."""
        rest, shift = joint_transforms(joints, PARENTS, canonical_theta().to(joints))
        turn, move = joint_transforms(joints.expand_as(theta), PARENTS, theta)
        rotation = turn @ rest.mT
        translation = move - (rotation @ shift[..., None])[..., 0]
        return cls(rotation, translation, theta[:, 1:].flatten(1))

    def blended(self, weights: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The motion of points with `weights` [M, 24] in the poses `rows` [M]: `[M, 3, 3]` and `[M, 3]`."""
        rotation = (weights[:, None] @ self.rotation.flatten(2)[rows])[:, 0].unflatten(1, (3, 3))
        return rotation, (weights[:, None] @ self.translation[rows])[:, 0]

    def forward(self, points: Tensor, weights: Tensor, rows: Tensor) -> Tensor:
        """Linear blend skinning of canonical points [M, 3] with `weights` [M, 24] into the poses `rows`: `[M, 3]`."""
        rotation, translation = self.blended(weights, rows)
        return (rotation @ points[..., None])[..., 0] + translation

    def any_rows(self, count: int) -> Tensor:
        """[count]: poses for points that are in none in particular, each in turn."""
        return torch.arange(count, device=self.feature.device) % len(self.feature)

    def carried_back(self, posed: Tensor) -> Tensor:
        """Posed points `[B, N, 3]` as if each bone alone had moved them: `[B, N, 24, 3]`."""
        shift = -(self.rotation.mT @ self.translation[..., None])[..., 0]
        return torch.einsum("bjxy,bnx->bnjy", self.rotation, posed) + shift[:, None]


@dataclass(frozen=True)
class Skeleton:
    """The bones of one person in the canonical pose."""

    joints: Tensor
    """[24, 3] metres."""
    segments: Tensor
    """[S, 2, 3]: both ends of every piece of bone, from each joint to its children, or to a tip."""
    bone: Tensor
    """[S] whose piece it is."""

    @classmethod
    def of(cls, joints: Tensor) -> "Skeleton":
        """`joints` [24, 3] of the person's T-pose."""
        turn, move = joint_transforms(joints, PARENTS, canonical_theta().to(joints))
        placed = (turn @ joints[..., None])[..., 0] + move
        tips = [j for j in range(len(JOINTS)) if j not in PARENTS]
        ends = [(PARENTS[j], placed[j]) for j in range(1, len(JOINTS))]
        ends += [(j, placed[j] + TIP * functional.normalize(placed[j] - placed[PARENTS[j]], dim=0)) for j in tips]
        segments = torch.stack([torch.stack([placed[bone], end]) for bone, end in ends])
        return cls(placed, segments, torch.tensor([bone for bone, _ in ends], device=joints.device))

    @property
    def bounds(self) -> Tensor:
        """[2, 3] of the canonical space."""
        return torch.stack([self.joints.amin(0) - MARGIN, self.joints.amax(0) + MARGIN])

    def distances(self, points: Tensor) -> Tensor:
        """Of points [N, 3] from every bone: `[N, 24]` metres."""
        start, along = self.segments[:, 0], self.segments[:, 1] - self.segments[:, 0]
        offset = points[:, None] - start
        share = ((offset * along).sum(-1) / along.square().sum(-1)).clamp(0, 1)
        distance = (offset - share[..., None] * along).norm(dim=-1)
        found = distance.new_full((len(points), len(JOINTS)), torch.inf)
        return found.scatter_reduce(1, self.bone.expand(len(points), -1), distance, "amin")

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Points [2 count, 3] of known skinning weights [2 count, 24]: in the middle of bones, and on joints, which
        belong to both bones by halves (SNARF's losses of its first epoch).
        """
        device = self.joints.device
        piece = torch.randint(len(self.segments), (count,), generator=generator).to(device)
        share = (0.25 + 0.5 * torch.rand(count, 1, generator=generator)).to(device)
        inner = torch.lerp(self.segments[piece, 0], self.segments[piece, 1], share)
        joint = torch.randint(1, len(JOINTS), (count,), generator=generator)
        parent = torch.tensor(PARENTS)[joint]
        one = torch.eye(len(JOINTS))
        weights = torch.cat([one[self.bone[piece].cpu()], (one[joint] + one[parent]) / 2])
        return torch.cat([inner, self.joints[joint.to(device)]]), weights.to(device)


class OccupancyField(nn.Module):
    """Occupancy of the canonical space as logits, which the pose steers through a narrow code (SNARF: 69 -> 8)."""

    def __init__(self, width: int, depth: int, octaves: int, code: int, outputs: int = 1) -> None:
        super().__init__()
        self.features = FourierFeatures(octaves, PERIOD)
        self.code = CodeLinear(3 * (len(JOINTS) - 1), code)
        sizes = [self.features.size + code, *[width] * depth]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        self.last = ExactLinear(width, outputs)

    def forward(self, points: Tensor, feature: Tensor, rows: Tensor) -> Tensor:
        """Points [M, 3] in the poses `rows` [M] of `feature` [B, 69]: logits `[M, outputs]`."""
        hidden = torch.cat([self.features(points), self.code(feature)[rows]], 1)
        for layer in self.layers:
            hidden = functional.silu(layer(hidden))
        return self.last(hidden)


@dataclass(frozen=True)
class ArticulatedConfig:
    """Sizes of the networks, alike for all models."""

    skinning_width: int = 128
    skinning_depth: int = 4
    skinning_octaves: int = 3
    width: int = 128
    depth: int = 6
    octaves: int = 6
    code: int = 8

    @property
    def skinning(self) -> tuple[int, int, int]:
        """Octaves, width and depth of a `SkinningField`."""
        return self.skinning_octaves, self.skinning_width, self.skinning_depth


class Articulated(nn.Module):
    """One person in any pose."""

    joints: Tensor
    skinning: nn.Module | None
    """Where skinning weights are learned."""

    def __init__(self, config: ArticulatedConfig, joints: Tensor) -> None:
        """`joints` [24, 3] of the person's T-pose."""
        super().__init__()
        self.config = config
        self.register_buffer("joints", joints)

    @cached_property
    def skeleton(self) -> Skeleton:
        return Skeleton.of(self.joints)

    def bones(self, theta: Tensor) -> Bones:
        """Of the poses theta `[B, 24, 3]`; never rounded to bfloat16, as all that says where a point is."""
        with torch.autocast(theta.device.type, enabled=False):
            return Bones.of(theta, self.joints)

    @abstractmethod
    def logits(self, posed: Tensor, bones: Bones) -> Tensor:
        """Of the posed points `[B, N, 3]` to lie within: `[B, N]`; differentiable in training."""

    @abstractmethod
    def bone_weights(self, points: Tensor, weights: Tensor, bones: Bones) -> Tensor:
        """The skinning weights `[M, 24]` that the model gives to what `Skeleton.draw` gave, in any of the poses."""

    @abstractmethod
    def bone_logits(self, points: Tensor, weights: Tensor, bones: Bones) -> Tensor:
        """The logits `[M]` of what `Skeleton.draw` gave, in any of the poses."""

    def union(self, logits: Tensor, rows: Tensor, count: int) -> Tensor:
        """Logits [count] of points whose candidates have `logits` [K]: the largest; in training the soft largest."""
        largest = logits.new_full((count,), -torch.inf).scatter_reduce(0, rows, logits.detach(), "amax")
        if not self.training:
            return largest.clamp(min=OUTSIDE)
        share = torch.exp(TEMPERATURE * (logits - largest[rows]))
        total = logits.new_zeros(2, count).index_add(1, rows, torch.stack([share * logits, share]))
        return torch.where(total[1] > 0, total[0] / total[1].clamp(min=1e-12), OUTSIDE)
