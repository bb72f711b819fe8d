"""What is worked out of each real portrait for training: made once, kept in the cache, a file a portrait."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from rich.progress import track

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


def _kept(folder: Path, path: Path) -> Path:
    return folder / f"{path.stem}.npz"
