"""The implicit head: a signed-distance field of identity and hair, and its forward deformation by expression.

The field warps each point to the template and corrects its distance (Deng et al., "Deformed Implicit Field", 2021);
hair is a layer of its own, in the template's space, and the head is the union of both:

    y = x + Delta(x, z_id),    f(x, z_id) = min( T(y) + delta(x, z_id), H(y, z_hair) )

where T is the template's signed distance. The backbone gives Delta and delta, the hair layer H; they are what tells
NPM, NPHM and the tri-plane model apart. y is the *template point* of x: heads correspond where theirs agree.

Metres; the canonical pose is neutral with `jawOpen` at `CANONICAL_JAW`, so that the lips are two surfaces.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .expression import ExpressionField
from .latents import LatentSpace
from .template import Template

CANONICAL_JAW = 0.25
_TETRAHEDRON = ((1.0, -1.0, -1.0), (-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, 1.0, 1.0))


class HeadField(nn.Module):
    """One interface of all models. B heads with N points each; z_id is `[B, D]`, D = `latents.size`."""

    def __init__(
        self,
        config: Any,
        backbone: nn.Module,
        hair: nn.Module,
        expression: ExpressionField,
        template: Template,
        latents: LatentSpace,
    ) -> None:
        """`config` is what the model is built from (see `heads.CONFIGS`).

        `backbone(points [B, N, 3], z_id [B, D]) -> [B, N, 4]`: Delta and delta in metres, whatever the hair.

        `hair(template_points [B, N, 3], z_hair [B, 32]) -> [B, N]`: signed distance to the hair in metres.
        """
        super().__init__()
        self.config, self.backbone, self.hair, self.expression = config, backbone, hair, expression
        self.template, self.latents = template, latents

    @property
    def bounds(self) -> Tensor:
        """[2, 3] metres: the box that holds every head."""
        return self.template.bounds

    def forward(self, points: Tensor, z_id: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Signed distance to the skin `[B, N]`, template points `[B, N, 3]` and correction `[B, N]`."""
        delta, correction = self.backbone(points, z_id).split([3, 1], -1)
        template_points = points + delta
        correction = correction.squeeze(-1)
        return self.template(template_points) + correction, template_points, correction

    def sdf(self, points: Tensor, z_id: Tensor) -> Tensor:
        """Signed distance to skin and hair in metres, negative inside: `[B, N]`."""
        skin, template_points, _ = self(points, z_id)
        code = self.latents.hair(z_id)
        hairy = code.any(1, keepdim=True)
        if not hairy.any():
            return skin
        return torch.where(hairy, torch.minimum(skin, self.hair(template_points, code)), skin)

    def template_points(self, points: Tensor, z_id: Tensor) -> Tensor:
        """Where the points lie on the mean head: `[B, N, 3]`."""
        return self(points, z_id)[1]

    def gradient(self, points: Tensor, z_id: Tensor, step: float = 5e-4) -> Tensor:
        """Gradient of the distance, outward, length about 1: `[B, N, 3]`.

        By differences over a tetrahedron of `step` metres, which smooths over the cells of the template's grid and is
        itself differentiable once (for the normal and eikonal losses) where interpolated planes are not twice.
        """
        return field_gradient(lambda shifted: self.sdf(shifted, z_id), points, step)

    def deform(self, points: Tensor, z_ex: Tensor, z_id: Tensor) -> Tensor:
        """Canonical points in the expression z_ex `[B, 52]`, ARKit's weights (0: neutral, mouth shut): `[B, N, 3]`."""
        return points + self.expression(self.template_points(points, z_id), z_ex, z_id)

    def keys(self, points: Tensor, z_id: Tensor) -> tuple[Tensor, Tensor]:
        """Neutral points `[B, N, 3]` and the displacement from them of each ARKit shape at 1, `[B, N, 52, 3]`."""
        basis = self.expression.basis(self.template_points(points, z_id), z_id)
        rest = self.expression.rest @ basis.flatten(0, 1)
        return points + rest.reshape(points.shape), basis


def field_gradient(field: Callable[[Tensor], Tensor], points: Tensor, step: float = 5e-4) -> Tensor:
    """Differences of `field`, `[B, N, 3]` to `[B, N]`, over a tetrahedron of `step` metres at `points`: `[B, N, 3]`."""
    corners = points.new_tensor(_TETRAHEDRON)
    shifted = points[:, :, None] + step * corners
    values = field(shifted.flatten(1, 2)).unflatten(1, (-1, len(corners)))
    return values @ corners / (4 * step)


def on_device(field: HeadField, device: str) -> HeadField:
    """The field, ready for use on a torch device."""
    latents = LatentSpace(field.latents.hair_codes.to(device), field.latents.local)
    moved = HeadField(field.config, field.backbone, field.hair, field.expression, field.template, latents)
    return moved.to(device).eval().requires_grad_(False)


def chunked_keys(field: HeadField, points: Tensor, z_id: Tensor, chunk: int = 16384) -> tuple[Tensor, Tensor]:
    """`HeadField.keys` of one head's points `[N, 3]`, some at a time: `[N, 3]` and `[52, N, 3]`."""
    parts = [field.keys(part[None], z_id) for part in points.split(chunk)]
    return torch.cat([rest[0] for rest, _ in parts]), torch.cat([basis[0] for _, basis in parts]).transpose(0, 1)
