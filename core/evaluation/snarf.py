"""Suite `snarf`: one person in many poses, by SNARF, by backward skinning and by rigid pieces (SNARF's tables 1 and 2).

All learned the same points of the same poses with the same networks and steps. Seen poses are tested with points that
were not learned from; unseen ones are of other clips. IoU in per cent over all points of all poses of all persons.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from torch import Tensor

from ..implicit.articulated import Bones
from ..implicit.persons import METHODS, load_persons
from ..implicit.root_search import Roots
from ..implicit.snarf import PAPER_BONES, Snarf
from ..training.implicit.snarf import Person, Posed, load_person

KINDS = {"box": "bounding box", "near": "near surface"}
AT_ONCE = 4
"""Poses."""
PLAIN_POSES, PLAIN_POINTS = 8, 250
"""Unseen poses and points of each kind for which the searches are compared."""

Inside = Callable[[Tensor, Tensor], Tensor]
"""Points [B, N, 3] and theta [B, 24, 3] to [B, N] bool."""


def evaluate_snarf(data: Path) -> dict[str, Any]:
    """IoU of each method, and of SNARF by the fast search and by the paper's."""
    persons = load_persons()
    tests = [load_person(data, person) for person in range(len(persons))]
    table = {
        method: _row([_inside(models[method]) for models in persons], tests) for method in track(METHODS, "Methods")
    }
    snarfs = [models["SNARF"] for models in persons]
    few = [_fewer(test.unseen) for test in tests]
    searches = {
        "fast": [_inside(model) for model in snarfs],
        "plain, all 24 starts": [_plainly(model, None) for model in snarfs],
        "plain, the paper's 9 starts": [_plainly(model, PAPER_BONES) for model in snarfs],
    }
    compared = {
        name: {title: iou(methods, few, kind) for kind, title in KINDS.items()}
        for name, methods in track(searches.items(), "Searches")
    }
    return {
        "persons": len(persons),
        "IoU %": table,
        f"SNARF's IoU % by the search, {PLAIN_POSES} unseen poses of each person": compared,
    }


def iou(methods: list[Inside], tests: list[Posed], kind: str) -> float:
    """Per cent, of the persons' points of a kind together."""
    both = either = 0
    for inside, test in zip(methods, tests, strict=True):
        for some in torch.arange(len(test.theta)).split(AT_ONCE):
            found, truth = inside(test.points[kind][some], test.theta[some]), test.inside[kind][some]
            both += int((found & truth).sum())
            either += int((found | truth).sum())
    return 100 * both / either


def _row(methods: list[Inside], tests: list[Person]) -> dict[str, float]:
    splits = {"seen": [test.seen for test in tests], "unseen": [test.unseen for test in tests]}
    row = {
        f"{title}, {split}": iou(methods, posed, kind)
        for kind, title in KINDS.items()
        for split, posed in splits.items()
    }
    return row | {f"{title}, lost": row[f"{title}, seen"] - row[f"{title}, unseen"] for title in KINDS.values()}


def _inside(model: Any) -> Inside:
    def inside(points: Tensor, theta: Tensor) -> Tensor:
        with torch.no_grad():
            return model.logits(points, model.bones(theta)) > 0

    return inside


def _plainly(model: Any, starts: tuple[int, ...] | None) -> Inside:
    assert isinstance(model, Snarf)

    def roots(points: Tensor, bones: Bones) -> Roots:
        return model.slow_roots(points, bones, starts) if starts else model.slow_roots(points, bones)

    def inside(points: Tensor, theta: Tensor) -> Tensor:
        with torch.no_grad():
            bones = model.bones(theta)
            return model.logits_at(roots(points, bones), points, bones) > 0

    return inside


def _fewer(posed: Posed) -> Posed:
    return Posed(
        posed.theta[:PLAIN_POSES],
        {kind: points[:PLAIN_POSES, :PLAIN_POINTS] for kind, points in posed.points.items()},
        {kind: inside[:PLAIN_POSES, :PLAIN_POINTS] for kind, inside in posed.inside.items()},
        posed.joints,
    )
