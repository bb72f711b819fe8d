"""What SNARF is measured against, with the same networks: learned backward skinning, and rigid pieces."""

from functools import cached_property

import torch
from torch import Tensor

from ..parametric.smpl_joints import JOINTS
from .articulated import Articulated, ArticulatedConfig, Bones, OccupancyField
from .chunks import in_chunks
from .skinning import SkinningField
from .voxel_skinning import Nodes, Reach

NEIGHBOURS = 3
"""Bones whose pieces may hold a point."""


class BackwardSkinning(Articulated):
    """Weights are a field of the posed space, and so of the pose too: x = (sum_i w_i(x', theta) B_i)^-1 x'."""

    skinning: SkinningField

    def __init__(self, config: ArticulatedConfig, joints: Tensor) -> None:
        super().__init__(config, joints)
        reach = (self.skeleton.bounds - self.joints[0]).abs().max()
        bounds = self.joints[0] + torch.stack([-reach, reach])[:, None]
        self.skinning = SkinningField(bounds, *config.skinning, 3 * (len(JOINTS) - 1))
        self.occupancy = OccupancyField(config.width, config.depth, config.octaves, config.code)

    def logits(self, posed: Tensor, bones: Bones) -> Tensor:
        rows = torch.arange(len(posed), device=posed.device).repeat_interleave(posed.shape[1])
        flat = posed.flatten(0, 1)
        with torch.autocast(posed.device.type, enabled=False):
            rotation, translation = bones.blended(self.skinning(flat, bones.feature[rows]), rows)
            points = (torch.linalg.inv_ex(rotation)[0] @ (flat - translation)[..., None])[..., 0]
        return self.occupancy(points, bones.feature, rows).reshape(posed.shape[:2])

    def bone_weights(self, points: Tensor, weights: Tensor, bones: Bones) -> Tensor:
        rows = bones.any_rows(len(points))
        with torch.autocast(points.device.type, enabled=False):
            return self.skinning(bones.forward(points, weights, rows), bones.feature[rows])

    def bone_logits(self, points: Tensor, weights: Tensor, bones: Bones) -> Tensor:  # noqa: ARG002
        return self.occupancy(points, bones.feature, bones.any_rows(len(points)))[:, 0]


class PiecewiseRigid(Articulated):
    """Each bone has an occupancy of its own in its own frame, and the largest counts (Deng et al., "NASA", ECCV 2020).

    The pieces share the hidden layers and speak through outputs of their own; a bone speaks for points that, carried
    back by it, have it among their nearest bones.
    """

    def __init__(self, config: ArticulatedConfig, joints: Tensor) -> None:
        super().__init__(config, joints)
        self.skinning = None
        self.occupancy = OccupancyField(config.width, config.depth, config.octaves, config.code, len(JOINTS))

    @cached_property
    def _pieces(self) -> Reach:
        """Where each bone is among the nearest."""
        nodes = Nodes.over(self.skeleton.bounds)
        nearest = in_chunks(self.skeleton.distances, nodes.positions()).topk(NEIGHBOURS, largest=False).indices
        mask = torch.zeros(len(nearest), len(JOINTS), dtype=torch.bool, device=nearest.device)
        return Reach(nodes, mask.scatter(1, nearest, True))

    def logits(self, posed: Tensor, bones: Bones) -> Tensor:
        with torch.autocast(posed.device.type, enabled=False):
            rows, bone, points = self._pieces.starts(posed, bones)
        logits = self.occupancy(points, bones.feature, rows // posed.shape[1])
        chosen = logits.gather(1, bone[:, None])[:, 0]
        return self.union(chosen, rows, posed[..., 0].numel()).reshape(posed.shape[:2])

    def bone_weights(self, points: Tensor, weights: Tensor, bones: Bones) -> Tensor:  # noqa: ARG002
        """Nothing to learn: each bone has its own points."""
        return weights

    def bone_logits(self, points: Tensor, weights: Tensor, bones: Bones) -> Tensor:
        logits = self.occupancy(points, bones.feature, bones.any_rows(len(points)))
        return logits.gather(1, weights.argmax(1, keepdim=True))[:, 0]
