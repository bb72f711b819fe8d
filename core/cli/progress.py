"""Progress bars on the standard error, and the clock of the stages."""

import contextlib
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

OnProgress = Callable[[str, float], None]


class Stages:
    """Shows one bar for each job, and keeps how long each of their stages took."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._running: tuple[str, float] | None = None
        self.seconds: dict[str, float] = {}
        """Stage -> seconds, in the order in which they began."""

    @contextlib.contextmanager
    def job(self, title: str) -> Iterator[OnProgress]:
        """A bar that lives as long as the block; call what it gives with (stage, fraction of the job)."""
        task = self._bars.add_task(title, total=1.0, stage="")

        def report(stage: str, fraction: float) -> None:
            self._begin(stage)
            self._bars.update(task, completed=fraction, stage=stage)

        try:
            yield report
        finally:
            self._end()
        self._bars.update(task, completed=1.0, stage="")

    def _begin(self, stage: str) -> None:
        if self._running is None or self._running[0] != stage:
            self._end()
            self._running = stage, time.perf_counter()

    def _end(self) -> None:
        if self._running:
            stage, began = self._running
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - began, 3)
            self._running = None


@contextlib.contextmanager
def progress_bars() -> Iterator[Stages]:
    """The bars of one command; where the standard error is no terminal, only its end is written."""
    stage = TextColumn("{task.fields[stage]}")
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(), stage
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield Stages(bars)
