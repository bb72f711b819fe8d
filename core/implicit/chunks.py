"""Many points through a function in pieces that fit the memory."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import OutOfMemory

CHUNK = 1 << 16
"""Points at a time: enough to fill the processor's units, few enough for a wide layer's activations to stay near it."""
FLOOR = 1 << 9
"""Points at a time below which smaller pieces would not help either."""


def in_chunks(function: Callable[[Tensor], Tensor], points: Tensor, chunk: int = CHUNK) -> Tensor:
    """`function(points)`, points `[N, ...]` to values `[N, ...]`, computed at most `chunk` points at a time.

    When the memory runs out the pieces are halved, and what is done already stays. Raises OutOfMemory when it still
    runs out at FLOOR points.
    """
    parts: list[Tensor] = []
    done = 0
    while done < len(points) or not parts:
        piece = _tried(function, points[done : done + chunk])
        if piece is not None:
            parts.append(piece)
            done += chunk
        elif chunk > FLOOR:
            chunk //= 2
            _free_cached(points.device)
        else:
            raise OutOfMemory(
                f"The memory ran out even at {chunk} points at a time; choose a lower resolution, or --device cpu."
            )
    return torch.cat(parts)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch or numpy raised it for want of memory, on whatever device."""
    if isinstance(error, RuntimeError):  # torch's own, and what it raises on a CPU and on Metal
        return "DefaultCPUAllocator" in str(error) or "out of memory" in str(error)
    return isinstance(error, MemoryError)


def _tried(function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor | None:
    """None when there was no memory for it; by then the exception is gone, and with it all that its frames held."""
    try:
        return function(points)
    except (MemoryError, RuntimeError) as error:
        if is_out_of_memory(error):
            return None
        raise


def _free_cached(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
