"""The trained weights: where they lie, and that they are what their recipe wrote.

Every `weights/<name>.safetensors` has a card `weights/<name>.json` beside it, which says what the weights are trained
on and by which recipe, how good they are, under which licence, and their SHA-256.
"""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from .errors import EngineError

FOLDER = Path(__file__).parents[1] / "weights"


def card(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The card of the weights `name`. Raises EngineError when it is missing or damaged."""
    try:
        content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        content["sha256"]
    except OSError as error:
        raise EngineError(f"The weights card {name}.json is missing; reinstall Likeness.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(f"The weights card {name}.json is damaged; reinstall Likeness.") from error
    return content


@functools.cache
def weights_path(name: str, folder: Path = FOLDER) -> Path:
    """The file of the weights `name`, after its SHA-256 has been compared with its card's (once a process).

    Raises EngineError when the file or its card is missing or the two do not agree.
    """
    path = folder / f"{name}.safetensors"
    expected = card(name, folder)["sha256"]
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EngineError(f"The weights file {path.name} is missing; reinstall Likeness.") from error
    if found != expected:
        raise EngineError(f"The weights file {path.name} is damaged; reinstall Likeness.")
    return path
