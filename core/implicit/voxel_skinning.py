"""Fast root search of forward skinning: voxels in place of the network (Chen et al., "Fast-SNARF", TPAMI 2023).

The skinning weights of the canonical space are sampled at the nodes of a grid. Blending transforms by weights is
linear, and so is interpolating between nodes: the two may change places. So for a pose the 3x4 transforms are blended
once a node, and then one trilinear look-up of twelve channels a step gives a point's whole motion.

Most starts lead nowhere. A bone's start is only taken where the point that it carries back comes to lie within the
bone's reach: near it, and near where its weight counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from .articulated import Bones, Skeleton
from .chunks import in_chunks
from .root_search import Roots, search

CELLS = 64
"""Along the longest side of the canonical space, about 3 cm each."""
COUNTS = 0.1
"""Weight from which on a bone counts."""
SLACK = 0.07
"""Metres that a start may lie from where its bone counts: as far as blending moves a root off."""
REACH = 0.35
"""Metres from a bone beyond which nothing belongs to it: no coat and no hair is wider."""
STEPS, CONVERGED, DIVERGED = 12, 1e-4, 0.5
"""Of the search; metres."""


@dataclass(frozen=True)
class Nodes:
    """A grid over the canonical space."""

    bounds: Tensor
    """[2, 3] metres: the first node and the last."""
    shape: tuple[int, int, int]
    """D, H, W: along z, y, x."""
    step: float
    """Metres."""

    @classmethod
    def over(cls, bounds: Tensor, cells: int = CELLS) -> "Nodes":
        """At least `bounds` [2, 3], `cells` along their longest side."""
        step = float((bounds[1] - bounds[0]).max()) / cells
        width, height, depth = ((bounds[1] - bounds[0]) / step - 1e-4).ceil().int().tolist()
        high = bounds[0] + step * bounds.new_tensor([width, height, depth])
        return cls(torch.stack([bounds[0], high]), (depth + 1, height + 1, width + 1), step)

    @property
    def strides(self) -> tuple[int, int, int]:
        """Between the numbers of neighbours along x, y, z."""
        return 1, self.shape[2], self.shape[2] * self.shape[1]

    def positions(self) -> Tensor:
        """[D H W, 3] metres."""
        axes = [torch.arange(count, device=self.bounds.device) for count in self.shape]
        return self.bounds[0] + self.step * torch.cartesian_prod(*axes).flip(1)

    def nearest(self, points: Tensor) -> Tensor:
        """The index of the nearest node to points `[..., 3]`: `[...]`; beyond the grid that of its face."""
        sizes = points.new_tensor(self.shape[::-1])
        node = ((points - (self.bounds[0] - 0.5 * self.step)) / self.step).clamp(points.new_zeros(3), sizes - 1).floor()
        # Exact in single precision: there are fewer nodes than 2^24.
        return (node @ points.new_tensor(self.strides)).long()

    def around(self, points: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """The eight nodes around points [M, 3], [M, 8], when the grid's nodes are counted from `first` [M] on, and
        their trilinear weights [M, 8]; points beyond the grid are brought to its face.
        """
        place = (points - self.bounds[0]) / self.step
        low = place.clamp(points.new_zeros(3), points.new_tensor(self.shape[::-1]) - 1.001).floor()
        share = (place - low).clamp(0, 1)
        strides = points.new_tensor(self.strides)
        corners = torch.cartesian_prod(*(torch.tensor([0, 1], device=points.device),) * 3) @ strides.long()
        x, y, z = torch.stack([1 - share, share], 2).unbind(1)
        planes = x[:, :, None] * y[:, None]
        shares = planes[..., None] * z[:, None, None]
        return ((low @ strides).long() + first)[:, None] + corners, shares.flatten(1)


@dataclass(frozen=True)
class Reach:
    """Where in the canonical space each bone has a say."""

    nodes: Nodes
    mask: Tensor
    """[D H W, 24] bool; the faces of the grid speak for what is beyond."""

    def starts(self, posed: Tensor, bones: Bones) -> tuple[Tensor, Tensor, Tensor]:
        """Posed points `[B, N, 3]` carried back by each bone that has a say where they come to lie.

        Which of the B N points [K], in order; bone [K]; canonical point [K, 3].
        """
        back = bones.carried_back(posed).flatten(0, 1)
        bone = torch.arange(back.shape[1], device=back.device)
        reached = self.mask.flatten().index_select(0, (self.nodes.nearest(back) * len(bone) + bone).flatten())
        problem, bone = torch.nonzero(reached.reshape(back.shape[:2]), as_tuple=True)
        return problem, bone, back[problem, bone]


@dataclass(frozen=True)
class VoxelSkinning:
    """Skinning weights at the nodes of a grid."""

    weights: Tensor
    """[D H W, 24]."""
    reach: Reach

    @classmethod
    def of(cls, field: Callable[[Tensor], Tensor], skeleton: Skeleton, cells: int = CELLS) -> "VoxelSkinning":
        """Of a field, points [M, 3] to weights [M, 24], over the skeleton's canonical space."""
        nodes = Nodes.over(skeleton.bounds, cells)
        positions = nodes.positions()
        with torch.no_grad():
            weights = in_chunks(field, positions)
        size = 2 * round(SLACK / nodes.step) + 1
        counts = (weights > COUNTS).float().T.unflatten(1, nodes.shape)
        near = functional.max_pool3d(counts, size, 1, size // 2).flatten(1).T > 0
        close = in_chunks(skeleton.distances, positions) < REACH
        return cls(weights, Reach(nodes, near & close))

    def posed(self, bones: Bones) -> "PosedVoxels":
        """The transforms of B poses, blended at every node."""
        each = torch.cat([bones.rotation, bones.translation[..., None]], -1).flatten(2)
        return PosedVoxels(self, (self.weights @ each).flatten(0, 1), bones)


@dataclass(frozen=True)
class PosedVoxels:
    """The forward map of B poses, interpolated."""

    voxels: VoxelSkinning
    transforms: Tensor
    """[B D H W, 12]: of each pose the nodes' blended 3x4 matrices."""
    bones: Bones

    def deform(self, points: Tensor, rows: Tensor) -> Tensor:
        """d(x) of canonical points [M, 3] in the poses `rows` [M]: `[M, 3]`."""
        index, shares = self.voxels.reach.nodes.around(points, rows * len(self.voxels.weights))
        motion = functional.embedding_bag(index, self.transforms, per_sample_weights=shares, mode="sum")
        motion = motion.unflatten(1, (3, 4))
        return torch.baddbmm(motion[..., 3:], motion[..., :3], points[..., None])[..., 0]

    def roots(self, posed: Tensor) -> Roots:
        """Where posed points `[B, N, 3]` come from: roots of B N problems, each problem's starts side by side."""
        problem, bone, starts = self.voxels.reach.starts(posed, self.bones)
        pose, target = problem // posed.shape[1], posed.flatten(0, 1)[problem]
        inverse = self.bones.rotation[pose, bone].mT

        def residual(points: Tensor, rows: Tensor) -> Tensor:
            return self.deform(points, pose[rows]) - target[rows]

        found = search(residual, starts[:, None], inverse[:, None], steps=STEPS, converged=CONVERGED, diverged=DIVERGED)
        return _side_by_side(found, problem, posed[..., 0].numel())


def _side_by_side(found: Roots, problem: Tensor, count: int) -> Roots:
    """The roots of single starts [K, 1] as those of `count` problems; places left over have not converged."""
    starts = torch.bincount(problem, minlength=count)
    first = starts.cumsum(0) - starts
    slot = torch.arange(len(problem), device=problem.device) - first[problem]
    shape = count, max(int(starts.amax()), 1) if count else 1
    points = found.points.new_zeros(*shape, 3)
    error = found.error.new_full(shape, torch.inf)
    converged = found.converged.new_zeros(shape)
    points[problem, slot], error[problem, slot] = found.points[:, 0], found.error[:, 0]
    converged[problem, slot] = found.converged[:, 0]
    return Roots(points, error, converged)
