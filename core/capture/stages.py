"""The clock of a capture: which stage it is in, how much of the job is done, and how long each stage took."""

import time
from collections.abc import Callable, Mapping

Progress = Callable[[str, float], None]
"""Called with the stage's name and the share of the whole job that is done."""


class StageClock:
    """Reports stages as they begin and keeps their seconds."""

    def __init__(self, stages: Mapping[str, float], progress: Progress) -> None:
        """`stages`: name -> share of the job that is done when it begins."""
        self._stages, self._progress = stages, progress
        self._seconds: dict[str, float] = {}
        self._stage, self._start = "", 0.0

    def begin(self, stage: str) -> None:
        """End the stage before and begin this one."""
        self.end()
        self._progress(stage, self._stages[stage])
        self._stage, self._start = stage, time.perf_counter()

    def end(self) -> dict[str, float]:
        """Seconds by stage so far."""
        if self._stage:
            self._seconds[self._stage] = round(time.perf_counter() - self._start, 3)
            self._stage = ""
        return self._seconds
