"""A head as it is given: the file of one that was made before, or a photo to make it of."""

from pathlib import Path
from typing import Any

from ..avatar import Avatar
from ..errors import InputError
from .pipeline import CaptureOptions, capture_head
from .stages import Progress

SUFFIX = ".npz"
"""Of avatar files."""


def given_head(
    path: Path, *, device: str = "cpu", progress: Progress = lambda *_: None
) -> tuple[Avatar, dict[str, Any]]:
    """The head in the avatar file or photo `path`, and of a photo the report. Raises InputError."""
    if path.suffix.lower() != SUFFIX:
        return capture_head([path], options=CaptureOptions(device=device), progress=progress)
    if not path.is_file():
        raise InputError(f"There is no file {path.name}.")
    return Avatar.load(path), {}
