"""The prior of skin: how pigment lies over a head, how it shines, and its pores, where a photo shows nothing of it.

Colours are logarithms of linear reflectance; pigments add there. Source of the two-pigment account: Tsumura et al.,
"Image-based skin color and texture analysis/synthesis by extracting hemoglobin and melanin information in the skin",
2003.
"""

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas

HEMOGLOBIN = np.array([-0.10, -0.62, -0.48], np.float32)
"""Change of log reflectance (R, G, B) for one unit of blood."""
MELANIN = np.array([-0.35, -0.60, -0.85], np.float32)
"""Change of log reflectance (R, G, B) for one unit of melanin."""
MUCOSA = np.log(np.array([0.16, 0.025, 0.022], np.float32))
"""Log reflectance inside the mouth and deep in the eye sockets."""
CARUNCLE = np.log(np.array([0.50, 0.20, 0.16], np.float32))
"""Log reflectance of the lids' moist rim and of the eye's inner corner."""
LASH_LINE = np.array([-1.15, -1.3, -1.3], np.float32)
"""Change of log reflectance where the lashes of the upper lid grow."""
LASH_WIDTH = 0.0009
"""Metres, one deviation."""
LOWER_LASHES = 0.4
"""Darkness of the lower lid's lashes, of that of the upper's."""

PORE_SIZE = 0.00018
"""Metres, one deviation."""

NOSE_TIP, CHIN, CHEEK_CORNERS = 30, 8, ((36, 48), (45, 54))
EYE_CORNERS = ((36, 39), (45, 42))
"""Outer, inner."""
UNDER_EYES = (40, 47)


def pigment(model: HeadModel) -> np.ndarray:
    """Log reflectance of a mean complexion relative to bare cheek and forehead, `[V, 3]`."""
    points = model.v_template[model.landmarks68]
    cheeks = [points[list(pair)].mean(0) * [1.12, 1, 1] for pair in CHEEK_CORNERS]
    blood = 0.18 * _spot(model, points[NOSE_TIP], 0.013) + 0.06 * _spot(model, points[CHIN], 0.016)
    blood += 0.16 * sum(_spot(model, cheek, 0.020) for cheek in cheeks)
    blood += 0.12 * sum(_spot(model, points[i] - [0, 0.008, 0], 0.009) for i in UNDER_EYES)
    blood += 0.95 * model.masks["lips"] + 0.16 * model.masks["ears"] + 0.18 * model.masks["eyelids"]
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


def mucosa(model: HeadModel) -> np.ndarray:
    """Log reflectance of what is `wet`, `[V, 3]`: pink where it shows between lid and eye."""
    inner = model.v_template[model.landmarks68[[corner[1] for corner in EYE_CORNERS]]]
    corner = sum(_spot(model, point, 0.005) for point in inner)
    shown = np.clip(np.exp(-((_lid_distance(model)[0] / 0.0055) ** 2)) + corner, 0, 1)[:, None]
    return (MUCOSA + shown * (CARUNCLE - MUCOSA)).astype(np.float32)


def lash_line(atlas: Atlas, model: HeadModel) -> np.ndarray:
    """Change of log reflectance `[N, 3]` by the roots of the lashes along the lids' margins."""
    distance, dark = _lid_distance(model)
    distance, dark = atlas.gather(np.stack([distance, dark], 1).astype(np.float32)).T
    return (dark * np.exp(-0.5 * (distance / LASH_WIDTH) ** 2))[:, None] * LASH_LINE


def _lid_distance(model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Metres `[V]` to the nearest root of a lash, on the mean head, and how dark the lashes are there, 0..1 `[V]`."""
    chosen = model.face_part == model.parts.index("lashes")
    root = model.uv[model.faces_uv[chosen], 1] < 0.1
    points = model.v_template[np.unique(model.faces[chosen][root])]
    dark = np.zeros(len(points))
    for outer, inner in (model.v_template[model.landmarks68[list(pair)]] for pair in EYE_CORNERS):
        along = (points - inner) @ (outer - inner) / ((outer - inner) ** 2).sum()
        own = points[:, 0] * outer[0] > 0
        upper = points[:, 1] > (inner + along[:, None] * (outer - inner))[:, 1]
        dark += own * np.where(upper, 1, LOWER_LASHES) * np.clip((along - 0.05) / 0.25, 0, 1)
    distance, nearest = cKDTree(points).query(model.v_template)
    return distance, dark[nearest]


def pores(density: np.ndarray) -> np.ndarray:
    """A field of pores and fine mottling, `[size, size]` float32, mean 0, deviation 1, pores negative.

    `density` [size, size] texels per metre: pores are as large on the skin wherever the chart shows it, blended from
    fields an octave apart.
    """
    octave = np.log2(np.clip(density * PORE_SIZE, 0.5, 2.0))
    first = int(np.floor(octave.min()))
    field = np.zeros_like(density)
    energy = np.zeros_like(density)
    for k in range(first, int(np.ceil(octave.max())) + 1):
        share = np.clip(1 - np.abs(octave - k), 0, 1)
        field += share * _pore_field(len(density), 2.0**k)
        energy += share**2
    return field / np.sqrt(energy)


def _pore_field(size: int, pore: float) -> np.ndarray:
    """`pores` of a deviation of `pore` texels everywhere: a tile, two by two."""
    margin = 64
    noise = np.random.default_rng(0).standard_normal((size // 2, size // 2)).astype(np.float32)
    noise = cv2.copyMakeBorder(noise, margin, margin, margin, margin, cv2.BORDER_WRAP)
    spots = cv2.GaussianBlur(noise, (0, 0), pore) - cv2.GaussianBlur(noise, (0, 0), 2 * pore)
    spots = -np.clip(spots / spots.std() - 0.4, 0, 2.5)  # pits, not bumps
    mottling = cv2.GaussianBlur(noise, (0, 0), 5 * pore)
    field = (spots - spots.mean() + 0.35 * mottling / mottling.std())[margin:-margin, margin:-margin]
    return np.tile(field / field.std(), (2, 2))


def _spot(model: HeadModel, center: np.ndarray, radius: float) -> np.ndarray:
    """[V] Gaussian of the distance to `center` on the mean head, `radius` in metres."""
    distance = ((model.v_template - center) ** 2).sum(1)
    return np.exp(-0.5 * distance / radius**2)
