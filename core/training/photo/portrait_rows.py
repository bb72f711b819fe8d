"""What is worked out of each real portrait for training: made once, kept in the cache, a file a portrait."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from rich.progress import track

from ...capture.embedding import LandmarkEmbedding
from ...capture.fit import HeadFit, fit_shots, head_fit
from ...capture.shots import Shot, take_shots
from ...capture.skin_tone import SkinTone
from ...errors import InputError
from ...parametric.head import HeadModel
from ...rendering.atlas import build_atlas

Make = Callable[[Path], Mapping[str, np.ndarray]]
"""From a portrait's path to its row of arrays by name; empty where the portrait is of no use."""


def portrait_rows(folder: Path, paths: list[Path], title: str, maker: Callable[[], Make]) -> dict[str, np.ndarray]:
    """The rows of the portraits at `paths` that are of use, stacked by name; `maker` is called when `folder` lacks one.

    What is interrupted goes on where it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [path for path in paths if not _kept(folder, path).is_file()]
    if missing:
        make = maker()
        for path in track(missing, title):
            unfinished = _kept(folder, path).with_suffix(".part.npz")
            np.savez(unfinished, **make(path))
            unfinished.replace(_kept(folder, path))
    rows = [row for row in (dict(np.load(_kept(folder, path))) for path in paths) if row]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


class FittedPortraits:
    """What most of what is worked out of portraits begins with: the head by capture's fit, and the skin's chart."""

    def __init__(self, size: int) -> None:
        """`size`: texels across the chart."""
        self.model = HeadModel.load()
        self.atlas = build_atlas(self.model, "skin", size)
        self._embedding, self._tone = LandmarkEmbedding.load(self.model), SkinTone.load(self.model)

    def fit(self, path: Path) -> tuple[Shot, HeadFit] | None:
        """None where no face is found."""
        try:
            (shot,), _ = take_shots([path])
        except InputError:
            return None
        return shot, head_fit(self.model, shot, fit_shots(self.model, self._embedding, self._tone, [shot])[0])


def _kept(folder: Path, path: Path) -> Path:
    return folder / f"{path.stem}.npz"
