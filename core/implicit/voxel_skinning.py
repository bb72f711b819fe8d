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
"""Along the longest side of the canonical space, about 3.5 cm each."""
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

    def positions(self) -> Tensor:
        """[D H W, 3] metres."""
        axes = [torch.arange(count, device=self.bounds.device) for count in self.shape]
        return self.bounds[0] + self.step * torch.cartesian_prod(*axes).flip(1)

    def nearest(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Of points `[..., 3]`: the index of the nearest node `[...]`, and whether they are within the grid."""
        sizes = torch.tensor(self.shape[::-1], device=points.device)
        node = ((points - self.bounds[0]) / self.step + 0.5).floor()
        within = ((node >= 0) & (node < sizes)).all(-1)
        x, y, z = node.where(within[..., None], 0).long().unbind(-1)
        return (z * sizes[1] + y) * sizes[0] + x, within


@dataclass(frozen=True)
class Reach:
    """Where in the canonical space each bone has a say."""

    nodes: Nodes
    mask: Tensor
    """[D H W, 24] bool."""

    def starts(self, posed: Tensor, bones: Bones) -> tuple[Tensor, Tensor, Tensor]:
        """Posed points `[B, N, 3]` carried back by each bone that has a say where they come to lie.

        Which of the B N points [K], in order; bone [K]; canonical point [K, 3].
        """
        back = bones.carried_back(posed).flatten(0, 1)
        node, within = self.nodes.nearest(back)
        reached = self.mask.flatten()[node * back.shape[1] + torch.arange(back.shape[1], device=back.device)]
        problem, bone = torch.nonzero(reached & within, as_tuple=True)
        return problem, bone, back[problem, bone]


@dataclass(frozen=True)
class VoxelSkinning:
    """Skinning weights at the nodes of a grid."""

    weights: Tensor
    """[24, D, H, W]."""
    reach: Reach

    @classmethod
    def of(cls, field: Callable[[Tensor], Tensor], skeleton: Skeleton, cells: int = CELLS) -> "VoxelSkinning":
        """Of a field, points [M, 3] to weights [M, 24], over the skeleton's canonical space."""
        nodes = Nodes.over(skeleton.bounds, cells)
        positions = nodes.positions()
        with torch.no_grad():
            weights = in_chunks(field, positions).T.unflatten(1, nodes.shape)
        size = 2 * round(SLACK / nodes.step) + 1
        near = functional.max_pool3d((weights > COUNTS).float(), size, 1, size // 2) > 0
        close = in_chunks(skeleton.distances, positions) < REACH
        return cls(weights, Reach(nodes, near.flatten(1).T & close))

    def posed(self, bones: Bones) -> "PosedVoxels":
        """The transforms of B poses, blended at every node."""
        each = torch.cat([bones.rotation, bones.translation[..., None]], -1).flatten(2)
        # The poses are stacked along z, so that one look-up serves them all; channels lie together in memory.
        blended = torch.einsum("jdhw,bjc->bdhwc", self.weights, each).flatten(0, 1)
        return PosedVoxels(self, blended[None].movedim(-1, 1), bones)


@dataclass(frozen=True)
class PosedVoxels:
    """The forward map of B poses, interpolated."""

    voxels: VoxelSkinning
    transforms: Tensor
    """[1, 12, B D, H, W]."""
    bones: Bones

    def motion(self, points: Tensor, rows: Tensor) -> Tensor:
        """The blended transforms at canonical points [M, 3] in the poses `rows` [M]: `[M, 3, 4]`."""
        low, high = self.voxels.reach.nodes.bounds
        depth = self.voxels.weights.shape[1]
        place = ((points - low) / (high - low)).clamp(0, 1)
        slices = self.transforms.shape[2]
        along_z = (rows * depth + place[:, 2] * (depth - 1)) / (slices - 1)
        grid = 2 * torch.stack([place[:, 0], place[:, 1], along_z], 1) - 1
        found = functional.grid_sample(self.transforms, grid[None, :, None, None], align_corners=True)
        return found[0, :, :, 0, 0].T.unflatten(1, (3, 4))

    def deform(self, points: Tensor, rows: Tensor) -> Tensor:
        """d(x) of canonical points [M, 3] in the poses `rows` [M]: `[M, 3]`."""
        motion = self.motion(points, rows)
        return (motion[..., :3] * points[:, None]).sum(-1) + motion[..., 3]

    def roots(self, posed: Tensor) -> Roots:
        """Where posed points `[B, N, 3]` come from: roots of B N problems, each problem's starts side by side."""
        problem, bone, starts = self.voxels.reach.starts(posed, self.bones)
        pose, target = problem // posed.shape[1], posed.flatten(0, 1)[problem]
        inverse = self.bones.rotation[pose, bone].mT

        def residual(points: Tensor, rows: Tensor) -> Tensor:
            return self.deform(points, pose[rows]) - target[rows]

        found = search(
            residual, starts[:, None], inverse[:, None], steps=STEPS, converged=CONVERGED, diverged=DIVERGED
        )
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
