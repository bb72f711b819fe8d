"""The loop that trains every field: Lightning Fabric carries device and precision; runs are seeded and resume."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Losses = dict[str, Tensor]
_EVERY = 250
"""Steps between checkpoints and between lines of the log."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: AdamW, a short warm-up, then a cosine to zero; the weights are averaged over steps."""

    steps: int
    lr: float
    warmup: int = 100
    weight_decay: float = 0.0
    clip: float = 1.0
    average: float = 0.998

    def factor(self, step: int) -> float:
        """Share of `lr` at a step."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        return 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * (step - self.warmup) / (self.steps - self.warmup)))))


@dataclass(frozen=True)
class Outcome:
    """What a training run says of itself, for the card."""

    device: str
    minutes: float
    steps: int
    losses: dict[str, float]
    """Means over the last steps."""


def cache_folder() -> Path:
    """Where training keeps samples and checkpoints: `LIKENESS_CACHE`, or `.cache/likeness` in the home folder."""
    return Path(os.environ.get("LIKENESS_CACHE") or Path.home() / ".cache" / "likeness")


def fabric() -> Fabric:
    """CUDA where there is one, bfloat16 where matrices are multiplied."""
    return Fabric(accelerator="auto", devices=1, precision="bf16-mixed")


def train(
    name: str, module: nn.Module, losses: Callable[[nn.Module, int], Losses], schedule: Schedule, run: Fabric
) -> Outcome:
    """Minimise the sum of `losses(module, step)`; at the end the module holds the averaged weights.

    The run resumes from the checkpoint `name`, which is removed at the end. All that is random must follow from `step`.
    """
    checkpoint = cache_folder() / "checkpoints" / f"{name}.pt"
    module.to(run.device)
    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, schedule.lr, betas=(0.9, 0.99), weight_decay=schedule.weight_decay, fused=True
    )
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(schedule.average))
    first, seconds, means = _resume(checkpoint, module, average, optimizer)
    clock = time.perf_counter() - seconds
    with _bar(name, first, schedule.steps) as advance:
        for step in range(first, schedule.steps):
            for group in optimizer.param_groups:
                group["lr"] = schedule.lr * schedule.factor(step)
            with run.autocast():
                terms = losses(module, step)
            optimizer.zero_grad(set_to_none=True)
            run.backward(sum(terms.values(), torch.zeros((), device=run.device)))
            nn.utils.clip_grad_norm_(trained, schedule.clip)
            optimizer.step()
            average.update_parameters(module)
            means = {key: means.get(key, v.item()) * 0.99 + 0.01 * v.item() for key, v in terms.items()}
            advance(means)
            if (step + 1) % _EVERY == 0:
                state = (module, average, optimizer)
                _save(checkpoint, [part.state_dict() for part in state], step + 1, time.perf_counter() - clock, means)
    module.load_state_dict(average.module.state_dict())
    checkpoint.unlink(missing_ok=True)
    minutes = round((time.perf_counter() - clock) / 60, 1)
    return Outcome(str(run.device), minutes, schedule.steps, {key: round(value, 4) for key, value in means.items()})


def _resume(checkpoint: Path, *parts: nn.Module | torch.optim.Optimizer) -> tuple[int, float, dict[str, float]]:
    """Load the checkpoint into the parts: next step, seconds so far, running means of the losses."""
    if not checkpoint.is_file():
        return 0, 0.0, {}
    state = torch.load(checkpoint, weights_only=True)
    for part, stored in zip(parts, state["parts"], strict=True):
        part.load_state_dict(stored)
    return state["step"], state["seconds"], state["means"]


def _save(checkpoint: Path, parts: list[dict], step: int, seconds: float, means: dict[str, float]) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    unfinished = checkpoint.with_suffix(".part")
    torch.save({"parts": parts, "step": step, "seconds": seconds, "means": means}, unfinished)
    unfinished.replace(checkpoint)


class _bar:  # noqa: N801 used as a function
    """Progress bar that shows the losses; without a terminal, a line now and then."""

    def __init__(self, name: str, first: int, steps: int) -> None:
        self._first, self._steps, self._name = first, steps, name
        columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
        self._progress = Progress(*columns, TextColumn("{task.fields[losses]}"))

    def __enter__(self) -> Callable[[dict[str, float]], None]:
        self._progress.start()
        task = self._progress.add_task(self._name, total=self._steps, completed=self._first, losses="")
        done = self._first

        def advance(means: dict[str, float]) -> None:
            nonlocal done
            done += 1
            text = "  ".join(f"{key} {value:.3f}" for key, value in means.items())
            self._progress.update(task, completed=done, losses=text)
            if done % _EVERY == 0 and not self._progress.console.is_terminal:
                self._progress.console.print(f"{self._name} {done}/{self._steps}  {text}", soft_wrap=True)

        return advance

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
