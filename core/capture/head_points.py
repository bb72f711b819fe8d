"""Points of one head of a field, any number of them: on its surface, and where they lie on the mean head."""

from torch import Tensor

from ..implicit.chunks import in_chunks
from ..implicit.field import HeadField
from ..implicit.latents import IDENTITY


def bald(field: HeadField, z_id: Tensor) -> Tensor:
    """The code `z_id` `[D]` without its hair."""
    code = z_id.clone()
    code[IDENTITY : IDENTITY + len(field.latents.bald)] = field.latents.bald
    return code


def template_points_of(field: HeadField, z_id: Tensor, points: Tensor) -> Tensor:
    """Template points `[N, 3]` of any number of points `[N, 3]` of the head `z_id` `[D]`."""
    return in_chunks(lambda part: field.template_points(part[None], z_id[None])[0], points)


def on_surface(field: HeadField, z_id: Tensor, points: Tensor, steps: int) -> Tensor:
    """Points `[N, 3]` near the surface of `z_id` `[D]` moved onto it, along the field's gradient."""

    def step(part: Tensor) -> Tensor:
        distance = field.sdf(part[None], z_id[None])[0, :, None]
        gradient = field.gradient(part[None], z_id[None])[0]
        return part - distance * gradient / (gradient * gradient).sum(1, keepdim=True).clamp(min=0.25)

    for _ in range(steps):
        points = in_chunks(step, points)
    return points
