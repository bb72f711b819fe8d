"""What one photo tells of the skin: its low-frequency colours with the light taken out, its detail and its relief."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas
from ..rendering.shading import vertex_normals
from .albedo import DARK, HIGHLIGHT, LUMINANCE, SkinField, skin_triangles, solve_skin, tame_highlights, vertex_means
from .beard import beard_share
from .complexion import pigment
from .fine import SHADE, Folds, Wrinkles, lasting, solve_folds, solve_wrinkles
from .fine_doubt import doubt
from .folds import folded
from .projection import Projection, project_photo
from .skin_views import SkinView

EDGE = 0.0008
"""Metres, one deviation, over which trust in the photo fades."""
BLEND = 0.35
"""Share of the coarse albedo, which has the relief's shade in it, in the final one (Jiang et al., 2018, there beta)."""

BLOWN_OUT = 0.15
"""Linear colour below the sensor's limit in which trust in a photo fades, by the middle one of the channels."""


@dataclass(frozen=True)
class SkinPhoto:
    """A photo on the chart."""

    projection: Projection
    field: SkinField
    """Its shading has the folds' in it, as far as these are believed."""
    normals: np.ndarray
    """[V, 3] of the head as posed."""
    fold: np.ndarray
    """[V] 0..1: how the photo's expression folds the skin."""
    bare: np.ndarray
    """[V] 0..1: skin that it folds and that neither hair nor lips cover."""
    beard: np.ndarray
    """[V] 0..1."""
    folds: Folds | None
    doubt: str | None
    """Why no relief can be told: a sentence."""


def skin_photo(
    model: HeadModel, atlas: Atlas, neutral: np.ndarray, view: SkinView, refine: bool, device: str
) -> SkinPhoto:
    """Solve for the colours of the skin in a photo and, with `refine`, for its folds on the torch `device`."""
    vertices, masks = view.vertices, view.masks
    projection = project_photo(model, atlas, vertices, view.camera, view.pixels, masks)
    color, trust = vertex_means(atlas, projection)
    points = view.camera.project(vertices)[:, :2]
    hairy = np.clip(masks.sample("brows", points) + masks.sample("beard", points), 0, 1)
    normals = vertex_normals(vertices, skin_triangles(model))
    fold, lips = folded(model, neutral, vertices), masks.sample("lips", points)
    refine = refine and view.sharp
    problem = doubt(model, color, trust * (1 - hairy), projection) if refine else None
    projection = _believed(model, atlas, projection)
    color, trust = vertex_means(atlas, projection)
    field = solve_skin(model, normals, color, trust, lips, hairy, fold)
    folds = None
    if refine and not problem:
        folds = solve_folds(model, vertices, color, trust * (1 - hairy), field, device)
        shade = (1 - BLEND) * folds.shade[:, None] * SHADE
        field = solve_skin(model, normals, color - shade, trust, lips, hairy, fold)
        field = replace(field, shading=field.shading + shade)
    bare = fold * (1 - hairy) * (1 - model.masks["lips"])
    beard = beard_share(model, masks, points, field.trust)
    return SkinPhoto(projection, field, normals, fold, bare, beard, folds, problem)


def photo_detail(
    atlas: Atlas, photo: SkinPhoto, field: SkinField, view: SkinView, face: np.ndarray, device: str
) -> tuple[np.ndarray, Wrinkles | None]:
    """Log colour that the photo adds to the low-frequency `field`, times the trust in it, and that trust: `[N, 4]`; and
    the wrinkles that are taken out of it.

    Outside the `face` [V] there is nothing dark on skin: that is a collar, an earring or a strand of hair.
    """
    index = photo.projection.index
    vertex_data = np.column_stack([field.albedo + field.shading, field.trust, face]).astype(np.float32)
    low = atlas.interpolation[index] @ vertex_data
    detail = np.log(np.maximum(photo.projection.color, DARK)) - low[:, :3]
    dark = np.clip((-detail @ LUMINANCE - 0.15) / 0.2, 0, 1)
    wrinkles = None
    if photo.folds:
        wrinkles = solve_wrinkles(atlas, view.vertices, photo.normals, photo.folds, photo.projection, detail, device)
        wrinkles = replace(wrinkles, height=wrinkles.height * lasting(atlas.gather(photo.fold)))
        detail = detail - (1 - BLEND) * wrinkles.shade[index, None] * SHADE
    trust = np.zeros(len(atlas.texels), np.float32)
    trust[index] = photo.projection.trust * np.clip(2 * low[:, 3], 0, 1) * (1 - dark * (1 - low[:, 4]))
    trust = _soft(atlas, trust)[:, None]
    image = np.zeros((len(atlas.texels), 4), np.float32)
    image[index, :3] = tame_highlights(detail, HIGHLIGHT)
    image[:, :3] *= trust
    image[:, 3:] = trust
    return image, wrinkles


def _believed(model: HeadModel, atlas: Atlas, projection: Projection) -> Projection:
    """The projection with little trust in what is blown out, and there, or all over if it is black-and-white, with the
    hues of usual lips and cheeks: they would be as pale as the rest."""
    blown = 1 - np.clip((1 - np.median(projection.color, axis=1)) / BLOWN_OUT, 0, 1)
    grey = np.ptp(projection.color, axis=1).max() < 1e-4
    layout = pigment(model)
    hue = atlas.gather((layout - (layout @ LUMINANCE)[:, None]).astype(np.float32))[projection.index]
    color = projection.color * np.exp(np.maximum(blown, grey)[:, None] * hue)
    trust = projection.trust * (1 - 0.98 * blown)
    return replace(projection, color=color.astype(np.float32), trust=trust.astype(np.float32))


def _soft(atlas: Atlas, trust: np.ndarray) -> np.ndarray:
    """`trust` [N] that nowhere ends at once, as it does where a chin hides the neck."""
    image = cv2.resize(atlas.image(trust), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    deviation = EDGE * float(np.median(atlas.density)) / 2
    reach = max(1, round(2 * deviation))
    image = cv2.GaussianBlur(cv2.erode(image, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), (0, 0), deviation)
    image = cv2.resize(image, (atlas.size, atlas.size), interpolation=cv2.INTER_LINEAR)
    return np.minimum(trust, image.reshape(-1)[atlas.texels])
