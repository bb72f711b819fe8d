"""What the engine can do: one function a method. Heavy imports stay inside, so that the handshake is quick."""

import platform
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import EngineError
from ..version import VERSION
from . import devices
from .protocol import PROTOCOL
from .worker import Method, Progress

METHODS: dict[str, Method] = {}
_NEEDED = ("torch", "mediapipe", "scipy", "skimage", "PIL", "safetensors")


def _method(function: Method) -> Method:
    METHODS[function.__name__] = function
    return function


@_method
def handshake(*, progress: Progress, protocol: int, version: str) -> dict[str, Any]:
    """Say who answers. Raises EngineError where a dependency is not installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise EngineError(
            f"The Python {sys.executable} lacks {', '.join(missing)}; set up the engine in Likeness' preferences."
        )
    return {"protocol": PROTOCOL, "version": VERSION, "python": platform.python_version()}


@_method
def test(*, progress: Progress, device: str = "auto") -> dict[str, Any]:
    """Import what is heavy and compute a little on the device, as proof that jobs can run."""
    progress("Importing torch", 0.0)
    import torch

    progress("Importing mediapipe", 0.5)
    import mediapipe

    chosen = devices.resolve(device)
    total = torch.ones(1000, device=chosen).sum().item()
    if total != 1000:
        raise EngineError(f"The device {chosen} computes wrongly; choose another in Likeness' preferences.")
    return {
        "device": devices.describe(chosen),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "mediapipe": mediapipe.__version__,
    }


@_method
def head(
    *, progress: Progress, photos: list[str], out: str, face: int | None = None, device: str = "auto"
) -> dict[str, Any]:
    """Make a head of the photo and save it as the Avatar file `out`; returns the capture's report."""
    from ..capture.pipeline import CaptureOptions, capture_head

    def job(chosen: str) -> dict[str, Any]:
        options = CaptureOptions(face=face, device=chosen)
        avatar, report = capture_head([Path(photo) for photo in photos], options=options, progress=progress)
        avatar.save(out)
        return report

    report, chosen, warnings = devices.run(job, device)
    return {**report, "version": VERSION, "device": chosen, "warnings": [*report.get("warnings", []), *warnings]}


@_method
def flame_transfer(*, progress: Progress, flame: str, out: str) -> dict[str, Any]:
    """Register a user's FLAME model onto the head model and save the maps between the two as the file `out`."""
    from ..parametric.flame_files import load_flame
    from ..parametric.head import HeadModel
    from ..parametric.registration import flame_transfer as register
    from ..weights import weights_path

    progress("Registering the FLAME model", 0.1)
    register(load_flame(flame), HeadModel.load(weights_path("head"))).save(out)
    return {}
