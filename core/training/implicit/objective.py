"""What the identity and expression fields are trained on: 3D losses on samples of heads, all in millimetres."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ...implicit.field import HeadField, field_gradient
from ...implicit.triplane import TriPlaneHair
from .trainer import Losses

MM = 1e3
TRUNCATION = 0.02
"""Metres: how far from the surface the distance matters."""
_ROUGHNESS = 30.0
"""Weight of the hair planes' differences: without it, few cuts leave noise in planes that are linear in the code."""


@dataclass(frozen=True)
class SkinBatch:
    """Samples of the skin of B heads in the canonical pose, hidden or not, and of where their hair lies."""

    z_id: Tensor
    """[B, D]."""
    surface: Tensor
    """[B, S, 3] metres."""
    normals: Tensor
    """[B, S, 3]."""
    template: Tensor
    """[B, S, 3] the same points on the template."""
    space: Tensor
    """[B, N, 3] metres."""
    distance: Tensor
    """[B, N] metres, negative inside."""


@dataclass(frozen=True)
class HairBatch:
    """Samples of the hair of B heads, which all have some."""

    z_id: Tensor
    """[B, D]."""
    surface: Tensor
    """[B, S, 3] metres."""
    normals: Tensor
    """[B, S, 3]."""
    template: Tensor
    """[B, S, 3] the same points of the hair on the mean head."""
    space: Tensor
    """[B, N, 3] metres."""
    distance: Tensor
    """[B, N] metres to the hair, negative inside."""


@dataclass(frozen=True)
class IdentityWeights:
    """Weights of the skin's terms; NPHM's and the tri-plane slides' names. 0 leaves a term out."""

    surface: float = 1.0
    """L_ss: |f| on the surface, mm."""
    distance: float = 1.0
    """|f - d| around it, relative to 3 mm + |d|."""
    normal: float = 1.0
    """L_sn: 1 - <grad f, n>."""
    eikonal: float = 0.1
    """(|grad f| - 1)^2."""
    correspondence: float = 0.5
    """|y - y*|, mm: the warp takes skin to the same place on the template."""
    carried: float = 0.1
    """The same for the hair, which rides on the skin: so it need be learned on the mean head alone."""
    correction: float = 0.2
    """|delta| on skin, mm: shape is warp."""


def identity_losses(
    field: HeadField, skin: SkinBatch, hair: HairBatch, weights: IdentityWeights, oriented: int
) -> Losses:
    """The weighted terms; normals and eikonal on the first `oriented` surface points of each head."""
    count = skin.surface.shape[1]
    distance, template, correction = field(torch.cat([skin.surface, skin.space], 1), skin.z_id)
    carried = (field.template_points(hair.surface, hair.z_id) - hair.template).norm(dim=-1)
    terms = {
        "surface": weights.surface * MM * distance[:, :count].abs().mean(),
        "distance": weights.distance * _relative_error(distance[:, count:], skin.distance),
        "correspondence": weights.correspondence * MM * (template[:, :count] - skin.template).norm(dim=-1).mean(),
        "carried": weights.carried * MM * carried.mean(),
        "correction": weights.correction * MM * correction[:, :count].abs().mean(),
    }
    if weights.normal or weights.eikonal:
        gradient = field.gradient(skin.surface[:, :oriented], field.latents.without_hair(skin.z_id))
        length = gradient.norm(dim=-1)
        terms["normal"] = weights.normal * _normal_error(gradient, skin.normals[:, :oriented])
        terms["eikonal"] = weights.eikonal * ((length - 1) ** 2).mean()
    return terms


def hair_losses(field: HeadField, batch: HairBatch, oriented: int) -> Losses:
    """The hair layer's terms, over template points as the trained backbone finds them.

    A surface term and distances leave a field that touches 0 without crossing it, and hair with holes; the hinge wants
    the right sign, with a margin, on either side.
    """
    count = batch.surface.shape[1]
    points = torch.cat([batch.surface, batch.space], 1)
    with torch.no_grad():
        template = field.template_points(points, batch.z_id)
    code = field.latents.hair(batch.z_id)
    distance = field.hair(template, code)
    around, truth = distance[:, count:], batch.distance
    margin = truth.abs().clamp(max=0.002) - truth.sign() * around
    near = template[:, :oriented]
    gradient = field_gradient(lambda points: field.hair(points, code), near)
    terms = {
        "surface": MM * distance[:, :count].abs().mean(),
        "distance": _relative_error(around, truth),
        "sign": 2 * MM * (margin.clamp(min=0) * (truth.abs() < 0.01)).mean(),
        "normal": _normal_error(gradient, batch.normals[:, :oriented]),
    }
    if isinstance(field.hair, TriPlaneHair):
        terms["roughness"] = _ROUGHNESS * field.hair.roughness(code)
    return terms


def _relative_error(found: Tensor, truth: Tensor) -> Tensor:
    """Mean |found - truth| in mm, relative to 3 mm + |truth|, both cut off at `TRUNCATION`."""
    error = (found.clamp(-TRUNCATION, TRUNCATION) - truth.clamp(-TRUNCATION, TRUNCATION)).abs()
    return MM * (error * 0.003 / (0.003 + truth.abs())).mean()


def _normal_error(gradient: Tensor, normals: Tensor) -> Tensor:
    """Mean of 1 - cosine."""
    return (1 - functional.cosine_similarity(gradient, normals, dim=-1)).mean()


def expression_losses(field: HeadField, template: Tensor, shapes: Tensor, z_id: Tensor) -> Losses:
    """Every ARKit shape at once.

    `template` [B, N, 3] are template points, `shapes` [B, N, 52, 3] the true displacements at weight 1 in metres.
    """
    error = (field.expression.basis(template, z_id) - shapes).norm(dim=-1) * MM
    still = shapes.norm(dim=-1) < 1e-6
    return {"expression": 10 * error.mean(), "still": 2 * error[still].mean()}
