"""The skin's textures: the photos' detail on the solved low-frequency albedo, its mirror image and pores elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..errors import UsageError
from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas, build_atlas, pull_push
from ..rendering.image_files import encode
from ..rendering.shading import linear_to_srgb
from .albedo import LUMINANCE, SkinField, scalp_tint
from .complexion import lash_line, pores, shine, wet
from .fine import Folds, Wrinkles
from .folds import CREASE_COLOR, creases, lasting
from .skin_photo import ReliefBy, SkinPhoto, photo_detail, skin_photo
from .skin_views import SHARP, SkinView, aligned, blended, shares

SIZE, SIZES = 2048, (512, 1024, 2048, 4096)
"""Texels along a side of the maps, and those that can be asked for."""
PORE_CONTRAST = 0.035
"""Deviation of log reflectance that pores add where the photo resolves none."""
PORE_RESOLUTION = 6000.0
"""Pixels per metre from which a photo shows pores itself."""
PORE_DEPTH = 0.000025
"""Metres, one deviation."""
BEARD_DEPTH, STUBBLE_DEPTH = 0.0018, 0.00009
"""Metres for one unit of log luminance of a beard's strands; metres, one deviation, of what the photo does not resolve
of it."""
BEARD_ROUGHNESS = 0.2
"""Roughness that a beard adds to the skin's."""


@dataclass(frozen=True)
class SkinOptions:
    """How to make the skin's textures. Raises UsageError for a size that is none of `SIZES`."""

    size: int = SIZE
    """Texels along a side."""
    relief: ReliefBy = ReliefBy.SOLVER
    """What makes relief of the photos' fine shades, as far as they are fit for that."""
    device: str = "cpu"
    """Torch device on which it does so."""

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise UsageError(f"Maps are {', '.join(map(str, SIZES))} texels wide, not {self.size}.")


@dataclass(frozen=True)
class Relief:
    """What the photos' fine shades tell of a head."""

    folds: Folds
    """As the first photo that is fit for it shows them, like the wrinkles."""
    wrinkles: Wrinkles
    offset: np.ndarray
    """[V, 3] metres by which the neutral head has the folds: the mean over photos, as far as each sees them."""


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
    """[3] linear colour that a white card in the middle of the face would have in the first photo."""
    field: SkinField
    relief: Relief | None
    """None where that was not asked or no photo tells."""
    doubts: list[str]
    """Why photos do not tell: sentences."""


def skin_textures(
    model: HeadModel, neutral: np.ndarray, views: Sequence[SkinView], options: SkinOptions = SkinOptions()
) -> SkinTextures:
    """Textures of the skin in photos of one person, for `neutral` [V, 3], the same head without expression.

    The first view is the one whose light and hair count.
    """
    atlas = build_atlas(model, "skin", options.size)
    photos = [skin_photo(model, atlas, neutral, view, options.relief, options.device) for view in views]
    fields = aligned([photo.field for photo in photos])
    field = blended(model, fields)
    base = atlas.gather(field.albedo + scalp_tint(model, fields[0], views[0].pixels, views[0].masks))

    face = model.masks["narrow_face"]
    details = np.stack([photo_detail(atlas, photo, face) for photo in photos])
    kept = lasting([photo.lines for photo in photos])
    resolution = np.array([photo.projection.pixels_per_metre for photo in photos])
    share = shares(details[..., 3] * (resolution[:, None] / resolution.max()) ** 0.25, SHARP)
    detail, seen = mirrored(atlas, np.einsum("pn,pnc->nc", share, details))
    gone = [photo.bare * (1 - photo.lasting(kept)) for photo in photos]
    faded, beard = (_shared(atlas, share, values) for values in (gone, [photo.beard for photo in photos]))
    dry = 1 - atlas.gather(wet(model))
    crease = faded * creases(atlas, (base + detail) @ LUMINANCE, faded)
    detail = detail - crease[:, None] * CREASE_COLOR
    pore = pores(atlas.image(atlas.density, fill=1.0)).reshape(-1)[atlas.texels]
    resolved = np.minimum(1, resolution / PORE_RESOLUTION) @ share
    unresolved = 1 - 0.7 * resolved * seen[:, 0]
    own = dry[:, None] * (detail + (PORE_CONTRAST * unresolved * pore)[:, None])
    albedo = base + own + lash_line(atlas, model)
    lines = [s * _lasting_wrinkles(atlas, photo, kept) for s, photo in zip(share, photos, strict=True)]
    height = dry * (np.sum(lines, 0) + PORE_DEPTH * pore)
    height = height + beard * (BEARD_DEPTH * _fine(atlas, detail) + STUBBLE_DEPTH * pore)
    return SkinTextures(
        color=encode(_padded(atlas, linear_to_srgb(np.exp(albedo)))),
        normal=encode(normal_map(atlas, height)),
        roughness=encode(_roughness(model, atlas, pore, beard)),
        exposure=np.exp(np.average(fields[0].shading, axis=0, weights=fields[0].trust)),
        field=field,
        relief=_relief(model, neutral, photos, kept),
        doubts=[photo.doubt for photo in photos if photo.doubt],
    )


def _shared(atlas: Atlas, share: np.ndarray, values: Sequence[np.ndarray]) -> np.ndarray:
    """The `values` [V] of each photo at the texels, `[N]`, as photos share these, `share` [P, N]."""
    return np.einsum("pn,pn->n", share, np.stack([atlas.gather(each) for each in values]))


def _lasting_wrinkles(atlas: Atlas, photo: SkinPhoto, kept: float) -> np.ndarray:
    """[N] metres that the neutral head has of a photo's wrinkles, if it has a share `kept` of what is folded."""
    if photo.wrinkles is None:
        return np.zeros(len(atlas.texels), np.float32)
    return photo.wrinkles.height * atlas.gather(photo.lasting(kept))


def _relief(model: HeadModel, neutral: np.ndarray, photos: Sequence[SkinPhoto], kept: float) -> Relief | None:
    found = [(p.folds, p.lasting(kept), p.wrinkles) for p in photos if p.folds and p.wrinkles]
    if not found:
        return None
    sight = np.stack([folds.sight for folds, _, _ in found]) + 1e-3
    offsets = np.stack([folds.offset(model, neutral, share) for folds, share, _ in found])
    offset = np.einsum("pv,pvc->vc", sight / sight.sum(0), offsets).astype(np.float32)
    return Relief(found[0][0], found[0][2], offset)


def mirrored(atlas: Atlas, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Detail `[N, 3]` where photos show any, or else its mirror image, and the share `[N, 1]` of each texel that stems
    from either."""
    other = cv2.remap(atlas.image(image), atlas.mirror_map, None, cv2.INTER_LINEAR)
    image = image + (1 - image[:, 3:]) * other.reshape(-1, 4)[atlas.texels]
    return image[:, :3], image[:, 3:]


def normal_map(atlas: Atlas, height: np.ndarray) -> np.ndarray:
    """Tangent-space normals, `[size, size, 3]` in 0..1, of a `height` [N] in metres over the chart."""
    image = _padded(atlas, height[:, None])[..., 0]
    density = atlas.image(atlas.density)
    left = -density * cv2.Sobel(image, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = density * cv2.Sobel(image, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    half = 0.5 / np.sqrt(left * left + down * down + 1)
    return cv2.merge([half * left, half * down, half]) + 0.5


def _fine(atlas: Atlas, detail: np.ndarray) -> np.ndarray:
    """The part of a detail's luminance that is as fine as strands, `[N]`, bounded so that they cut no trenches."""
    image = atlas.image(detail @ LUMINANCE)
    width = 0.002 * float(np.median(atlas.density))
    fine = cv2.GaussianBlur(image, (0, 0), 1.0) - cv2.GaussianBlur(image, (0, 0), width)
    return np.clip(fine.reshape(-1)[atlas.texels], -0.12, 0.12)


def _roughness(model: HeadModel, atlas: Atlas, pore: np.ndarray, beard: np.ndarray) -> np.ndarray:
    roughness = atlas.gather(shine(model).astype(np.float32)) - 0.02 * pore + BEARD_ROUGHNESS * beard
    return _padded(atlas, roughness[:, None])[..., 0]


def _padded(atlas: Atlas, values: np.ndarray) -> np.ndarray:
    """Values of texels `[N, C]` as an image whose other texels carry on the chart's border, so that no mip shows it."""
    image = atlas.image(values.astype(np.float32))
    weight = atlas.image(np.ones(len(values), np.float32))
    return pull_push(image, weight)
