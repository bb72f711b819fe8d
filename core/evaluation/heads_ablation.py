"""Suite `heads-ablation`: what each loss of the tri-plane model adds, on held-out heads."""

from pathlib import Path

from .heads_methods import ABLATION
from .heads_tables import Table, scores_table
from .heads_trials import Subject, run_trials

HEADS = (0, 24)
"""Test heads, one of them with hair."""


def evaluate_heads_ablation(data: Path) -> dict[str, Table]:
    """Identity fitting by tri-planes that were trained alike for the same short time but for their losses."""
    subjects = [Subject(head) for head in HEADS]
    return {
        "Ablation of the tri-plane's losses": scores_table(ABLATION, subjects, run_trials(ABLATION, subjects, data))
    }
