"""Inverts an implicit head: the codes z_id and z_ex whose surface goes through given points.

Adam on both codes with priors that let go and a threshold beyond which points have no say, both by schedule, as NPHM
inverts its own (Giebenhain et al., "Learning Neural Parametric Head Models", CVPR 2023, sec. 4).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InputError
from ..implicit.field import HeadField
from ..implicit.latents import HAIR, IDENTITY
from .canonical_points import CanonicalPoints

MM = 1e3
_POOL, _BATCH, _ORIENTED = 5000, 2500, 750
"""Points in all, those of one step, and those of them whose normals count."""
_STEPS, _TRIAL_STEPS = 100, 20
_REFRESH = 20
"""Steps between root searches."""
_LEARNING_RATE = 0.05
"""Halved five times on the way."""
_THRESHOLDS = ((0.0, 0.025), (0.25, 0.0125), (0.5, 0.004))
"""From that share of the steps on, metres beyond which a point has no say."""
_PRIORS = ((0.0, 1.0), (0.2, 0.33), (0.6, 0.1))
"""From that share of the steps on, factor of the priors."""
_NORMAL, _IDENTITY, _HAIR, _LOCAL, _EXPRESSION = 1.0, 1e-3, 1e-3, 3e-4, 1e-2
"""Weights against one millimetre of mean distance: 1 - cosine of the normals, squares of the codes."""
_HAIR_TRIALS = 1000
"""Points that choose the hair to start from."""


@dataclass(frozen=True)
class Inversion:
    """What the points were made of."""

    z_id: Tensor
    """[D]."""
    z_ex: Tensor
    """[52] ARKit weights."""
    distance: Tensor
    """[P] metres of the points used from the surface, in the canonical space."""
    history: list[float]
    """Loss by step, mm."""

    @property
    def residual_mm(self) -> float:
        """Median distance of the points from the surface."""
        return MM * float(self.distance.median())


def invert(
    field: HeadField,
    points: Tensor,
    normals: Tensor | None = None,
    *,
    beta: Tensor,
    z_ex: Tensor | None = None,
    canonical: Tensor | None = None,
    seed: int = 0,
) -> Inversion:
    """The codes of a head whose points `[N, 3]` metres are in the head's frame; `normals` [N, 3] point outward.

    `beta` [100] and `z_ex` [52] are where to start: those of a linear fit; `canonical` [N, 3] is about where the
    points lie in the canonical pose. Without `z_ex` the points are in the canonical pose. Raises InputError for points
    that are not finite.
    """
    if not torch.isfinite(points).all():
        raise InputError("The points hold values that are not finite numbers; leave those points out.")
    device = field.bounds.device
    chosen = torch.randperm(len(points), generator=torch.Generator().manual_seed(seed))[:_POOL]
    points, roots = (a[chosen].float().to(device) for a in (points, points if canonical is None else canonical))
    pool = CanonicalPoints.of(points, None if normals is None else normals[chosen].float().to(device), roots)
    bald = field.latents.of_beta(beta[None].float().to(device))[0]
    starts = [bald]
    if (nearest := _nearest_hair(field, pool.root[:_HAIR_TRIALS], bald)) is not None:
        starts.append(nearest)
    optimisers = [_Optimiser(field, pool, start, z_ex, seed) for start in starts]
    if len(optimisers) > 1:
        for optimiser in optimisers:
            optimiser.run(_TRIAL_STEPS)
        optimisers.sort(key=lambda optimiser: float(optimiser.distance().clamp(max=_THRESHOLDS[0][1]).mean()))
    best = optimisers[0]
    best.run(_STEPS - len(best.history))
    return Inversion(best.z_id.detach(), best.z_ex.detach(), best.distance(), best.history)


def _nearest_hair(field: HeadField, points: Tensor, bald: Tensor) -> Tensor | None:
    """[D] the head with that of the known hair which the points `[M, 3]` are nearest to; None where that is bald."""
    heads = [torch.cat([bald[:IDENTITY], code, bald[IDENTITY + HAIR :]]) for code in field.latents.hair_codes]
    with torch.no_grad():
        errors = torch.stack([field.sdf(points[None], head[None]).abs().mean() for head in heads])
    best = int(errors.argmin())
    return heads[best] if best else None


class _Optimiser:
    """Adam on the codes, some steps at a time."""

    def __init__(self, field: HeadField, points: CanonicalPoints, z_id: Tensor, z_ex: Tensor | None, seed: int) -> None:
        self.field, self.points, self.posed = field, points, z_ex is not None
        rest = field.expression.rest
        self.z_id = z_id.clone().requires_grad_()
        self.z_ex = (-rest if z_ex is None else z_ex).to(rest).clone().requires_grad_(self.posed)
        self.history: list[float] = []
        self._adam = torch.optim.Adam([self.z_id, self.z_ex] if self.posed else [self.z_id], _LEARNING_RATE)
        self._random = torch.Generator().manual_seed(seed)

    def run(self, steps: int) -> None:
        """Go on for `steps` of the `_STEPS`."""
        for step in range(len(self.history), len(self.history) + steps):
            if step % _REFRESH == 0:
                self._trace()
            share = step / _STEPS
            for group in self._adam.param_groups:
                group["lr"] = _LEARNING_RATE * 0.5 ** int(5 * share)
            self._adam.zero_grad()
            loss = self._loss(_scheduled(_THRESHOLDS, share), _scheduled(_PRIORS, share))
            loss.backward()
            self._adam.step()
            with torch.no_grad():
                self.z_ex.clamp_(0, 1)
            self.history.append(float(loss.detach()))

    def distance(self) -> Tensor:
        """[P] metres of all points from the surface."""
        self._trace()
        with torch.no_grad():
            return self.field.sdf(self._canonical(self.points)[None], self.z_id[None])[0].abs()

    def _trace(self) -> None:
        if self.posed:
            self.points = self.points.traced(self.field, self.z_id, self.z_ex)

    def _canonical(self, points: CanonicalPoints) -> Tensor:
        return points.canonical(self.z_ex + self.field.expression.rest)

    def _loss(self, threshold: float, prior: float) -> Tensor:
        rows = torch.randperm(len(self.points.posed), generator=self._random)[:_BATCH]
        points = self.points[rows.to(self.z_id.device)]
        canonical = self._canonical(points)
        distance = self.field.sdf(canonical[None], self.z_id[None])[0].abs()
        kept = points.found & (distance.detach() < threshold)
        loss = MM * distance[kept].sum() / len(rows)
        if points.normals is not None:
            some = points[torch.arange(min(_ORIENTED, len(rows)), device=self.z_id.device)]
            gradient = self.field.gradient(canonical[None, :_ORIENTED], self.z_id[None])[0]
            cosine = functional.cosine_similarity(gradient, some.canonical_normals(), dim=1)
            loss = loss + _NORMAL * ((1 - cosine) * kept[:_ORIENTED]).mean()
        identity, hair, local = self.z_id.split([IDENTITY, HAIR, len(self.z_id) - IDENTITY - HAIR])
        size = _IDENTITY * identity.square().sum() + _HAIR * hair.square().sum() + _LOCAL * local.square().sum()
        return loss + prior * (size + _EXPRESSION * self.z_ex.square().sum())


def _scheduled(schedule: tuple[tuple[float, float], ...], share: float) -> float:
    """What holds at that share of the steps."""
    return next(value for start, value in reversed(schedule) if share >= start)
