"""An ensemble of local MLPs around symmetric anchors, with a background where no anchor reaches.

39 anchors, 16 pairs and 7 on the midline, each with a small MLP in its own frame. The fields of a pair share their
weights: the right one sees the mirror image of the head. All of them do: the ensemble is one half of a head, evaluated
on the head and on its mirror image, so that

    ensemble(M x, M z) = M ensemble(x, z)

holds exactly. The fields of the midline and the background are two halves with a smooth seam. NPHM's Gaussian blend
weights have a compact support here, so that a point is evaluated by the few fields that reach it and by no other.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from .mlp import ExactLinear, FourierFeatures, ModulatedMLP
from .npm import REACH

PAIRS, MIDLINE = 16, 7
SIDE_ANCHORS = PAIRS + MIDLINE
"""Anchors of one side: of the pairs those on the subject's left, then the midline's."""
FIELDS = SIDE_ANCHORS + 1
_TILE = 16
_BACKGROUND_RADIUS = 0.3
_BACKGROUND_BELOW = 0.15
"""The background fades in where the anchors' weights (1 at an anchor) sum to less."""


@dataclass(frozen=True)
class EnsembleConfig:
    """Sizes of the local MLPs."""

    octaves: int = 4
    width: int = 80
    depth: int = 4
    code: int = 64
    """What a field knows of the head."""
    free: int = 16
    """How many of these a local code moves."""

    @property
    def local_size(self) -> int:
        """Local codes of both sides' fields."""
        return 2 * FIELDS * self.free


class LocalEnsemble(nn.Module):
    """Outputs of the local fields, blended: a warp and a number `[4]`, or a number alone `[1]`.

    A field's code is A g + l: a learned linear map of the global code g, to whose first components the local code l
    adds. Training needs no l: A g already takes every value there, so that to free l in a fit moves one region within
    what that region has learned, whatever the others do.
    """

    radii: Tensor
    mirror: Tensor

    def __init__(self, config: EnsembleConfig, code: int, outputs: int) -> None:
        """Anchors, radii and the mirror image of the code are unknown until `place` or trained weights tell them."""
        super().__init__()
        self.config, self.outputs = config, outputs
        self.predictor = ExactLinear(code, SIDE_ANCHORS * 3).requires_grad_(False)
        self.register_buffer("radii", torch.full((FIELDS,), _BACKGROUND_RADIUS))
        self.register_buffer("mirror", torch.ones(code))
        self.maps = nn.Parameter(torch.randn(FIELDS, code, config.code) / code**0.5)
        self.features = FourierFeatures(config.octaves, period=4.0)
        self.fields = nn.ModuleList(
            ModulatedMLP(self.features.size, config.code, config.width, config.depth, outputs) for _ in range(FIELDS)
        )

    def place(self, mean: Tensor, basis: Tensor, radii: Tensor, mirror: Tensor) -> None:
        """Set the mean anchors of one side, [23, 3] metres, and what is known about them beforehand.

        `basis` [23, 3, C] is how they follow the global code: linearly, as they are points of a linear head;
        `radii` [23] metres how far each reaches; `mirror` [C] the signs of M z = `mirror` * z.
        """
        self.predictor.weight.copy_(basis.flatten(0, 1))
        self.predictor.bias.copy_(mean.flatten())
        self.radii[:-1] = radii
        self.mirror.copy_(mirror)

    def anchors(self, code: Tensor) -> Tensor:
        """`[B, C]` to the 39 anchors `[B, 39, 3]` in metres: pairs on the left, the midline, pairs on the right."""
        left, right = self._anchors(self._both_sides(code)).chunk(2)
        return torch.cat([left, _mirrored(right[:, :PAIRS])], 1)

    def forward(self, points: Tensor, code: Tensor, local: Tensor | None = None) -> Tensor:
        """points `[B, N, 3]`, code `[B, C]`, local codes `[B, config.local_size]` to `[B, N, outputs]` metres."""
        points = torch.cat([points, _mirrored(points)])
        with torch.autocast(points.device.type, enabled=False):
            codes = self._both_sides(code)
            anchors = self._anchors(codes)
            weights = self.weights(points, anchors)
            local_codes = self._local_codes(codes, local)
        field, head, point = (weights > 0).movedim(2, 0).nonzero(as_tuple=True)
        centres = functional.pad(anchors, (0, 0, 0, 1))
        offsets = (points[head, point] - centres[head, field]) / self.radii[field, None]
        shifts = functional.pad(self.predictor.bias.view(-1, 3) - anchors, (0, 1, 0, 1))
        moved = REACH * self._evaluate(field, head, offsets, local_codes)
        if self.outputs == 4:
            moved = moved + shifts[head, field]
        row = (head * points.shape[1] + point)[:, None].expand(-1, self.outputs)
        blended = points.new_zeros(points[..., 0].numel(), self.outputs)
        blended = blended.scatter_add(0, row, weights[head, point, field, None] * moved)
        left, right = blended.unflatten(0, points.shape[:2]).chunk(2)
        return left + (_mirrored(right) if self.outputs == 4 else right)

    def _evaluate(self, field: Tensor, head: Tensor, offsets: Tensor, codes: Tensor) -> Tensor:
        """Outputs `[P, outputs]` at P offsets `[P, 3]` in the frames of the fields `field` [P] of the heads `head` [P].

        Sorted by field, then head. Those of one field and head fill tiles of equal size, the last in part: a tile is
        the batch entry that one code steers. `codes` is `[2B, 24, code]`.
        """
        heads = len(codes)
        group = field * heads + head
        counts = torch.bincount(group, minlength=FIELDS * heads)
        tiles = (counts + _TILE - 1) // _TILE
        gaps = (tiles.cumsum(0) - tiles) * _TILE - (counts.cumsum(0) - counts)
        slot = torch.arange(len(group), device=group.device) + gaps[group]
        code = codes.transpose(0, 1).flatten(0, 1).repeat_interleave(tiles, 0)
        filled = offsets.new_zeros(len(code) * _TILE, 3).index_copy(0, slot, offsets)
        features = self.features(filled.unflatten(0, (-1, _TILE)))
        of_field = tiles.unflatten(0, (FIELDS, heads)).sum(1).tolist()
        parts = zip(self.fields, features.split(of_field), code.split(of_field), strict=True)
        return torch.cat([network(*inputs) for network, *inputs in parts]).flatten(0, 1)[slot]

    def weights(self, points: Tensor, anchors: Tensor) -> Tensor:
        """Blend weights `[2B, N, 24]` at points `[2B, N, 3]` of heads and mirrored heads, whose sum over both is 1."""
        distances = torch.cdist(points, anchors, compute_mode="donot_use_mm_for_euclid_dist") / self.radii[:-1]
        weights = (1 - distances.square()).clamp(min=0) ** 3
        across = (points[..., :1] - anchors[:, None, PAIRS:, 0]) / self.radii[PAIRS:-1]
        weights = torch.cat([weights[..., :PAIRS], weights[..., PAIRS:] * _seam(across)], -1)
        reach = weights.sum(-1).unflatten(0, (2, -1)).sum(0)
        background = (1 - reach / _BACKGROUND_BELOW).clamp(min=0) ** 2
        halves = background.repeat(2, 1) * _seam(points[..., 0] / self.radii[-1])
        return torch.cat([weights, halves[..., None]], -1) / (reach + background).repeat(2, 1)[..., None]

    def _both_sides(self, code: Tensor) -> Tensor:
        """`[2B, C]` of the heads, then of their mirror images."""
        return torch.cat([code, code * self.mirror])

    def _local_codes(self, codes: Tensor, local: Tensor | None) -> Tensor:
        """`[2B, 24, code]`."""
        learned = torch.einsum("bg,fgc->bfc", codes, self.maps)
        if local is None:
            return learned
        free = local.unflatten(1, (2, FIELDS, self.config.free)).transpose(0, 1).flatten(0, 1)
        return learned + functional.pad(free, (0, self.config.code - self.config.free))

    def _anchors(self, codes: Tensor) -> Tensor:
        return self.predictor(codes).unflatten(-1, (SIDE_ANCHORS, 3))


def _mirrored(vectors: Tensor) -> Tensor:
    """The first component, x, negated: `[..., 3]` or `[..., 4]`."""
    return torch.cat([-vectors[..., :1], vectors[..., 1:]], -1)


def _seam(across: Tensor) -> Tensor:
    """Weight of the left half, from 0 at -1/2 to 1 at 1/2; those of both halves sum to 1."""
    t = (0.5 + across).clamp(0, 1)
    return t * t * (3 - 2 * t)
