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

from ...implicit.mlp import CodeLinear, ExactLinear

Losses = dict[str, Tensor]
_EVERY = 250
"""Steps between checkpoints and between lines of the log."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: a short warm-up, then a cosine to zero; the weights are averaged over steps.

    The matrices of hidden layers are stepped by Muon (Jordan et al., 2024), all else by AdamW.
    """

    steps: int
    lr: float
    muon: float = 10.0
    """Muon's learning rate in units of `lr`."""
    warmup: int = 100
    weight_decay: float = 0.0
    clip: float = 1.0
    average: float = 0.98

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


def train(name: str, module: nn.Module, losses: Callable[[int], Losses], schedule: Schedule, run: Fabric) -> Outcome:
    """Minimise the sum of `losses(step)`; at the end the module holds the averaged weights.

    The run resumes from the checkpoint `name`, which is removed at the end. All that is random must follow from `step`.
    """
    checkpoint = cache_folder() / "checkpoints" / f"{name}.pt"
    module.to(run.device)
    optimizers = _optimizers(module, schedule)
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(schedule.average))
    first, seconds, means = _resume(checkpoint, module, average, *optimizers)
    clock = time.perf_counter() - seconds
    with _bar(name, first, schedule.steps) as advance:
        for step in range(first, schedule.steps):
            for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                group.setdefault("full", group["lr"])
                group["lr"] = group["full"] * schedule.factor(step)
            with run.autocast():
                terms = losses(step)
            module.zero_grad()
            run.backward(sum(terms.values(), torch.zeros((), device=run.device)))
            nn.utils.clip_grad_norm_(module.parameters(), schedule.clip)
            for optimizer in optimizers:
                optimizer.step()
            average.update_parameters(module)
            means = {key: means.get(key, v.item()) * 0.99 + 0.01 * v.item() for key, v in terms.items()}
            advance(means)
            if (step + 1) % _EVERY == 0:
                parts = [module.state_dict(), average.state_dict(), *(o.state_dict() for o in optimizers)]
                _save(checkpoint, parts, step + 1, time.perf_counter() - clock, means)
    module.load_state_dict(average.module.state_dict())
    checkpoint.unlink(missing_ok=True)
    minutes = round((time.perf_counter() - clock) / 60, 1)
    return Outcome(str(run.device), minutes, schedule.steps, {key: round(value, 4) for key, value in means.items()})


def _optimizers(module: nn.Module, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of hidden layers, AdamW for the rest: codes, planes, biases, outputs."""
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    hidden = [layer for layer in layers if not isinstance(layer, CodeLinear | ExactLinear)]
    matrices = [layer.weight for layer in hidden if layer.weight.requires_grad]
    chosen = {id(matrix) for matrix in matrices}
    rest = [p for p in module.parameters() if p.requires_grad and id(p) not in chosen]
    decay = schedule.weight_decay
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, schedule.lr, betas=(0.9, 0.99), weight_decay=decay, fused=True)
    ]
    if matrices:
        rate = schedule.muon * schedule.lr
        found.append(torch.optim.Muon(matrices, rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
    return found


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
