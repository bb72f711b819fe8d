"""The materials of a head: textures of skin and eyes from the photo, and what teeth, gums, tongue and lashes are made of."""

from typing import Any

import numpy as np

from ..avatar import Material
from ..parametric.head import HeadModel
from .eyes import eye_texture, iris_color, iris_radius
from .photo import Photo
from .segmentation import Masks
from .texture import encode, skin_textures

TEETH = {"color": (0.70, 0.61, 0.47, 1.0), "roughness": 0.22, "subsurface": 0.25}
GUMS = {"color": (0.42, 0.11, 0.10, 1.0), "roughness": 0.28, "subsurface": 0.25}
TONGUE = {"color": (0.40, 0.12, 0.11, 1.0), "roughness": 0.36, "subsurface": 0.25}
LASHES = {"color": (0.012, 0.009, 0.007, 1.0), "roughness": 0.6, "double_sided": True}
CORNEA = {"color": (1.0, 1.0, 1.0, 0.06), "roughness": 0.03, "alpha": "blend"}
PLAIN: dict[str, dict[str, Any]] = {
    "teeth_upper": TEETH,
    "teeth_lower": TEETH,
    "gums_upper": GUMS,
    "gums_lower": GUMS,
    "tongue": TONGUE,
    "lashes": LASHES,
    "left_cornea": CORNEA,
    "right_cornea": CORNEA,
}
EYES = ("left_eye", "right_eye")


def appearance(model: HeadModel, fit: Any, photo: Photo, masks: Masks) -> dict[str, Material]:
    """A material for each part of the model, from the photo that `fit` (a HeadFit) explains."""
    vertices = model.vertices(fit.beta, fit.psi, fit.theta).astype(np.float32)
    skin = skin_textures(model, vertices, fit.camera, photo.pixels, masks)
    materials = {name: Material(name, **PLAIN[name]) for name in model.parts if name in PLAIN}
    materials["skin"] = Material(
        "skin",
        color_texture=skin.color,
        normal_texture=skin.normal,
        roughness_texture=skin.roughness,
        subsurface=0.18,
    )
    iris = iris_color(photo.pixels, fit.landmarks, skin.exposure)
    for name in EYES:
        texture = encode(eye_texture(iris, iris_radius(model, name), seed=10 * EYES.index(name)))
        materials[name] = Material(name, color_texture=texture, roughness=0.12)
    return materials
