"""What fine inverse rendering finds on real portraits: relief, and the shades that it was found from."""

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...capture.albedo import skin_triangles
from ...capture.skin_photo import ReliefBy, skin_photo
from ...capture.skin_views import SkinView
from ...rendering.shading import vertex_normals
from ..portraits import HELD_OUT, portrait_paths
from .portrait_rows import FittedPortraits, portrait_rows

SIZE = 512
"""Texels across a skin's chart, about 1.2 mm each: the portraits resolve little more."""
PORTRAITS = 92, 24
"""Looked at, any of the training portraits and of those held out: they take their time."""


@dataclass(frozen=True)
class Reliefs:
    """R portraits on which relief was found, over the V vertices of the head and the N texels of its skin's chart.

    Heights are millimetres as posed in the photo, shades are logarithms, sights 0..1.
    """

    points: np.ndarray
    """[R, V, 3] float32 metres, the head as posed."""
    normals: np.ndarray
    """[R, V, 3] float32."""
    light: np.ndarray
    """[R, 9] float32 second-order SH of the luminance in head space."""
    folds: np.ndarray
    """[R, V] float16 height of the mesh."""
    folds_shown: np.ndarray
    """[R, V] float16 log shade that the photo shows there."""
    folds_sight: np.ndarray
    """[R, V] float16."""
    wrinkles: np.ndarray
    """[R, N] float16 height of the chart, the other side's where the photo does not see."""
    wrinkles_shown: np.ndarray
    """[R, N] float16."""
    wrinkles_sight: np.ndarray
    """[R, N] float16."""

    @classmethod
    def load(cls, data: Path, cache: Path, *, held_out: bool = False) -> "Reliefs":
        """Of `PORTRAITS` of one split, from the cache after making what it lacks (about three seconds a portrait).

        Raises InputError when `data` has no portraits.
        """
        paths = portrait_paths(data)
        order = list(range(len(paths)))
        random.Random(0).shuffle(order)
        chosen = [paths[i] for i in order if (i % HELD_OUT == 0) == held_out][: PORTRAITS[held_out]]
        return cls(**portrait_rows(cache / "posed_reliefs", chosen, "Reliefs", _Maker))

    def __len__(self) -> int:
        return len(self.light)


class _Maker:
    def __init__(self) -> None:
        self.portraits = FittedPortraits(SIZE)

    def __call__(self, path: Path) -> dict[str, np.ndarray]:
        """By `Reliefs`' fields; nothing where no face is found, or nothing fit for relief."""
        model = self.portraits.model
        if (fitted := self.portraits.fit(path)) is None:
            return {}
        shot, fit = fitted
        posed = model.vertices(fit.beta, fit.psi, fit.theta).astype(np.float32)
        view = SkinView(posed, fit.camera, shot.photo.pixels, shot.masks)
        neutral = model.shaped(fit.beta).astype(np.float32)
        skin = skin_photo(model, self.portraits.atlas, neutral, view, ReliefBy.SOLVER, "cpu")
        if skin.folds is None or skin.wrinkles is None:
            return {}
        half = {
            "folds": 1000 * skin.folds.height,
            "folds_shown": skin.folds.shown,
            "folds_sight": skin.folds.sight,
            "wrinkles": 1000 * skin.wrinkles.height,
            "wrinkles_shown": skin.wrinkles.shown,
            "wrinkles_sight": skin.wrinkles.sight,
        }
        full = {"points": posed, "normals": vertex_normals(posed, skin_triangles(model)), "light": skin.folds.light}
        return {
            **{name: value.astype(np.float16) for name, value in half.items()},
            **{name: value.astype(np.float32) for name, value in full.items()},
        }
