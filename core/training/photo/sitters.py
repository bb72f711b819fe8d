"""What real portraits lend to synthetic ones: skins with the light taken out, the lights, and colours of hair."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...capture.albedo import SkinField
from ...capture.fit import HeadFit
from ...capture.photo import Photo
from ...capture.segmentation import Masks
from ...capture.shots import Shot
from ...capture.skin_photo import ReliefBy, photo_detail, skin_photo
from ...capture.skin_views import SkinView
from ...capture.texture import mirrored
from ...parametric.head import HeadModel
from ...rendering.atlas import Atlas, pull_push
from ...rendering.shading import srgb_to_linear
from ..portraits import HELD_OUT, portrait_paths
from .portrait_rows import FittedPortraits, portrait_rows

SIZE = 512
"""Texels across a skin's chart: the portraits resolve no more."""
LEAST_HAIR = 400
"""Pixels of the masks' crop without which the hair has no colour."""


@dataclass(frozen=True)
class Sitters:
    """S portraits, fitted and de-lit."""

    albedo: np.ndarray
    """[S, SIZE, SIZE, 3] float16 log reflectance of the skin, row 0 at v = 1, complete."""
    seen: np.ndarray
    """[S, SIZE, SIZE] uint8 0..255, how far the photo, or its mirror image, is behind a texel."""
    light: np.ndarray
    """[S, 9, 3] second-order SH in head space, for these albedos."""
    hair: np.ndarray
    """[S, 3] linear colour of the hair as photographed, over the exposure; NaN without hair."""
    beta: np.ndarray
    """[S, 100] by the fit."""

    @classmethod
    def load(cls, data: Path, cache: Path, *, held_out: bool = False) -> "Sitters":
        """The portraits of one split, from the cache after making what it lacks (about two seconds a portrait).

        Raises InputError when `data` has no portraits.
        """
        chosen = [path for i, path in enumerate(portrait_paths(data)) if (i % HELD_OUT == 0) == held_out]
        return cls(**portrait_rows(cache / "sitters", chosen, "Sitters", _Maker))

    def __len__(self) -> int:
        return len(self.albedo)


class _Maker:
    def __init__(self) -> None:
        self.portraits = FittedPortraits(SIZE)

    def __call__(self, path: Path) -> dict[str, np.ndarray]:
        """A portrait's sitter, or nothing where no face is found."""
        if (fitted := self.portraits.fit(path)) is None:
            return {}
        shot, fit = fitted
        field, albedo, seen = _skin(self.portraits.model, self.portraits.atlas, fit, shot)
        exposure = np.exp(np.average(field.shading, axis=0, weights=field.trust))
        return {
            "albedo": albedo.astype(np.float16),
            "seen": (255 * np.clip(seen, 0, 1)).astype(np.uint8),
            "light": field.light.astype(np.float32),
            "hair": _hair_color(shot.photo, shot.masks) / exposure,
            "beta": fit.beta,
        }


def _skin(model: HeadModel, atlas: Atlas, fit: HeadFit, shot: Shot) -> tuple[SkinField, np.ndarray, np.ndarray]:
    """Log albedo and the share that stems from the photo, as images of the chart; without pores or relief."""
    posed = model.vertices(fit.beta, fit.psi, fit.theta).astype(np.float32)
    view = SkinView(posed, fit.camera, shot.photo.pixels, shot.masks)
    skin = skin_photo(model, atlas, model.shaped(fit.beta).astype(np.float32), view, ReliefBy.NOTHING, "cpu")
    shown = photo_detail(atlas, skin, model.masks["narrow_face"])
    detail, seen = mirrored(atlas, shown)
    albedo = atlas.image((atlas.gather(skin.field.albedo) + detail).astype(np.float32))
    inside = atlas.image(np.ones(len(atlas.texels), np.float32))
    return skin.field, pull_push(albedo, inside), atlas.image(seen[:, 0].astype(np.float32))


def _hair_color(photo: Photo, masks: Masks) -> np.ndarray:
    chosen = masks.hair > 0.8
    if chosen.sum() < LEAST_HAIR:
        return np.full(3, np.nan, np.float32)
    return np.median(srgb_to_linear(masks.crop(photo.pixels)[chosen].astype(np.float32) / 255), axis=0)
