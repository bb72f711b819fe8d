"""What one photo tells of the skin: its low-frequency colours with the light taken out, its detail and its relief."""

from dataclasses import dataclass, replace
from enum import Enum, auto

import cv2
import numpy as np

from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas
from ..rendering.shading import vertex_normals
from .albedo import DARK, HIGHLIGHT, LUMINANCE, SkinField, skin_triangles, solve_skin, tame_highlights, vertex_means
from .beard import beard_share
from .complexion import pigment
from .fine import (
    CHART_SIZE,
    SHADE,
    Folds,
    Wrinkles,
    chart_shades,
    mesh_shades,
    open_skin,
    solve_folds,
    solve_wrinkles,
)
from .fine_doubt import doubt
from .fine_net import regress
from .folds import Lines, folded
from .projection import Projection, project_photo
from .skin_views import SkinView

EDGE = 0.0008
"""Metres, one deviation, over which trust in the photo fades."""
BLEND = 0.35
"""Share of the coarse albedo, which has the relief's shade in it, in the final one (Jiang et al., 2018, there beta)."""

BLOWN_OUT = 0.15
"""Linear colour below the sensor's limit in which trust in a photo fades, by the middle one of the channels."""


class ReliefBy(Enum):
    """What makes relief of a photo's fine shades."""

    NOTHING = auto()
    NETWORK = auto()
    """FineNet, at once."""
    SOLVER = auto()
    """Fine inverse rendering."""


@dataclass(frozen=True)
class SkinPhoto:
    """A photo on the chart."""

    projection: Projection
    field: SkinField
    """Its shading has the folds' in it, as far as these are believed."""
    detail: np.ndarray
    """[M, 3] log colours at the projection's texels beyond the field and the wrinkles, as far as these are believed."""
    fold: np.ndarray
    """[V] 0..1: how the photo's expression folds the skin."""
    bare: np.ndarray
    """[V] 0..1: skin that neither hair nor lips cover."""
    beard: np.ndarray
    """[V] 0..1."""
    folds: Folds | None
    wrinkles: Wrinkles | None
    """None where there are no folds."""
    lines: Lines
    """On the skin that the expression leaves alone."""
    doubt: str | None
    """Why no relief can be told: a sentence."""

    def lasting(self, share: float) -> np.ndarray:
        """[V] what stays without the expression, if a `share` of that stays which it has folded for certain."""
        return 1 - (1 - share) * self.fold


def skin_photo(
    model: HeadModel, atlas: Atlas, neutral: np.ndarray, view: SkinView, relief: ReliefBy, device: str
) -> SkinPhoto:
    """Solve for the colours of the skin in a photo and for its `relief`, on the torch `device`."""
    shown = project_photo(model, atlas, view.vertices, view.camera, view.pixels, view.masks)
    wanted = relief is not ReliefBy.NOTHING and view.sharp
    points = view.camera.project(view.vertices)[:, :2]
    hairy = np.clip(view.masks.sample("brows", points) + view.masks.sample("beard", points), 0, 1)
    color, trust = vertex_means(atlas, shown)
    problem = doubt(model, color, trust * (1 - hairy), shown) if wanted else None
    projection = _believed(model, atlas, shown)
    skin = _Skin(
        model,
        vertex_normals(view.vertices, skin_triangles(model)),
        *vertex_means(atlas, projection),
        lips=view.masks.sample("lips", points),
        hairy=hairy,
        fold=folded(model, neutral, view.vertices),
    )
    field = skin.field()
    detail = _detail(atlas, projection, field)
    bare = (1 - hairy) * (1 - model.masks["lips"])
    lines = _lines(atlas, projection, field, detail, bare * (1 - skin.fold) * open_skin(model))
    folds = wrinkles = None
    if wanted and not problem:
        shades = mesh_shades(model, view.vertices, skin.color, skin.trust * (1 - hairy), field)
        if relief is ReliefBy.SOLVER:
            folds = solve_folds(model, view.vertices, shades, device)
        else:
            folds, wrinkles = regress(model, atlas, view.vertices, skin.normals, shades, projection, detail, device)
        field = skin.field((1 - BLEND) * folds.shade[:, None] * SHADE)
        detail = _detail(atlas, projection, field)
        if wrinkles is None:
            fine = chart_shades(atlas, shades.sight, projection, detail, CHART_SIZE)
            wrinkles = solve_wrinkles(atlas, view.vertices, skin.normals, shades.light, fine, device)
        detail = detail - (1 - BLEND) * wrinkles.shade[projection.index, None] * SHADE
    beard = beard_share(model, view.masks, points, field.trust)
    return SkinPhoto(projection, field, detail, skin.fold, bare, beard, folds, wrinkles, lines, problem)


@dataclass(frozen=True)
class _Skin:
    """What a photo shows of the skin at the vertices."""

    model: HeadModel
    normals: np.ndarray
    """[V, 3] of the head as posed."""
    color: np.ndarray
    """[V, 3] logarithms."""
    trust: np.ndarray
    """[V] 0..1."""
    lips: np.ndarray
    """[V] 0..1."""
    hairy: np.ndarray
    """[V] 0..1."""
    fold: np.ndarray
    """[V] 0..1: how the photo's expression folds it."""

    def field(self, shade: np.ndarray | float = 0.0) -> SkinField:
        """The low-frequency field, its shading with the `shade` [V, 3] of relief in it."""
        color = self.color - shade
        field = solve_skin(self.model, self.normals, color, self.trust, self.lips, self.hairy, self.fold)
        return replace(field, shading=field.shading + shade)


def photo_detail(atlas: Atlas, photo: SkinPhoto, face: np.ndarray) -> np.ndarray:
    """Log colour that the photo adds to its low-frequency field, times the trust in it, and that trust: `[N, 4]`.

    Outside the `face` [V] there is nothing dark on skin: that is a collar, an earring or a strand of hair.
    """
    index, detail = photo.projection.index, photo.detail
    believed, facial = (atlas.interpolation[index] @ np.stack([photo.field.trust, face], 1).astype(np.float32)).T
    dark = np.clip((-detail @ LUMINANCE - 0.15) / 0.2, 0, 1)
    trust = np.zeros(len(atlas.texels), np.float32)
    trust[index] = photo.projection.trust * np.clip(2 * believed, 0, 1) * (1 - dark * (1 - facial))
    trust = _soft(atlas, trust)[:, None]
    image = np.zeros((len(atlas.texels), 4), np.float32)
    image[index, :3] = tame_highlights(detail, HIGHLIGHT)
    image[:, :3] *= trust
    image[:, 3:] = trust
    return image


def _detail(atlas: Atlas, projection: Projection, field: SkinField) -> np.ndarray:
    """[M, 3] log colours that the photo shows beyond the `field`."""
    low = atlas.interpolation[projection.index] @ (field.albedo + field.shading).astype(np.float32)
    return np.log(np.maximum(projection.color, DARK)) - low


def _lines(atlas: Atlas, projection: Projection, field: SkinField, detail: np.ndarray, still: np.ndarray) -> Lines:
    """Those of the `field` and the photo's `detail` [M, 3] on skin that is `still` [V]."""
    index = projection.index
    luminance, seen = np.zeros((2, len(atlas.texels)), np.float32)
    luminance[index] = (atlas.interpolation[index] @ field.albedo.astype(np.float32) + detail) @ LUMINANCE
    seen[index] = projection.trust * (atlas.interpolation[index] @ still.astype(np.float32))
    return Lines.of(atlas, luminance, seen)


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
