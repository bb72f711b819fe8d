"""SNARF: forward skinning that is learned from posed occupancy alone.

Source: Chen et al., "SNARF: Differentiable Forward Skinning for Animating Non-Rigid Neural Implicit Shapes", ICCV 2021.

A canonical person carries occupancy and skinning weights; d(x) = sum_i w_i(x) B_i x poses it. Weights live in the
canonical space and so hold for every pose. Where a posed point x' comes from is found by root search of d(x) = x' from
one start a bone, x' carried back by that bone alone, and the roots are differentiated implicitly, never the search.

The paper starts from nine bones and leaves out head, hands and feet. All 24 are taken here: a wrist or a foot that is
turned by itself has roots that no start from elbow or knee comes to, and with starts culled (`voxel_skinning`) the
others cost next to nothing.
"""

import torch
from torch import Tensor

from ..parametric.smpl_joints import INDEX, JOINTS
from .articulated import (
    Articulated,
    ArticulatedConfig,
    Bones,
    OccupancyField,
)
from .root_search import Residual, Roots, correspondence, implicit_roots, search
from .skinning import SkinningField
from .voxel_skinning import VoxelSkinning

POLISH = 0.01
"""Metres from a root of the voxels to that of the network, at most."""
SAME = 1e-3
"""Metres within which two roots are one."""
PAPER_BONES = tuple(
    INDEX[name]
    for name in (
        *("pelvis", "left_hip", "right_hip", "left_knee", "right_knee"),
        *("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"),
    )
)
"""The nine bones that the paper starts from."""


class Snarf(Articulated):
    """Forward skinning, learned."""

    skinning: SkinningField

    def __init__(self, config: ArticulatedConfig, joints: Tensor) -> None:
        super().__init__(config, joints)
        self.skinning = SkinningField(self.skeleton.bounds, *config.skinning)
        self.occupancy = OccupancyField(config.width, config.depth, config.octaves, config.code)
        self._voxels: VoxelSkinning | None = None

    def resample(self) -> None:
        """Bring the voxels of the fast search up to date with the skinning weights, which training changes."""
        self._voxels = VoxelSkinning.of(self.skinning, self.skeleton)

    @property
    def voxels(self) -> VoxelSkinning:
        if self._voxels is None:
            self.resample()
        assert self._voxels is not None
        return self._voxels

    def deform(self, points: Tensor, rows: Tensor, bones: Bones) -> Tensor:
        """Canonical points [M, 3] in the poses `rows` [M]: `[M, 3]`."""
        return bones.forward(points, self.skinning(points), rows)

    def residual(self, posed: Tensor, bones: Bones) -> Residual:
        """F = d(x) - x' of the posed points `[B, N, 3]`, B N problems."""
        count = posed.shape[1]
        return correspondence(lambda points, rows: self.deform(points, rows // count, bones), posed.flatten(0, 1))

    def slow_roots(self, posed: Tensor, bones: Bones, starts: tuple[int, ...] = tuple(range(len(JOINTS)))) -> Roots:
        """The paper's search for the posed points `[B, N, 3]`: Broyden of 50 steps through the network, every start."""
        begin = bones.carried_back(posed)[:, :, starts].flatten(0, 1)
        inverse = bones.rotation[:, None, starts].mT.expand(-1, posed.shape[1], -1, -1, -1).flatten(0, 1)
        return search(self.residual(posed, bones), begin, inverse, steps=50, converged=1e-5, diverged=1.0)

    def roots(self, posed: Tensor, bones: Bones) -> Roots:
        """The roots of the posed points `[B, N, 3]`, B N problems, by the fast search."""
        return self.voxels.posed(bones).roots(posed)

    def logits(self, posed: Tensor, bones: Bones) -> Tensor:
        with torch.autocast(posed.device.type, enabled=False):
            roots = self.roots(posed, bones)
        return self.logits_at(roots, posed, bones)

    def logits_at(self, roots: Roots, posed: Tensor, bones: Bones) -> Tensor:
        """`logits` of posed points whose roots are known."""
        kept = roots.distinct(SAME)
        points, rows = roots.points[kept], torch.nonzero(kept)[:, 0]
        if next(self.skinning.parameters()).requires_grad:
            with torch.autocast(posed.device.type, enabled=False):
                moved = implicit_roots(self.residual(posed, bones), points, rows)
            # A polishing step that is no small one comes from a fold of d, and teaches nothing.
            near = (moved - points).norm(dim=1, keepdim=True) < POLISH
            points = torch.where(near, moved, points)
        logits = self.occupancy(points, bones.feature, rows // posed.shape[1])[:, 0]
        return self.union(logits, rows, posed[..., 0].numel()).reshape(posed.shape[:2])

    def bone_weights(self, points: Tensor, weights: Tensor, bones: Bones) -> Tensor:  # noqa: ARG002
        return self.skinning(points)

    def bone_logits(self, points: Tensor, weights: Tensor, bones: Bones) -> Tensor:  # noqa: ARG002
        return self.occupancy(points, bones.feature, bones.any_rows(len(points)))[:, 0]
