"""Inverts an implicit head: the codes z_id and z_ex whose surface goes through given points.

Adam on both codes with priors that let go and a threshold beyond which points have no say, both by schedule, as NPHM
inverts its own (Giebenhain et al., "Learning Neural Parametric Head Models", CVPR 2023, sec. 4). Expressions are paid
for by their sum, so that those which nothing shows are exactly 0. Hair is a blend of the known cuts that the points lie
on best, for around them the code means nothing; a bald head stays so: its hair code is exactly 0.
"""

from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InputError
from ..implicit.field import HeadField, field_gradient
from ..implicit.latents import HAIR, IDENTITY
from .canonical_points import CanonicalPoints
from .surroundings import Surroundings

Value = TypeVar("Value", int, float)

MM = 1e3
_POOL = 5000
"""Points in all."""
_BATCHES = ((0.0, 1250), (0.5, 2500))
"""From that share of the steps on, points of one step."""
_ORIENTED = 0.3
"""Share of a step's points whose normals count."""
_STEPS, _REFRESH = 100, 25
"""Steps, and those between root searches."""
_LEARNING_RATE = 0.05
"""Halved five times on the way."""
_THRESHOLDS = ((0.0, 0.025), (0.25, 0.0125), (0.5, 0.004))
"""From that share of the steps on, metres beyond which a point has no say."""
_PRIORS = ((0.0, 1.0), (0.2, 0.33), (0.6, 0.1))
"""From that share of the steps on, factor of the priors."""
_NORMAL, _IDENTITY, _LOCAL, _EXPRESSION = 1.0, 1e-3, 3e-4, 5e-3
"""Weights against one millimetre of mean distance: 1 - cosine of the normals, squares of the codes, sum of z_ex."""
_HAIR_POINTS = 500
"""Points that choose the hair to start from."""
_HEIGHT, _HAIRLESS = 0.008, 0.08
"""There is no hair where a smaller share of the points lies that many metres outside the skin,"""
_CLEARLY = 0.8
"""or no known hair brings the points' mean distance below that share of it."""
_BLENDED, _LEADING = 12, 3.0
"""How many known cuts are blended, and the log odds at which the best begins."""
_PLACES, _PLACED, _SIDE = 8192, 1024, 5.0
"""Places about the points, those of them that one step looks at, and the weight of their millimetres."""
_HAIR_PLACES = 2048
"""Places that choose the hair."""


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
    around = None
    if pool.normals is not None:
        generator = torch.Generator().manual_seed(seed)
        around = Surroundings.of(pool.root, functional.normalize(pool.normals, dim=1), _PLACES, generator)
    hair = _hair(field, pool.root[:_HAIR_POINTS], around and around[:_HAIR_PLACES], bald)
    optimiser = _Optimiser(field, pool, around, bald, hair, z_ex, seed)
    optimiser.run()
    return Inversion(optimiser.z_id().detach(), optimiser.z_ex.detach(), optimiser.distance(), optimiser.history)


@torch.no_grad()
def _hair(field: HeadField, points: Tensor, around: Surroundings | None, bald: Tensor) -> Tensor:
    """[K, 32] the known hair that fits canonical points `[M, 3]` on the head `bald` [D] best, the best first; that of
    the bald head alone where they do not clearly lie on any.
    """
    skin, template_points, _ = field(points[None], bald[None])
    if (skin > _HEIGHT).float().mean() < _HAIRLESS:
        return field.latents.bald[None]
    far = _THRESHOLDS[0][1]
    known = field.latents.hair_codes[1:]
    layers = torch.stack([field.hair(template_points, code[None])[0] for code in known])
    errors = torch.minimum(skin, layers).abs().clamp(max=far).mean(1)
    if errors.min() > _CLEARLY * skin.abs().clamp(max=far).mean():
        return field.latents.bald[None]
    if around:
        skin, template_points, _ = field(around.places[None], bald[None])
        layers = torch.stack([field.hair(template_points, code[None])[0] for code in known])
        errors += around.distance(torch.minimum(skin, layers))
    return known[errors.argsort()[:_BLENDED]]


class _Optimiser:
    """Adam on the codes."""

    def __init__(
        self,
        field: HeadField,
        points: CanonicalPoints,
        around: Surroundings | None,
        bald: Tensor,
        hair: Tensor,
        z_ex: Tensor | None,
        seed: int,
    ) -> None:
        """From the head `bald` [D] with the first of the `hair` [K, 32] that may be blended."""
        self.field, self.points, self.posed = field, points, z_ex is not None
        rest = field.expression.rest
        self.skin = torch.cat([bald[:IDENTITY], bald[IDENTITY + HAIR :]]).requires_grad_()
        self.odds = _LEADING * (torch.arange(len(hair), device=hair.device) == 0)
        self.odds.requires_grad_()
        self.z_ex = (-rest if z_ex is None else z_ex).to(rest).clone().requires_grad_(self.posed)
        self.history: list[float] = []
        self._hair, self._hairy = hair, bool(hair.any())
        self._around = around if self._hairy else None
        codes = [self.skin, *([self.odds] if self._hairy else []), *([self.z_ex] if self.posed else [])]
        self._adam = torch.optim.Adam(codes, _LEARNING_RATE)
        self._random = torch.Generator().manual_seed(seed)

    def z_id(self) -> Tensor:
        """[D]."""
        return torch.cat([self.skin[:IDENTITY], self.odds.softmax(0) @ self._hair, self.skin[IDENTITY:]])

    def run(self) -> None:
        """All steps."""
        for step in range(_STEPS):
            if step % _REFRESH == 0:
                self._trace()
            share = step / _STEPS
            for group in self._adam.param_groups:
                group["lr"] = _LEARNING_RATE * 0.5 ** int(5 * share)
            self._adam.zero_grad()
            loss = self._loss(share)
            loss.backward()
            self._adam.step()
            with torch.no_grad():
                self.z_ex.clamp_(0, 1)
            self.history.append(float(loss.detach()))

    def distance(self) -> Tensor:
        """[P] metres of all points from the surface."""
        self._trace()
        with torch.no_grad():
            return self._sdf(self._canonical(self.points)[None])[0].abs()

    def _trace(self) -> None:
        if self.posed:
            self.points = self.points.traced(self.field, self.z_id(), self.z_ex)

    def _canonical(self, points: CanonicalPoints) -> Tensor:
        return points.canonical(self.z_ex + self.field.expression.rest)

    def _sdf(self, points: Tensor) -> Tensor:
        """The head's distance at canonical points `[1, N, 3]`: `[1, N]`. Points on hair tell nothing of the skin."""
        z_id = self.z_id()[None]
        skin, template_points, _ = self.field(points, z_id)
        if not self._hairy:
            return skin
        return torch.minimum(skin, self.field.hair(template_points.detach(), self.field.latents.hair(z_id)))

    def _haired(self, places: Tensor) -> Tensor:
        """The head's distance at canonical places `[M, 3]`: `[M]`, as a function of hair alone."""
        z_id = self.z_id()[None]
        with torch.no_grad():
            skin, template_points, _ = self.field(places[None], z_id)
        return torch.minimum(skin, self.field.hair(template_points, self.field.latents.hair(z_id)))[0]

    def _loss(self, share: float) -> Tensor:
        rows = torch.randperm(len(self.points.posed), generator=self._random)[: _scheduled(_BATCHES, share)]
        points = self.points[rows.to(self.skin.device)]
        canonical = self._canonical(points)
        distance = self._sdf(canonical[None])[0]
        # What is buried in hair always has its say: nobody scans what lies there.
        kept = points.found & (distance.detach() < _scheduled(_THRESHOLDS, share))
        kept &= self._hairy | (distance.detach() > -_scheduled(_THRESHOLDS, share))
        loss = MM * distance[kept].abs().sum() / len(rows)
        if points.normals is not None:
            some = slice(int(_ORIENTED * len(rows)))
            gradient = field_gradient(self._sdf, canonical[None, some])[0]
            cosine = functional.cosine_similarity(gradient, points[some].canonical_normals(), dim=1)
            loss = loss + _NORMAL * ((1 - cosine) * kept[some]).mean()
        if self._around:
            chosen = torch.randint(len(self._around.height), (_PLACED,), generator=self._random)
            around = self._around[chosen.to(self.skin.device)]
            loss = loss + _SIDE * MM * around.misplaced(self._haired(around.places)).mean()
        identity, local = self.skin.split([IDENTITY, len(self.skin) - IDENTITY])
        size = _IDENTITY * identity.square().sum() + _LOCAL * local.square().sum()
        return loss + _scheduled(_PRIORS, share) * size + _EXPRESSION * self.z_ex.sum()


def _scheduled(schedule: tuple[tuple[float, Value], ...], share: float) -> Value:
    """What holds at that share of the steps."""
    return next(value for start, value in reversed(schedule) if share >= start)
