"""Runs fits of held-out heads, several at a time, and keeps what they reached."""

import multiprocessing
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import track

from ..geometry.surface_metrics import SurfaceScore
from .heads_methods import Cost, load_method
from .heads_protocol import HeldOutHeads

POINTS = 5000
RESOLUTION = 256
"""Cells along the longest side of a head."""


@dataclass(frozen=True)
class Subject:
    """One point cloud."""

    head: int
    expression: int | None = None
    """Number of the test expression; None is the canonical pose, which the fits are told."""
    points: int = POINTS
    noise: float = 0.0
    """Metres, standard deviation."""
    resolution: int = RESOLUTION
    """At which surfaces are extracted."""


@dataclass(frozen=True)
class Outcome:
    """What one method made of one point cloud."""

    scores: dict[str, SurfaceScore]
    """By region."""
    cost: Cost
    """Seconds are of one thread on a CPU."""


Outcomes = dict[Subject, dict[str, Outcome]]
"""By method."""


def run_trials(methods: Collection[str], subjects: Iterable[Subject], data: Path) -> Outcomes:
    """The outcomes of every method on every subject, each subject once; a process for each CPU."""
    tasks = [(subject, tuple(methods)) for subject in dict.fromkeys(subjects)]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count(), _start, (data,)) as pool:
        return dict(track(pool.imap_unordered(_run, tasks), "Fits", len(tasks)))


_heads: HeldOutHeads


def _start(data: Path) -> None:
    """A worker's own state."""
    global _heads
    torch.set_num_threads(1)
    _heads = HeldOutHeads(data)


def _run(task: tuple[Subject, tuple[str, ...]]) -> tuple[Subject, dict[str, Outcome]]:
    subject, methods = task
    head = _heads.head(subject.head, subject.expression)
    cloud = head.cloud(subject.points, subject.noise, seed=subject.head)
    outcomes = {}
    for name in methods:
        surface, cost = load_method(name).fit(cloud, subject.resolution)
        outcomes[name] = Outcome(head.scores(surface), cost)
    return subject, outcomes
