"""Which device a job runs on, and what to do when its memory runs out."""

import platform
from collections.abc import Callable
from typing import TypeVar

from ..errors import EngineError, OutOfMemory, UsageError

DEVICES = ("auto", "cpu", "cuda")
Result = TypeVar("Result")


def resolve(device: str) -> str:
    """The torch device for 'auto', 'cpu' or 'cuda'; auto takes CUDA where there is one.

    Raises UsageError for another name, EngineError when CUDA is asked for and there is none.
    """
    import torch

    if device not in DEVICES:
        raise UsageError(f"There is no device {device!r}; choose one of {', '.join(DEVICES)}.")
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise EngineError("This computer has no CUDA device that torch can use; choose the device auto or cpu.")
    return "cuda" if available and device != "cpu" else "cpu"


def describe(device: str) -> str:
    """A name for people, such as 'cuda (NVIDIA RTX 4070)'."""
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    return f"{device} ({name})"


def run(job: Callable[[str], Result], device: str) -> tuple[Result, str, list[str]]:
    """Run `job(device)`, once more on the CPU when the GPU's memory runs out.

    Returns the result, the device that it was made on, and the warnings for the report.
    """
    import torch

    chosen = resolve(device)
    try:
        return job(chosen), chosen, []
    except (torch.cuda.OutOfMemoryError, OutOfMemory):
        if chosen == "cpu":
            raise
    torch.cuda.empty_cache()
    return job("cpu"), "cpu", ["The GPU ran out of memory; the job ran on the CPU."]
