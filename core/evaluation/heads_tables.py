"""Outcomes as tables: rows are methods, cells hold the face's figure and the head's."""

from collections.abc import Callable, Collection, Mapping

import numpy as np

from ..geometry.surface_metrics import SurfaceScore
from .heads_protocol import REGIONS
from .heads_trials import Outcomes, Subject

Table = dict[str, dict[str, str]]
"""Row -> column -> cell."""
_BOTH = " / ".join(REGIONS)
_FIGURES: dict[str, Callable[[SurfaceScore], float]] = {
    f"L1-Chamfer {_BOTH} (mm)": lambda score: score.chamfer_mm,
    f"N.C. {_BOTH}": lambda score: score.normal_consistency,
    f"F@1mm {_BOTH}": lambda score: score.f_score,
}


def scores_table(methods: Collection[str], subjects: Collection[Subject], outcomes: Outcomes) -> Table:
    """Means of all three metrics over the subjects."""
    return {
        method: {column: _means(method, subjects, outcomes, figure) for column, figure in _FIGURES.items()}
        for method in methods
    }


def sweep_table(methods: Collection[str], settings: Mapping[str, Collection[Subject]], outcomes: Outcomes) -> Table:
    """Mean L1-Chamfer by the name of the setting, over its subjects."""
    return {
        method: {
            setting: _means(method, subjects, outcomes, lambda score: score.chamfer_mm)
            for setting, subjects in settings.items()
        }
        for method in methods
    }


def _means(
    method: str, subjects: Collection[Subject], outcomes: Outcomes, figure: Callable[[SurfaceScore], float]
) -> str:
    scores = [outcomes[subject][method].scores for subject in subjects]
    return " / ".join(f"{np.mean([figure(score[region]) for score in scores]):.3f}" for region in REGIONS)
