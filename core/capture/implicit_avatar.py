"""From a latent code to an Avatar, in either topology.

`quads` is the head model's own mesh, registered onto the field's skin: its keys, correctives, bones and levels of
detail are the model's. `implicit` is the extracted skin, which the fields drive. Hair is a mesh of its own in both.
Whatever else is not skin (eyes, teeth, lashes, the hair of a photo) is the model's, moved along with its skin.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ..avatar import Avatar, Material, Part
from ..errors import UsageError
from ..geometry.isosurface import check_resolution
from ..implicit.field import HeadField
from ..implicit.heads import DEFAULT_MODEL, load_head_field
from ..implicit.latents import LatentSpace
from ..parametric.assembly import head_avatar
from ..parametric.head import HeadModel
from ..parametric.parts import carried
from ..version import VERSION
from .hair_layer import hair_layer
from .head_surface import head_surface
from .implicit_skin import implicit_skin, with_skin
from .template_registration import Registration, register_template

TOPOLOGIES = ("quads", "implicit")
RESOLUTION = 256
"""Cells along the longest side of the field's box: 2 mm each."""

AUTO = "auto"
"""Instead of a model's name: the one that measures best."""

Code = Callable[[LatentSpace], Tensor]
"""Draws or reads a code `[D]` of the latent space."""
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class ImplicitHead:
    """One head of a field, and the mesh that is wanted of it."""

    field: HeadField
    name: str
    """Of the field, among `heads.MODELS`."""
    z_id: Tensor
    """[D] on the field's device."""
    topology: str = "quads"
    resolution: int = RESOLUTION

    def __post_init__(self) -> None:
        if self.topology not in TOPOLOGIES:
            raise UsageError(f"There is no topology {self.topology!r}; choose one of {', '.join(TOPOLOGIES)}.")
        check_resolution(self.resolution)

    @classmethod
    def load(cls, model: str, code: Code, topology: str, resolution: int, device: str) -> "ImplicitHead":
        """The head of a code of `model` (one of `heads.MODELS`, or `AUTO`).

        Raises UsageError for another model or topology, InputError for a code of another size or a resolution out of
        range, EngineError when weights are missing.
        """
        name = DEFAULT_MODEL if model == AUTO else model
        field = load_head_field(name, device)
        return cls(field, name, field.latents.checked(code(field.latents).to(device))[0], topology, resolution)


def implicit_avatar(
    head: ImplicitHead,
    model: HeadModel,
    *,
    name: str = "Head",
    materials: Mapping[str, Material] | None = None,
    extra_parts: Sequence[Part] = (),
    extra_beta: np.ndarray | None = None,
    parameters: Mapping[str, Sequence[float]] | None = None,
    source: str = "",
    images: Mapping[str, bytes] | None = None,
    progress: Progress = lambda *_: None,
) -> Avatar:
    """The neutral head with its 52 ARKit keys; `parameters` are stored beside `beta`, `z_id` and `resolution`.

    `extra_parts` are bound to `model` (see `head_avatar`) and were made for its head of shape `extra_beta` [100]: they
    follow the surface. Raises InputError for a resolution out of range, EngineError where there is no surface.
    """
    progress("Registering the template", 0.0)
    registration = register_template(head.field, head.z_id, model)
    extra = [_following(part, model, registration, extra_beta) for part in extra_parts]
    chosen = dict(materials or {})
    progress("Extracting the surface", 0.3)
    if layer := hair_layer(head.field, head.z_id, head.resolution, model, registration):
        hair, chosen["hair"] = layer
        extra.append(hair)
    skin = None
    if head.topology == "implicit":
        surface = head_surface(head.field, head.z_id, head.resolution, model)
        skin = implicit_skin(surface, head.field, head.z_id, model, registration)
    progress("Assembling", 0.8)
    code = {"z_id": head.z_id.cpu().tolist(), "resolution": [float(head.resolution)]}
    avatar = head_avatar(
        model,
        registration.beta,
        offset=registration.offset,
        name=name,
        materials=chosen,
        extra_parts=extra,
        parameters={**(parameters or {}), **code},
        source=source,
        version=VERSION,
        images=images,
    )
    if skin:
        avatar = with_skin(avatar, skin, chosen)
    return replace(avatar, implicit=head.name, topology=head.topology)


def _following(part: Part, model: HeadModel, registration: Registration, beta: np.ndarray | None) -> Part:
    """The part, made for the model's head of shape `beta`, on the registered one."""
    moved = registration.offset
    if beta is not None:
        moved = moved + model.shaped(registration.beta) - model.shaped(beta)
    return replace(part, vertices=part.vertices + carried(part, moved))
