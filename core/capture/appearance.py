"""The materials of skin and eyes, which a photo tells of, and of teeth; the rest's stand in `assembly.MATERIALS`."""

from dataclasses import replace

import numpy as np

from ..avatar import Material
from ..parametric.assembly import MATERIALS
from ..parametric.head import HeadModel
from .eyes import DEFAULT_IRIS, eye_profile, eye_texture, iris_color
from .fit import HeadFit
from .photo import Photo
from .segmentation import Masks
from .teeth import teeth_textures
from .texture import encode, skin_textures

EYES = ("left_eye", "right_eye")


def appearance(model: HeadModel, fit: HeadFit, photo: Photo, masks: Masks) -> tuple[dict[str, Material], np.ndarray]:
    """Materials of skin, eyes and teeth by part, from the photo that `fit` explains, and its exposure:
    the linear colour `[3]` that a white card on the face would have.
    """
    posed = model.vertices(fit.beta, fit.psi, fit.theta).astype(np.float32)
    neutral = model.shaped(fit.beta).astype(np.float32)
    skin = skin_textures(model, neutral, posed, fit.camera, photo.pixels, masks)
    iris = iris_color(photo.pixels, fit.landmarks, skin.exposure)
    materials = {
        "skin": replace(
            MATERIALS["skin"],
            color_texture=skin.color,
            normal_texture=skin.normal,
            roughness_texture=skin.roughness,
        )
    }
    return {**materials, **plain_materials(model, iris)}, skin.exposure


def plain_materials(model: HeadModel, iris: np.ndarray = DEFAULT_IRIS) -> dict[str, Material]:
    """Materials by part that need no photo: eyes with an iris of linear colour `iris` [3], and teeth."""
    eye = encode(eye_texture(iris, eye_profile(model, EYES[0])))
    materials = {name: replace(MATERIALS[name], color_texture=eye) for name in EYES}
    for name, texture in teeth_textures().items():
        materials[name] = replace(MATERIALS[name], name=name, color_texture=encode(texture))
    return materials
