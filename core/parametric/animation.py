"""Reads an animation from any file that Likeness knows."""

from pathlib import Path

from ..errors import InputError
from .clip import Clip
from .demo_clip import demo_clip
from .live_link import read_live_link

__all__ = ["Clip", "demo_clip", "read_clip"]


def read_clip(path: Path | str) -> Clip:
    """Read an ARKit CSV file or a sequence of FLAME parameters (one file, or a folder with one file a frame).

    Raises InputError, in one sentence, for what cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no file {path.name}.")
    if path.suffix.lower() == ".csv":
        return read_live_link(path)
    raise InputError(f"{path.name} is not an animation that Likeness reads.")
