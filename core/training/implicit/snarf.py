"""Recipe `snarf`: clothed persons, each learned from its occupancy in many poses by SNARF and by what it is
measured against, with the same networks, points and steps.

1. The skinning weights of points on the bones, which brings the root search near: joints belong to both bones by
   halves, as in SNARF's first epoch, and the middle of a bone to it alone.
2. Occupancy, while the skinning weights stand still: binary cross-entropy of points about the surface and in the
   bounding box of each pose; bones are inside. Before occupancy means anything its gradient drives weights astray.
3. Both. SNARF drops the terms of the bones after its first epoch; here, where all is one epoch, they stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ...implicit.articulated import Articulated, ArticulatedConfig, Bones
from ...implicit.persons import METHODS, Persons, persons_tensors
from ...implicit.snarf import Snarf
from ..figures.figure import Dresser
from ..figures.poses import Poses, clips
from ..figures.rows import Rows
from ..publish import publish
from .trainer import Losses, Outcome, Schedule, cache_folder, fabric, train

PERSONS = 1
TRAIN_POSES, TEST_POSES = 240, 40
"""Of each person."""
RANDOM_POSES = 100
"""Beside those of motion capture and of MakeHuman; a fifth is held out."""
KEPT = 0.75
"""Share of the points of a training pose that are learned from; the others test seen poses."""
BONES = Schedule(200, 3e-3, muon=1.0, warmup=20)
OCCUPANCY = Schedule(200, 6e-3, muon=3.0, warmup=20)
POSED = Schedule(1800, 2e-3, muon=2.0, warmup=50)
BATCH, POINTS, BONE_POINTS = 4, 500, 256
"""Poses a step, and points of each; points of bones a step."""
RESAMPLED = 50
"""Steps for which the fast search works with the same voxels."""


@dataclass(frozen=True)
class Posed:
    """Points of one person in P poses."""

    theta: Tensor
    """[P, 24, 3]."""
    points: Mapping[str, Tensor]
    """`box`, `near`, `wide`: [P, N, 3] metres."""
    inside: Mapping[str, Tensor]
    """[P, N] bool."""
    joints: Tensor
    """[24, 3] of the person's T-pose."""

    @classmethod
    def of(cls, rows: list[dict[str, np.ndarray]], begin: float, end: float) -> "Posed":
        """The points of every row from the share `begin` to the share `end`."""

        def stacked(name: str) -> dict[str, Tensor]:
            values = {kind: np.stack([row[f"posed_{kind}_{name}"] for row in rows]) for kind in ("box", "near", "wide")}
            return {
                kind: torch.tensor(value[:, round(begin * value.shape[1]) : round(end * value.shape[1])])
                for kind, value in values.items()
            }

        theta, joints = (
            torch.tensor(value).float() for value in (np.stack([r["theta"] for r in rows]), rows[0]["joints"])
        )
        return cls(theta, stacked("points"), stacked("inside"), joints)


@dataclass(frozen=True)
class Person:
    """What one person is learned from and tested with."""

    train: Posed
    seen: Posed
    """The training poses, other points."""
    unseen: Posed
    """Other poses."""


def load_person(data: Path, person: int) -> Person:
    """The figures are made at the first call. Raises InputError when the data are not there."""
    rows = figure_rows(data)
    first = person * TRAIN_POSES
    train = [rows.row("train", first + i) for i in range(TRAIN_POSES)]
    test = [rows.row("test_pose", first + i) for i in range(TEST_POSES)]
    return Person(Posed.of(train, 0, KEPT), Posed.of(train, KEPT, 1), Posed.of(test, KEPT, 1))


def figure_rows(data: Path) -> Rows:
    """Every person in TRAIN_POSES poses, one row each."""
    dresser = Dresser.load(data)
    poses = Poses.split(clips(data, dresser.rig), random=RANDOM_POSES)
    return Rows(dresser, poses, TRAIN_POSES, cache_folder() / "subjects-1")


def fit(person: int, method: str, posed: Posed, seed: int) -> tuple[Articulated, dict[str, Outcome]]:
    """One model of one person, and how its stages went."""
    torch.manual_seed(seed)
    model = METHODS[method](ArticulatedConfig(), posed.joints)
    model.train()
    run = fabric()
    name = f"snarf-{person}-{method.replace(' ', '-')}"
    losses = Fitting(model, posed, seed, run.device)
    outcomes = {}
    if model.skinning:
        outcomes["bones"] = train(f"{name}-bones", model, losses.bones, BONES, run)
        model.skinning.requires_grad_(False)
    outcomes["occupancy"] = train(f"{name}-occupancy", model, losses.posed, OCCUPANCY, run)
    model.requires_grad_(True)
    outcomes["posed"] = train(f"{name}-posed", model, losses.posed, POSED, run)
    model.eval().requires_grad_(False)
    if isinstance(model, Snarf):
        model.resample()
    return model, outcomes


@dataclass(frozen=True)
class Fitting:
    """The losses of a model; what is drawn follows from the step."""

    model: Articulated
    data: Posed
    seed: int
    device: torch.device

    def bones(self, step: int) -> Losses:
        """Of skinning weights, where they are known."""
        generator, poses = self._draw(step)
        return self._weights(generator, self.model.bones(self.data.theta[poses].to(self.device)))

    def posed(self, step: int) -> Losses:
        """Of occupancy in BATCH poses and on the bones."""
        generator, poses = self._draw(step)
        if isinstance(self.model, Snarf) and step % RESAMPLED == 0:
            self.model.resample()
        bones = self.model.bones(self.data.theta[poses].to(self.device))
        points, inside = self._points(generator, poses)
        occupancy = functional.binary_cross_entropy_with_logits(self.model.logits(points, bones), inside.float())
        on_bones = self.model.bone_logits(*self.model.skeleton.draw(BONE_POINTS, generator), bones)
        losses = {"occupancy": occupancy, "bones": functional.softplus(-on_bones).mean()}
        learns = self.model.skinning and next(self.model.skinning.parameters()).requires_grad
        return losses | self._weights(generator, bones) if learns else losses

    def _draw(self, step: int) -> tuple[torch.Generator, Tensor]:
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + step)
        return generator, torch.randperm(len(self.data.theta), generator=generator)[:BATCH]

    def _points(self, generator: torch.Generator, poses: Tensor) -> tuple[Tensor, Tensor]:
        """[BATCH, POINTS, 3] of all kinds, and whether they are inside."""
        parts = [(self.data.points[kind][poses], self.data.inside[kind][poses]) for kind in ("box", "near", "wide")]
        points, inside = (torch.cat(values, 1) for values in zip(*parts, strict=True))
        chosen = torch.randint(points.shape[1], (len(poses), POINTS), generator=generator)
        each = torch.arange(len(poses))[:, None]
        return points[each, chosen].to(self.device), inside[each, chosen].to(self.device)

    def _weights(self, generator: torch.Generator, bones: Bones) -> Losses:
        points, weights = self.model.skeleton.draw(BONE_POINTS, generator)
        found = self.model.bone_weights(points, weights, bones)
        return {"weights": 10 * (found - weights).square().sum(1).mean()}


def train_snarf(data: Path, out: Path, seed: int) -> None:
    """Write `snarf.safetensors` and its card to `out`."""
    persons: Persons = []
    training: dict[str, dict[str, dict[str, object]]] = {}
    for person in range(PERSONS):
        posed = load_person(data, person).train
        fitted = {method: fit(person, method, posed, seed) for method in METHODS}
        persons.append({method: model for method, (model, _) in fitted.items()})
        training |= {f"{person}, {method}": _told(outcomes) for method, (_, outcomes) in fitted.items()}
    tensors, metadata = persons_tensors(persons)
    card = {
        "recipe": "likeness train snarf",
        "data": f"{PERSONS} clothed figures (Anny and MakeHuman, CC0) in {TRAIN_POSES} poses each",
        "licence": "GPL-3.0-or-later",
        "training": training,
        "metrics": "likeness evaluate snarf",
    }
    publish("snarf", out, tensors, card, metadata)


def _told(outcomes: dict[str, Outcome]) -> dict[str, dict[str, object]]:
    return {
        stage: {"device": o.device, "steps": o.steps, "minutes": o.minutes, "losses": o.losses}
        for stage, o in outcomes.items()
    }
