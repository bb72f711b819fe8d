"""Suite `heads`: held-out heads fitted to point clouds by every model, what that costs, and what it bears."""

from dataclasses import astuple
from functools import partial
from pathlib import Path

import numpy as np

from .heads_methods import IMAVATAR, LINEAR, MEAN, load_method
from .heads_protocol import GROUPS
from .heads_tables import Table, scores_table, sweep_table
from .heads_trials import Outcomes, Subject, run_trials

ROWS = (MEAN, LINEAR, "npm", "nphm", "triplane")
EXPRESSIVE_ROWS = (*ROWS, IMAVATAR)
PER_GROUP = 3
"""Test heads of the identity table, at most."""
EXPRESSIVE = {"bald": range(2), "with hair": range(24, 25)}
"""Test heads of the expression table; each shows a test expression that no other shows."""
SWEPT = (0, 24)
"""Test heads of the sweeps, one of them with hair."""
SWEPT_RESOLUTION = 128
NOISES_MM = (0.0, 1.0, 2.0)
COUNTS = (250, 1000, 5000)


def evaluate_heads(data: Path) -> dict[str, Table]:
    """The tables of identity and expression fitting, of sizes and times, of noise and of sparsity."""
    shown = {head: number for number, head in enumerate(head for heads in EXPRESSIVE.values() for head in heads)}
    canonical = {group: [Subject(head) for head in heads[:PER_GROUP]] for group, heads in GROUPS.items()}
    expressive = {group: [Subject(head, shown[head]) for head in heads] for group, heads in EXPRESSIVE.items()}
    swept = partial(Subject, resolution=SWEPT_RESOLUTION)
    noise = {f"{mm:g} mm": [swept(head, noise=mm / 1e3) for head in SWEPT] for mm in NOISES_MM}
    sparsity = {f"{count:,}": [swept(head, points=count) for head in SWEPT] for count in COUNTS}
    still = [subject for part in (canonical, noise, sparsity) for subjects in part.values() for subject in subjects]
    outcomes = run_trials(ROWS, still, data)
    outcomes |= run_trials(EXPRESSIVE_ROWS, [subject for some in expressive.values() for subject in some], data)
    return {
        **{f"Identity fitting, {group}": scores_table(ROWS, some, outcomes) for group, some in canonical.items()},
        **{
            f"Expression fitting, {group}": scores_table(EXPRESSIVE_ROWS, some, outcomes)
            for group, some in expressive.items()
        },
        "Size and time": _cost_table([subject for some in canonical.values() for subject in some], outcomes),
        "Noise on the points, L1-Chamfer face / head (mm)": sweep_table(ROWS, noise, outcomes),
        "Number of points, L1-Chamfer face / head (mm)": sweep_table(ROWS, sparsity, outcomes),
    }


def _cost_table(subjects: list[Subject], outcomes: Outcomes) -> Table:
    """Size of each model, and medians over its fits."""
    table: Table = {}
    for row in ROWS:
        method = load_method(row)
        parameters = method.identity_parameters, method.expression_parameters
        fitting, extraction, share = np.median([astuple(outcomes[subject][row].cost) for subject in subjects], 0)
        table[row] = {
            "parameters identity / expression (M)": " / ".join(f"{count / 1e6:.2f}" for count in parameters),
            "weights (MB)": f"{method.megabytes:.1f}",
            "fitting (s)": f"{fitting:.1f}",
            "extraction at 256 (s)": f"{extraction:.2f}",
            "share of the dense grid evaluated": f"{share:.1%}",
        }
    return table
