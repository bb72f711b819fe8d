"""The materials of skin and eyes, which a photo tells of, and of teeth; the rest's stand in `assembly.MATERIALS`."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..avatar import Material
from ..parametric.assembly import MATERIALS
from ..parametric.head import HeadModel
from .eyes import DEFAULT_IRIS, eye_profile, eye_texture, iris_color
from .fit import HeadFit
from .photo import Photo
from .segmentation import Masks
from .teeth import teeth_textures
from .texture import SIZE, encode, skin_textures

EYES = ("left_eye", "right_eye")


@dataclass(frozen=True)
class Appearance:
    """What a photo tells of a head beyond its shape."""

    materials: dict[str, Material]
    """Of skin, eyes and teeth, by part."""
    exposure: np.ndarray
    """[3] the linear colour that a white card on the face would have."""
    offset: np.ndarray | None
    """[V, 3] metres by which the neutral head has the photo's folds; None where none were looked for."""
    warnings: list[str]


def appearance(
    model: HeadModel,
    fit: HeadFit,
    photo: Photo,
    masks: Masks,
    *,
    texture_size: int = SIZE,
    refine: bool = True,
    device: str = "cpu",
) -> Appearance:
    """Materials and relief from the photo that `fit` explains (see `skin_textures` for the options)."""
    posed = model.vertices(fit.beta, fit.psi, fit.theta).astype(np.float32)
    neutral = model.shaped(fit.beta).astype(np.float32)
    options: dict[str, Any] = {"size": texture_size, "refine": refine, "device": device}
    skin = skin_textures(model, neutral, posed, fit.camera, photo.pixels, masks, **options)
    iris = iris_color(photo.pixels, fit.landmarks, skin.exposure)
    materials = {
        "skin": replace(
            MATERIALS["skin"],
            color_texture=skin.color,
            normal_texture=skin.normal,
            roughness_texture=skin.roughness,
        )
    }
    warnings = [skin.doubt] if skin.doubt else []
    offset = skin.relief.offset if skin.relief else None
    return Appearance({**materials, **plain_materials(model, iris)}, skin.exposure, offset, warnings)


def plain_materials(model: HeadModel, iris: np.ndarray = DEFAULT_IRIS) -> dict[str, Material]:
    """Materials by part that need no photo: eyes with an iris of linear colour `iris` [3], and teeth."""
    eye = encode(eye_texture(iris, eye_profile(model, EYES[0])))
    materials = {name: replace(MATERIALS[name], color_texture=eye) for name in EYES}
    for name, texture in teeth_textures().items():
        materials[name] = replace(MATERIALS[name], name=name, color_texture=encode(texture))
    return materials
