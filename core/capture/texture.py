"""The skin's textures: the photo's detail on the solved low-frequency albedo, its mirror image and pores elsewhere."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas, build_atlas, pull_push
from ..rendering.rasterise import interpolate
from ..rendering.shading import linear_to_srgb, vertex_normals
from .albedo import (
    DARK,
    HIGHLIGHT,
    LUMINANCE,
    SkinField,
    scalp_tint,
    skin_triangles,
    solve_skin,
    tame_highlights,
    vertex_means,
)
from .beard import beard_share
from .complexion import lash_line, pores, shine, wet
from .folds import CREASE_COLOR, creases, folded
from .projection import Projection, project_photo
from .skin_views import SHARP, SkinView, aligned, blended, shares

SIZE = 2048
QUALITY = 93
EDGE = 0.0008
"""Metres, one deviation, over which trust in the photo fades."""
PORE_CONTRAST = 0.035
"""Deviation of log reflectance that pores add where the photo resolves none."""
PORE_RESOLUTION = 6000.0
"""Pixels per metre from which a photo shows pores itself."""
PORE_DEPTH = 0.000025
"""Metres, one deviation."""
FURROW_DEPTH = 0.0009
"""Metres for one unit of log luminance of the photo's fine detail."""
BEARD_DEPTH, STUBBLE_DEPTH = 0.0018, 0.00009
"""The same for the strands of a beard, and metres, one deviation, of what the photo does not resolve of it."""
BEARD_ROUGHNESS = 0.2
"""Roughness that a beard adds to the skin's."""


@dataclass(frozen=True)
class SkinTextures:
    """What the skin's material needs."""

    color: bytes
    """JPEG, sRGB, SIZE x SIZE."""
    normal: bytes
    """JPEG, tangent space, OpenGL convention."""
    roughness: bytes
    """JPEG, grey."""
    exposure: np.ndarray
    """[3] linear colour that a white card in the middle of the face would have in the photo."""
    field: SkinField


@dataclass(frozen=True)
class _Shown:
    """What one photo shows of the skin."""

    projection: Projection
    field: SkinField
    bare: np.ndarray
    """[V] 0..1: skin that the photo's expression folds and that neither hair nor lips cover."""
    beard: np.ndarray
    """[V] 0..1."""


def skin_textures(model: HeadModel, neutral: np.ndarray, views: Sequence[SkinView]) -> SkinTextures:
    """Textures of the skin in photos of one person, for `neutral` [V, 3], the same head without expression.

    The first view is the one whose light and hair count.
    """
    atlas = build_atlas(model, "skin", SIZE)
    shown = [_shown(model, atlas, neutral, view) for view in views]
    fields = aligned([each.field for each in shown])
    field = blended(model, fields)
    base = atlas.gather(field.albedo + scalp_tint(model, fields[0], views[0].pixels, views[0].masks))

    details = np.stack(
        [
            photo_detail(atlas, each.projection, own, model.masks["narrow_face"])
            for each, own in zip(shown, fields, strict=True)
        ]
    )
    resolution = np.array([each.projection.pixels_per_metre for each in shown])
    share = shares(details[..., 3] * (resolution[:, None] / resolution.max()) ** 0.25, SHARP)
    detail, seen = mirrored(atlas, np.einsum("pn,pnc->nc", share, details))
    bare = np.einsum("pn,pn->n", share, np.stack([atlas.gather(each.bare) for each in shown]))
    beard = np.einsum("pn,pn->n", share, np.stack([atlas.gather(each.beard) for each in shown]))[:, None]
    dry = 1 - atlas.gather(wet(model))[:, None]
    detail = detail - creases(atlas, (base + detail) @ LUMINANCE, bare)[:, None] * CREASE_COLOR
    pore = pores(atlas.image(atlas.density, fill=1.0)).reshape(-1)[atlas.texels][:, None]
    resolved = np.minimum(1, resolution / PORE_RESOLUTION) @ share
    unresolved = 1 - 0.7 * resolved[:, None] * seen
    albedo = base + dry * (detail + PORE_CONTRAST * unresolved * pore) + lash_line(atlas, model)
    height = dry * (FURROW_DEPTH * _fine(atlas, detail) + PORE_DEPTH * pore)
    height = height + beard * (BEARD_DEPTH * _fine(atlas, detail) + STUBBLE_DEPTH * pore)
    return SkinTextures(
        color=encode(_padded(atlas, linear_to_srgb(np.exp(albedo)))),
        normal=encode(normal_map(atlas, height[:, 0])),
        roughness=encode(_roughness(model, atlas, pore, beard)),
        exposure=np.exp(np.average(fields[0].shading, axis=0, weights=fields[0].trust)),
        field=field,
    )


def _shown(model: HeadModel, atlas: Atlas, neutral: np.ndarray, view: SkinView) -> _Shown:
    vertices, masks = view.vertices, view.masks
    projection = project_photo(model, atlas, vertices, view.camera, view.pixels, masks)
    color, trust = vertex_means(atlas, projection, len(vertices))
    points = view.camera.project(vertices)[:, :2]
    hairy = np.clip(masks.sample("brows", points) + masks.sample("beard", points), 0, 1)
    normals = vertex_normals(vertices, skin_triangles(model))
    fold = folded(model, neutral, vertices)
    field = solve_skin(model, normals, color, trust, masks.sample("lips", points), hairy, fold)
    bare = fold * (1 - hairy) * (1 - model.masks["lips"])
    return _Shown(projection, field, bare, beard_share(model, masks, points, field.trust))


def photo_detail(atlas: Atlas, projection: Projection, field: SkinField, face: np.ndarray) -> np.ndarray:
    """Log colour that the photo adds to its low-frequency one, times the trust in it, and that trust: `[N, 4]`.

    Outside the `face` [V] there is nothing dark on skin: that is a collar, an earring or a strand of hair.
    """
    index = projection.index
    vertex_data = np.column_stack([field.albedo + field.shading, field.trust, face]).astype(np.float32)
    low = interpolate(vertex_data, atlas.corners[index], atlas.barycentric[index])
    detail = np.log(np.maximum(projection.color, DARK)) - low[:, :3]
    dark = np.clip((-detail @ LUMINANCE - 0.15) / 0.2, 0, 1)
    trust = np.zeros(len(atlas.texels), np.float32)
    trust[index] = projection.trust * np.clip(2 * low[:, 3], 0, 1) * (1 - dark * (1 - low[:, 4]))
    trust = _soft(atlas, trust)[:, None]
    image = np.zeros((len(atlas.texels), 4), np.float32)
    image[index, :3] = tame_highlights(detail, HIGHLIGHT)
    image[:, :3] *= trust
    image[:, 3:] = trust
    return image


def mirrored(atlas: Atlas, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Detail `[N, 3]` where photos show any, or else its mirror image, and the share `[N, 1]` of each texel that stems
    from either."""
    other = cv2.remap(atlas.image(image), atlas.mirror_map, None, cv2.INTER_LINEAR)
    image = image + (1 - image[:, 3:]) * other.reshape(-1, 4)[atlas.texels]
    return image[:, :3], image[:, 3:]


def _soft(atlas: Atlas, trust: np.ndarray) -> np.ndarray:
    """`trust` [N] that nowhere ends at once, as it does where a chin hides the neck."""
    image = cv2.resize(atlas.image(trust), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    deviation = EDGE * float(np.median(atlas.density)) / 2
    reach = max(1, round(2 * deviation))
    image = cv2.GaussianBlur(cv2.erode(image, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), (0, 0), deviation)
    image = cv2.resize(image, (atlas.size, atlas.size), interpolation=cv2.INTER_LINEAR)
    return np.minimum(trust, image.reshape(-1)[atlas.texels])


def normal_map(atlas: Atlas, height: np.ndarray) -> np.ndarray:
    """Tangent-space normals, `[size, size, 3]` in 0..1, of a `height` [N] in metres over the chart."""
    image = _padded(atlas, height[:, None])[..., 0]
    density = atlas.image(atlas.density)
    right = cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    up = -cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    normal = np.stack([-right * density, -up * density, np.ones_like(image)], -1)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True) * 0.5 + 0.5


def _fine(atlas: Atlas, detail: np.ndarray) -> np.ndarray:
    """The part of a detail's luminance that is as fine as wrinkles, `[N, 1]`, bounded so that hairs cut no trenches."""
    image = atlas.image(detail @ LUMINANCE)
    width = 0.002 * float(np.median(atlas.density))
    fine = cv2.GaussianBlur(image, (0, 0), 1.0) - cv2.GaussianBlur(image, (0, 0), width)
    return np.clip(fine.reshape(-1)[atlas.texels][:, None], -0.12, 0.12)


def _roughness(model: HeadModel, atlas: Atlas, pore: np.ndarray, beard: np.ndarray) -> np.ndarray:
    roughness = atlas.gather(shine(model).astype(np.float32))[:, None] - 0.02 * pore + BEARD_ROUGHNESS * beard
    return _padded(atlas, roughness)[..., 0]


def _padded(atlas: Atlas, values: np.ndarray) -> np.ndarray:
    """Values of texels `[N, C]` as an image whose other texels carry on the chart's border, so that no mip shows it."""
    image = atlas.image(values.astype(np.float32))
    weight = atlas.image(np.ones(len(values), np.float32))
    return pull_push(image, weight)


def encode(image: np.ndarray) -> bytes:
    """Encode values 0..1, `[H, W, 3]` or `[H, W]`."""
    stream = io.BytesIO()
    pixels = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()
