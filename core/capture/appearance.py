"""The materials of skin and eyes, which photos tell of, and of teeth; the rest's stand in `assembly.MATERIALS`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..avatar import Material
from ..parametric.assembly import MATERIALS
from ..parametric.head import HeadModel
from ..rendering.image_files import encode
from .eyes import DEFAULT_IRIS, eye_profile, eye_texture, iris_color
from .fit import HeadFit
from .shots import Shot
from .skin_views import SkinView
from .teeth import teeth_textures
from .texture import SkinOptions, skin_textures

EYES = ("left_eye", "right_eye")


@dataclass(frozen=True)
class Appearance:
    """What photos tell of a head beyond its shape."""

    materials: dict[str, Material]
    """Of skin, eyes and teeth, by part."""
    exposure: np.ndarray
    """[3] the linear colour that a white card on the face would have in the first photo."""
    offset: np.ndarray | None
    """[V, 3] metres by which the neutral head has the photos' folds; None where none were looked for."""
    warnings: list[str]


def appearance(model: HeadModel, fits: Sequence[HeadFit], shots: Sequence[Shot], options: SkinOptions) -> Appearance:
    """Materials and relief from the photos that `fits` explain; eyes are the first one's."""
    views = [
        SkinView(
            vertices=model.vertices(fit.beta, fit.psi, fit.theta).astype(np.float32),
            camera=fit.camera,
            pixels=shot.photo.pixels,
            masks=shot.masks,
            sharp=not shot.blurred,
        )
        for fit, shot in zip(fits, shots, strict=True)
    ]
    skin = skin_textures(model, model.shaped(fits[0].beta).astype(np.float32), views, options)
    iris = iris_color(shots[0].photo.pixels, fits[0].landmarks, skin.exposure)
    materials = {
        "skin": replace(
            MATERIALS["skin"],
            color_texture=skin.color,
            normal_texture=skin.normal,
            roughness_texture=skin.roughness,
        )
    }
    offset = skin.relief.offset if skin.relief else None
    return Appearance({**materials, **plain_materials(model, iris)}, skin.exposure, offset, skin.doubts)


def plain_materials(model: HeadModel, iris: np.ndarray = DEFAULT_IRIS) -> dict[str, Material]:
    """Materials by part that need no photo: eyes with an iris of linear colour `iris` [3], and teeth."""
    eye = encode(eye_texture(iris, eye_profile(model, EYES[0])))
    materials = {name: replace(MATERIALS[name], color_texture=eye) for name in EYES}
    for name, texture in teeth_textures().items():
        materials[name] = replace(MATERIALS[name], name=name, color_texture=encode(texture))
    return materials
