"""All or nothing: what a command makes appears in its place when all of it is made."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError


@contextlib.contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A temporary folder whose files are moved into `out` when the block ends well, and vanish when it does not.

    Other files in `out` stay. Raises InputError when `out` cannot be written; an OSError of the block counts as that.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder with --out.")
    beside = next(folder for folder in (out, *out.absolute().parents) if folder.is_dir())
    try:
        with tempfile.TemporaryDirectory(prefix=".likeness-", dir=beside) as name:
            folder = Path(name)
            yield folder
            out.mkdir(parents=True, exist_ok=True)
            for file in sorted(folder.iterdir()):
                os.replace(file, out / file.name)
    except OSError as error:
        raise InputError(
            f"Cannot write into {out} ({error.strerror or error}); choose another folder with --out."
        ) from error
