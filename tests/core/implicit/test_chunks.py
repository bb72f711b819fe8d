import pytest
import torch
from torch import Tensor

from likeness.core.errors import EngineError
from likeness.core.implicit.chunks import FLOOR, in_chunks

POINTS = torch.linspace(-1, 1, 3 * 10_000).reshape(-1, 3)
OUT_OF_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
]


class Scarce:
    """A field that has memory for so many points at a time, and keeps the sizes of what it computed."""

    def __init__(self, most: int, error: Exception) -> None:
        self.most, self.error = most, error
        self.sizes: list[int] = []

    def __call__(self, points: Tensor) -> Tensor:
        if len(points) > self.most:
            raise self.error
        self.sizes.append(len(points))
        return points.norm(dim=-1)


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_smaller_pieces_when_the_memory_runs_out(error: Exception) -> None:
    field = Scarce(1500, error)
    torch.testing.assert_close(in_chunks(field, POINTS, 8192), POINTS.norm(dim=-1))
    assert max(field.sizes) == 1024
    assert sum(field.sizes) == len(POINTS), "no point is computed twice"


def test_what_is_done_stays() -> None:
    calls = []

    def tires(points: Tensor) -> Tensor:
        if len(points) > 4096 and calls:
            raise MemoryError
        calls.append(len(points))
        return points

    torch.testing.assert_close(in_chunks(tires, POINTS, 8192), POINTS)
    assert calls == [8192, 1808]


def test_no_memory_at_all_is_one_sentence() -> None:
    field = Scarce(FLOOR - 1, MemoryError())
    with pytest.raises(EngineError, match="memory ran out .* lower resolution"):
        in_chunks(field, POINTS)
    assert not field.sizes


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        in_chunks(Scarce(0, RuntimeError("shapes do not match")), POINTS)


def test_no_points() -> None:
    assert in_chunks(lambda points: points[:, :2], POINTS[:0]).shape == (0, 2)
