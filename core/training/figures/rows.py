"""The cache of figures: a file for each figure and pose, which follows from its split, its number and the poses alone.

Held out are persons, drawn from a seed of their own, and poses: `test_pose` shows persons of the training in poses that
it lacks, `test_person` others in the same poses.
"""

import os
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from rich.progress import track

from ...parametric.body import BodyModel
from ...rendering.rasterise import interpolate
from ...rendering.shading import vertex_normals
from ..implicit.trainer import cache_folder
from .figure import Dresser, Figure, Surface
from .occupancy import occupancy_samples
from .poses import Poses
from .views import normal_maps

SPLITS = {"train": (0, "train"), "test_pose": (0, "test"), "test_person": (1, "test")}
"""Name -> the seed of its persons, and which of the poses they take."""
PAIRS = 3000
"""Points of the surface whose place is known in both poses."""


@dataclass(frozen=True)
class Rows:
    """Makes the rows of a split and keeps them. A figure is seen in `poses_each` poses, a row each."""

    dresser: Dresser
    poses: Poses
    poses_each: int = 4
    folder: Path = field(default_factory=lambda: cache_folder() / "figures-1")

    @cached_property
    def _model(self) -> BodyModel:
        return BodyModel.load()

    @cached_property
    def _solve(self) -> np.ndarray:
        """[16, 3 V] from what a body differs by from the mean to its beta."""
        return np.linalg.pinv(self._model.shapedirs.reshape(-1, self._model.shapedirs.shape[2]).astype(np.float64))

    def row(self, split: str, index: int) -> dict[str, np.ndarray]:
        """One row, read or made: `sliders` [11], `outfit` (as text), `beta` [16] of our body model by least squares,
        `joints` [24, 3] of the T-pose, `theta` [24, 3].

        Of the T-pose (`rest_`) and of the pose (`posed_`): `box_points`, `near_points`, `wide_points` and `_inside`, as
        `occupancy_samples` has them. `rest_surface`, `posed_surface`, `posed_normals` [3000, 3] float32: points of the
        surface that correspond; `surface_weights` [3000, 24] float16 and `surface_part` [3000] int8 of them.
        `normals` [2, 256, 256, 3] int8 (times 127) and `parts` [2, 256, 256] int8 of the pose from front and back.
        """
        path = self.folder / split / f"{index:06d}.npz"
        if path.is_file():
            with np.load(path) as file:
                return dict(file)
        row = self._made(split, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            np.savez_compressed(file, **row)
        os.replace(unfinished, path)
        return row

    def make(self, split: str, count: int) -> None:
        """Make those of the first `count` rows that are not there."""
        for index in track(range(count), f"Figures ({split})"):
            if not (self.folder / split / f"{index:06d}.npz").is_file():
                self.row(split, index)

    def figure(self, split: str, index: int) -> tuple[Figure, np.ndarray]:
        """The person of a row and the pose, theta [24, 3]."""
        seed, kind = SPLITS[split]
        person, rng = index // self.poses_each, np.random.default_rng([list(SPLITS).index(split), index, 1])
        poses = self.poses.train if kind == "train" else self.poses.test
        return self.dresser.draw(np.random.default_rng([seed, person])), poses[rng.integers(len(poses))]

    def beta(self, vertices: np.ndarray) -> np.ndarray:
        """[16] of our body model by least squares, of a body [V, 3] in the T-pose."""
        return self._solve @ (vertices - self._model.v_template).ravel()

    def _made(self, split: str, index: int) -> dict[str, np.ndarray]:
        figure, theta = self.figure(split, index)
        rest, posed = figure.rest(), figure.posed(theta)
        rng = np.random.default_rng([list(SPLITS).index(split), index, 2])
        normals, parts = normal_maps(posed)
        row = {
            "sliders": figure.sliders,
            "outfit": np.array(str(asdict(figure.outfit))),
            "beta": self.beta(figure.body.vertices),
            "joints": figure.body.joints,
            "theta": theta,
            **_pairs(figure, rest, posed, rng),
            "normals": np.round(127 * normals).astype(np.int8),
            "parts": parts,
        }
        for name, surface in (("rest", rest), ("posed", posed)):
            row |= {f"{name}_{key}": value for key, value in occupancy_samples(surface, rng).items()}
        return row


def _pairs(figure: Figure, rest: Surface, posed: Surface, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Points of the surface in both poses."""
    points, face, shares = rest.draw(PAIRS, rng)
    corners = rest.triangles[face]
    normals = interpolate(vertex_normals(posed.vertices, posed.triangles), corners, shares)
    return {
        "rest_surface": points.astype(np.float32),
        "posed_surface": interpolate(posed.vertices, corners, shares).astype(np.float32),
        "posed_normals": normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12).astype(np.float32),
        "surface_weights": interpolate(figure.weights(), corners, shares).astype(np.float16),
        "surface_part": rest.part[face].astype(np.int8),
    }
