"""One skin tone for a head of a photo and the body under it."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..avatar import Material, Part
from ..geometry.smoothstep import smoothstep
from ..rendering.atlas import pull_push, texel_coordinates
from ..rendering.image_files import decode, encode
from ..rendering.rasterise import rasterise, triangulate
from ..rendering.shading import srgb_to_linear

BODY_SKIN = "body_skin"
PAINTED = 0.005, 0.055
"""Metres above the seam between which the head's skin goes from the body's to its own."""
BARE = 0.1
"""Metres above the seam up to which the head's skin tells the body's tone: neck, jaw and cheeks."""
FLAT = np.array([0.5, 0.5, 1.0], np.float32)
"""A normal map that changes nothing."""


def matched_skins(skin: Material, head: Part, height: np.ndarray, slot: int) -> tuple[Material, Material]:
    """Materials of the body's skin and of the head's, whose textures end in the body's colour at the seam.

    `skin` is the head's, of the faces of `head` that have material `slot`; `height` [V] metres above the seam.
    """
    body = replace(skin, name=BODY_SKIN, color_texture=None, normal_texture=None, roughness_texture=None)
    maps = {
        name: decode(data)
        for name in ("color_texture", "normal_texture", "roughness_texture")
        if (data := getattr(skin, name)) is not None
    }
    if not maps:
        return body, skin
    above = {len(each): _heights(head, height, slot, len(each)) for each in maps.values()}
    plain = {"normal_texture": FLAT}
    for name in maps.keys() - plain.keys():
        level = above[len(maps[name])]
        plain[name] = np.median(maps[name][(level > 0) & (level < BARE)], axis=0)
    painted: dict[str, Any] = {}
    for name, image in maps.items():
        share = smoothstep(above[len(image)], *PAINTED).astype(np.float32)
        share = share.reshape(*share.shape, *[1] * (image.ndim - 2))
        painted[name] = encode(plain[name] + share * (image - plain[name]))
    if "color_texture" in plain:
        body = replace(body, color=(*srgb_to_linear(plain["color_texture"][:3]).tolist(), 1.0))
    if "roughness_texture" in plain:
        body = replace(body, roughness=float(np.mean(plain["roughness_texture"])))
    return body, replace(skin, **painted)


def _heights(head: Part, height: np.ndarray, slot: int, size: int) -> np.ndarray:
    """Metres `[size, size]` above the seam of what a chart's texels show, and between charts of what is next to it."""
    own = head.face_material == slot
    triangles, triangles_uv = triangulate(head.faces[own])[0], triangulate(head.faces_uv[own])[0]
    raster = rasterise(texel_coordinates(head.uv, size), triangles_uv, (size, size))
    image = np.zeros((size, size, 1), np.float32)
    image[raster.covered] = raster.interpolate(triangles, height[:, None].astype(np.float32))
    return pull_push(image, raster.covered.astype(np.float32))[..., 0]
