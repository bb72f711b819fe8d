"""The prior of skin: how pigment lies over a head, how it shines, and its pores, where a photo shows nothing of it.

Colours are logarithms of linear reflectance; pigments add there. Source of the two-pigment account: Tsumura et al.,
"Image-based skin color and texture analysis/synthesis by extracting hemoglobin and melanin information in the skin",
2003.
"""

import cv2
import numpy as np

from ..parametric.head import HeadModel

HEMOGLOBIN = np.array([-0.10, -0.62, -0.48], np.float32)
"""Change of log reflectance (R, G, B) for one unit of blood."""
MELANIN = np.array([-0.35, -0.60, -0.85], np.float32)
"""Change of log reflectance (R, G, B) for one unit of melanin."""
MUCOSA = np.log(np.array([0.16, 0.025, 0.022], np.float32))
"""Log reflectance inside the mouth and the eye sockets."""

NOSE_TIP, CHIN, CHEEK_CORNERS = 30, 8, ((36, 48), (45, 54))
UNDER_EYES = (40, 47)


def pigment(model: HeadModel) -> np.ndarray:
    """Log reflectance of a mean complexion relative to bare cheek and forehead, `[V, 3]`."""
    points = model.v_template[model.landmarks68]
    cheeks = [points[list(pair)].mean(0) * [1.12, 1, 1] for pair in CHEEK_CORNERS]
    blood = 0.30 * _spot(model, points[NOSE_TIP], 0.013) + 0.06 * _spot(model, points[CHIN], 0.016)
    blood += 0.16 * sum(_spot(model, cheek, 0.020) for cheek in cheeks)
    blood += 0.12 * sum(_spot(model, points[i] - [0, 0.008, 0], 0.009) for i in UNDER_EYES)
    blood += 0.95 * model.masks["lips"] + 0.30 * model.masks["ears"] + 0.18 * model.masks["eyelids"]
    melanin = 0.10 * model.masks["eyelids"] + 0.10 * model.masks["lips"] + 0.05 * model.masks["neck"]
    return blood[:, None] * HEMOGLOBIN + melanin[:, None] * MELANIN


def shine(model: HeadModel) -> np.ndarray:
    """Roughness `[V]`: oily along the forehead, nose and chin, moist on lips and lids, dull on scalp and neck."""
    points = model.v_template[model.landmarks68]
    forehead = points[[19, 24]].mean(0) + np.array([0, 0.025, 0])
    oil = _spot(model, points[NOSE_TIP], 0.018) + _spot(model, points[28], 0.014)
    oil += 0.8 * _spot(model, forehead, 0.030) + 0.5 * _spot(model, points[CHIN], 0.016)
    roughness = 0.56 - 0.13 * np.clip(oil, 0, 1)
    for name, value in (("neck", 0.60), ("scalp", 0.60), ("eyelids", 0.44), ("lips", 0.36)):
        roughness += model.masks[name] * (value - roughness)
    return wet(model) * 0.18 + (1 - wet(model)) * roughness


def wet(model: HeadModel) -> np.ndarray:
    """[V] where the skin part is mucosa: inside the mouth and behind the eyes."""
    return np.clip(model.masks["mouth_socket"] + model.masks["eye_sockets"], 0, 1)


def pores(size: int, texels_per_metre: float) -> np.ndarray:
    """A field of pores and fine mottling, `[size, size]` float32, mean 0, deviation 1, pores negative."""
    noise = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    pore = texels_per_metre * 0.00022
    spots = cv2.GaussianBlur(noise, (0, 0), pore) - cv2.GaussianBlur(noise, (0, 0), 2 * pore)
    spots /= spots.std()
    spots = -np.clip(spots - 0.4, 0, 2.5)  # pits, not bumps
    mottling = cv2.GaussianBlur(noise, (0, 0), 5 * pore)
    field = spots - spots.mean() + 0.5 * mottling / mottling.std()
    return field / field.std()


def _spot(model: HeadModel, center: np.ndarray, radius: float) -> np.ndarray:
    """[V] Gaussian of the distance to `center` on the mean head, `radius` in metres."""
    distance = ((model.v_template - center) ** 2).sum(1)
    return np.exp(-0.5 * distance / radius**2)
