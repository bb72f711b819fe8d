"""The skin's textures: the photo's detail on the solved low-frequency albedo, its mirror image and pores elsewhere."""

import io
from dataclasses import dataclass, replace

import cv2
import numpy as np
from PIL import Image

from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas, build_atlas, pull_push
from ..rendering.camera import Camera
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
from .complexion import lash_line, pores, shine, wet
from .fine import SHADE, Relief, lasting, solve_folds, solve_wrinkles
from .fine_doubt import doubt
from .folds import CREASE_COLOR, creases, folded
from .projection import Projection, project_photo
from .segmentation import Masks

SIZE, SIZES = 2048, (1024, 2048, 4096)
"""Texels along a side of the maps, and those that can be asked for."""
QUALITY = 93
EDGE = 0.0008
"""Metres, one deviation, over which trust in the photo fades."""
PORE_CONTRAST = 0.035
"""Deviation of log reflectance that pores add where the photo resolves none."""
PORE_RESOLUTION = 6000.0
"""Pixels per metre from which a photo shows pores itself."""
PORE_DEPTH = 0.000025
"""Metres, one deviation."""
BLEND = 0.35
"""Share of the coarse albedo, which has the relief's shade in it, in the final one (Jiang et al., 2018, there beta)."""


@dataclass(frozen=True)
class SkinTextures:
    """What the skin's material needs."""

    color: bytes
    """JPEG, sRGB, size x size."""
    normal: bytes
    """JPEG, tangent space, OpenGL convention."""
    roughness: bytes
    """JPEG, grey."""
    exposure: np.ndarray
    """[3] linear colour that a white card in the middle of the face would have in the photo."""
    field: SkinField
    relief: Relief | None
    """What the photo's fine shades tell; None where that was not asked or cannot be told."""
    doubt: str | None
    """Why it cannot: a sentence."""


def skin_textures(
    model: HeadModel,
    neutral: np.ndarray,
    vertices: np.ndarray,
    camera: Camera,
    pixels: np.ndarray,
    masks: Masks,
    *,
    size: int = SIZE,
    refine: bool = True,
    device: str = "cpu",
) -> SkinTextures:
    """Textures of the skin of `vertices` [V, 3], posed as in the photo `pixels` uint8 [H, W, 3] that `camera` took.

    `neutral` [V, 3] is the same head without expression: the textures are for it. They are `size` texels wide; with
    `refine` the photo's fine shades become relief, on the torch `device`, as far as it is fit for that.
    """
    atlas = build_atlas(model, "skin", size)
    projection = project_photo(model, atlas, vertices, camera, pixels, masks)
    color, trust = vertex_means(atlas, projection, len(vertices))
    points = camera.project(vertices)[:, :2]
    hairy = np.clip(masks.sample("brows", points) + masks.sample("beard", points), 0, 1)
    normals = vertex_normals(vertices, skin_triangles(model))
    fold = folded(model, neutral, vertices)
    lips = masks.sample("lips", points)
    field = solve_skin(model, normals, color, trust, lips, hairy, fold)
    problem = doubt(model, color, trust * (1 - hairy), projection) if refine else None
    folds = relief = None
    if refine and not problem:
        folds = solve_folds(model, vertices, color, trust * (1 - hairy), field, device)
        shade = (1 - BLEND) * folds.shade[:, None] * SHADE
        field = solve_skin(model, normals, color - shade, trust, lips, hairy, fold)
        field = replace(field, shading=field.shading + shade)

    base = atlas.gather(field.albedo + scalp_tint(model, field, pixels, masks))
    detail, trusted = photo_detail(atlas, projection, field, model.masks["narrow_face"])
    height = np.zeros(len(atlas.texels), np.float32)
    if folds:
        wrinkles = solve_wrinkles(atlas, vertices, normals, folds, projection, detail, device)
        height = wrinkles.height * lasting(atlas.gather(fold))
        relief = Relief(folds, wrinkles, folds.offset(model, neutral, fold))
        detail = detail - (1 - BLEND) * wrinkles.shade[projection.index, None] * SHADE
    detail, seen = completed(atlas, projection.index, detail, trusted)
    dry = 1 - atlas.gather(wet(model))[:, None]
    bare = fold * (1 - hairy) * (1 - model.masks["lips"])
    detail = detail - creases(atlas, (base + detail) @ LUMINANCE, atlas.gather(bare))[:, None] * CREASE_COLOR
    pore = pores(atlas.image(atlas.density, fill=1.0)).reshape(-1)[atlas.texels][:, None]
    unresolved = 1 - 0.7 * min(1.0, projection.pixels_per_metre / PORE_RESOLUTION) * seen
    albedo = base + dry * (detail + PORE_CONTRAST * unresolved * pore) + lash_line(atlas, model)
    height = dry * (height[:, None] + PORE_DEPTH * pore)
    return SkinTextures(
        color=encode(_padded(atlas, linear_to_srgb(np.exp(albedo)))),
        normal=encode(normal_map(atlas, height[:, 0])),
        roughness=encode(_roughness(model, atlas, pore)),
        exposure=np.exp(np.average(field.shading, axis=0, weights=field.trust)),
        field=field,
        relief=relief,
        doubt=problem,
    )


def photo_detail(
    atlas: Atlas, projection: Projection, field: SkinField, face: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log colour `[M, 3]` that the photo adds to the low-frequency albedo and shading at the projection's texels, and
    trust `[M]` in it.

    Outside the `face` [V] there is nothing dark on skin: that is a collar, an earring or a strand of hair.
    """
    index = projection.index
    vertex_data = np.column_stack([field.albedo + field.shading, field.trust, face]).astype(np.float32)
    low = interpolate(vertex_data, atlas.corners[index], atlas.barycentric[index])
    detail = np.log(np.maximum(projection.color, DARK)) - low[:, :3]
    dark = np.clip((-detail @ LUMINANCE - 0.15) / 0.2, 0, 1)
    trust = np.zeros(len(atlas.texels), np.float32)
    trust[index] = projection.trust * np.clip(2 * low[:, 3], 0, 1) * (1 - dark * (1 - low[:, 4]))
    return detail, _soft(atlas, trust)[index]


def completed(atlas: Atlas, index: np.ndarray, detail: np.ndarray, trust: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log colours `detail` [M, 3] of the texels `index`, or else their mirror image, over the chart: `[N, 3]`, and
    the share `[N, 1]` of each texel that stems from either."""
    image = np.zeros((len(atlas.texels), 4), np.float32)
    image[index, :3] = tame_highlights(detail, HIGHLIGHT) * trust[:, None]
    image[index, 3] = trust
    mirrored = cv2.remap(atlas.image(image), atlas.mirror_map, None, cv2.INTER_LINEAR)
    mirrored = mirrored.reshape(-1, 4)[atlas.texels]
    image += (1 - image[:, 3:]) * mirrored
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


def _roughness(model: HeadModel, atlas: Atlas, pore: np.ndarray) -> np.ndarray:
    roughness = atlas.gather(shine(model).astype(np.float32))[:, None] - 0.02 * pore
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
