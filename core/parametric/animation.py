"""Reads an animation from any file that Likeness knows."""

from dataclasses import replace
from pathlib import Path

from ..errors import InputError
from .clip import Clip
from .demo_clip import demo_clip
from .flame_sequences import SUFFIXES as FLAME_SUFFIXES
from .flame_sequences import read_flame_sequence
from .live_link import read_live_link

__all__ = ["SUFFIXES", "Clip", "demo_clip", "read_clip"]

SUFFIXES = (".csv", *FLAME_SUFFIXES)
"""What a file browser should show."""


def read_clip(path: Path | str, fps: float | None = None) -> Clip:
    """Read an ARKit CSV file or a sequence of FLAME parameters (one file, or a folder with one file a frame).

    `fps` overrides what the file says. The Clip may be in FLAME's terms: `retarget` makes it drive our head.
    Raises InputError, in one sentence, for what cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"There is no file {path.name}.")
    if path.suffix.lower() == ".csv" and path.is_file():
        clip = read_live_link(path)
        return clip if fps is None else replace(clip, fps=fps)
    return read_flame_sequence(path, fps)
