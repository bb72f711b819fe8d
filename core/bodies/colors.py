"""Colours of skin, hair and clothes, by seed: such as go together, and what they are made of."""

import numpy as np

from ..avatar import Material
from ..rendering.image_files import encode
from ..rendering.shading import linear_to_srgb, srgb_to_linear

OUTFITS = (
    ("#2b3a4f", "#b9ad98"),
    ("#e4dfd5", "#2d3e5c"),
    ("#6d7b62", "#3b3733"),
    ("#7a3b34", "#2e3440"),
    ("#8fa3b5", "#33373d"),
    ("#c9b28f", "#41506b"),
    ("#3d3d40", "#6f6a62"),
    ("#a34f3a", "#d3c7b3"),
    ("#d5d8dc", "#6b5a48"),
    ("#4a5d6e", "#1f2226"),
    ("#b5838d", "#4a4e69"),
    ("#54694b", "#c2b59b"),
    ("#d9a441", "#2c3442"),
    ("#5b4a68", "#2a2a2e"),
    ("#9bb0a5", "#4d4438"),
)
"""Tops and bottoms as sRGB; a dress or an overall takes the first."""
SHOES = ("#1c1a19", "#3d2b20", "#5a4632", "#d8d5cf", "#2b3440")
SKIN = ("#eec9b0", "#e0b190", "#c99470", "#a9714d", "#7d4c33", "#563422")
HAIR = ("#0d0907", "#1a110b", "#2b1b10", "#402a18", "#7d7a76", "#6b4a2b", "#8f6b42", "#b8945f")
FAIR = 3
"""The darkest of `SKIN` that any of `HAIR` goes with; darker skin has the first half."""
ROUGHNESS = {"top": 0.85, "bottom": 0.8, "shoes": 0.45, "hair": 0.7}
SPECULAR = {"top": 0.25, "bottom": 0.25, "shoes": 0.5, "hair": 0.25}


SWATCH = 16
"""Texels along a side of an even colour."""

Color = tuple[float, float, float, float]


def person_colors(seed: int) -> dict[str, Color]:
    """Layer, or `skin` -> linear base colour of a seed's person."""
    rng = np.random.default_rng([seed, 4])
    top, bottom = OUTFITS[rng.integers(len(OUTFITS))]
    tone = rng.integers(len(SKIN))
    hair = rng.choice(HAIR if tone < FAIR else HAIR[: len(HAIR) // 2])
    chosen = {"top": top, "bottom": bottom, "shoes": rng.choice(SHOES), "hair": hair, "skin": SKIN[tone]}
    return {layer: _linear(color) for layer, color in chosen.items()}


def cloth_material(layer: str, color: Color, normals: bytes | None) -> Material:
    """What a layer is made of; `normals` is an encoded normal map.

    The colour is a texture too: a viewport that shows textures would show the normal map where there is no other.
    """
    return Material(
        layer,
        color,
        color_texture=encode(np.full((SWATCH, SWATCH, 3), linear_to_srgb(np.array(color[:3])))),
        normal_texture=normals,
        roughness=ROUGHNESS[layer],
        specular=SPECULAR[layer],
        double_sided=True,
    )


def _linear(color: str) -> Color:
    srgb = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    red, green, blue = srgb_to_linear(srgb).tolist()
    return red, green, blue, 1.0
