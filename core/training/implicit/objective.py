"""What the identity and expression fields are trained on: 3D losses on samples of heads, all in millimetres."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...implicit.field import HeadField

MM = 1e3
TRUNCATION = 0.02
"""Metres: how far from the surface the distance matters."""


@dataclass(frozen=True)
class IdentityBatch:
    """Samples of B heads in the canonical pose."""

    z_id: Tensor
    """[B, 132] identity and hair."""
    surface: Tensor
    """[B, S, 3] metres."""
    normals: Tensor
    """[B, S, 3]."""
    template: Tensor
    """[B, S, 3] the same points on the template; NaN on hair."""
    space: Tensor
    """[B, N, 3] metres."""
    distance: Tensor
    """[B, N] metres, negative inside."""


@dataclass(frozen=True)
class IdentityWeights:
    """Weights of the terms; NPHM's and the tri-plane slides' names. 0 leaves a term out."""

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
    correction: float = 0.2
    """|delta| on skin, mm: shape is warp, and only hair is correction."""


def identity_losses(
    field: HeadField, batch: IdentityBatch, weights: IdentityWeights, oriented: int = 256
) -> dict[str, Tensor]:
    """The weighted terms; normals and eikonal on the first `oriented` surface points of each head."""
    count = batch.surface.shape[1]
    distance, template, correction = field(torch.cat([batch.surface, batch.space], 1), batch.z_id)
    skin = torch.isfinite(batch.template).all(-1)
    apart = (template[:, :count] - batch.template.nan_to_num()).norm(dim=-1)
    off = (distance[:, count:] - batch.distance.clamp(-TRUNCATION, TRUNCATION)).abs()
    beyond = (distance[:, count:].abs() > TRUNCATION) & (distance[:, count:] * batch.distance > TRUNCATION**2)
    terms = {
        "surface": weights.surface * MM * distance[:, :count].abs().mean(),
        "distance": weights.distance
        * MM
        * (off.masked_fill(beyond, 0) * 0.003 / (0.003 + batch.distance.abs())).mean(),
        "correspondence": weights.correspondence * MM * apart[skin].mean(),
        "correction": weights.correction * MM * correction[:, :count][skin].abs().mean(),
    }
    if weights.normal or weights.eikonal:
        gradient = field.gradient(batch.surface[:, :oriented], batch.z_id)
        length = gradient.norm(dim=-1)
        cosine = (gradient * batch.normals[:, :oriented]).sum(-1) / length.clamp(min=1e-4)
        terms["normal"] = weights.normal * (1 - cosine).mean()
        terms["eikonal"] = weights.eikonal * ((length - 1) ** 2).mean()
    return terms


def expression_losses(
    field: HeadField, template: Tensor, shapes: Tensor, z_id: Tensor, skin: Tensor
) -> dict[str, Tensor]:
    """Every ARKit shape at once, where `skin` [B, N] is true.

    `template` [B, N, 3] are template points, `shapes` [B, N, 52, 3] the true displacements at weight 1 in metres.
    """
    error = (field.expression.basis(template, z_id) - shapes).norm(dim=-1)[skin] * MM
    still = shapes.norm(dim=-1)[skin] < 1e-6
    return {"expression": 10 * error.mean(), "still": 2 * error[still].mean()}
