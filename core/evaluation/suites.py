"""The suites of `likeness evaluate` (how good) and `likeness benchmark` (how fast).

An evaluation is a function `(data: Path) -> dict`, a benchmark a function `(plot: Path | None) -> dict`, which also
draws its plot where one is asked for: their figures by name, the unit at the name's end (`_mm`, `_s`, `_ratio`), or
tables by title, `{title: {row: {column: figure}}}`. They show their own progress.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..registry import find

EVALUATIONS: dict[str, str] = {
    "body-avatar": "body_avatar:evaluate_body_avatar",
    "body-model": "body_model:evaluate_body_model",
    "coarse-net": "coarse_net:evaluate_coarse_net",
    "figures": "figures:evaluate_figures",
    "gdna": "gdna:evaluate_gdna",
    "gdna-pictures": "gdna_pictures:evaluate_gdna_pictures",
    "fine": "fine:evaluate_fine",
    "hair": "hair:evaluate_hair",
    "heads": "heads:evaluate_heads",
    "heads-ablation": "heads_ablation:evaluate_heads_ablation",
    "heads-pictures": "head_pictures:evaluate_head_pictures",
    "head-model": "head_model:evaluate_head_model",
    "imavatar": "imavatar:evaluate_imavatar",
    "motion": "motion:evaluate_motion",
    "motion-pictures": "motion_pictures:evaluate_motion_pictures",
    "portraits": "portraits:evaluate_portraits",
    "several": "several:evaluate_several",
    "snarf": "snarf:evaluate_snarf",
    "snarf-pictures": "snarf_pictures:evaluate_snarf_pictures",
}
BENCHMARKS: dict[str, str] = {
    "extraction": "extraction:benchmark_extraction",
    "snarf": "snarf_speed:benchmark_snarf",
}


def evaluation(name: str) -> Callable[[Path], dict[str, Any]]:
    """The evaluation suite of that name. Raises UsageError."""
    return find("evaluation suite", EVALUATIONS, name, __package__)


def benchmark(name: str) -> Callable[[Path | None], dict[str, Any]]:
    """The benchmark suite of that name. Raises UsageError."""
    return find("benchmark suite", BENCHMARKS, name, __package__)
