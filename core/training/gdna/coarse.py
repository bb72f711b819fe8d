"""gDNA's first stage: what is worn as a field of the shape code."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from ...implicit.gdna import Layer
from ..implicit.trainer import Losses, Outcome, Schedule, train
from .samples import LayerSamples

PERSONS, POINTS, PROBED, FAR = 12, 448, 160, 96
"""Per step: persons, and of each points about the garment, about the body, and anywhere."""
MM = 1000.0
REACH = 0.04
"""Metres beyond which a distance only has to be as far."""
ON = 0.004
"""Metres from a garment within which a point is a part of it, as far as its box is concerned."""
SMOOTHED, ROUGHNESS = 2, 8.0
"""Of how many of a step's persons planes are kept smooth, and the weight of it against 1 of a millimetre: without it
few cuts leave noise in planes that are linear in the code."""
JITTER = 0.02
"""Metres that a probe moves."""
NEAR = 0.01
"""Metres from a surface within which its errors count."""
PROBE_REACH = 0.03
"""Metres at which the distances that codes are made of end."""
SCHEDULES = {
    "top": Schedule(2400, 6e-3, muon=3.0),
    "bottom": Schedule(1600, 6e-3, muon=3.0),
    "shoes": Schedule(1000, 6e-3, muon=3.0),
    "hair": Schedule(2000, 6e-3, muon=3.0),
}


@dataclass(frozen=True)
class Wearers:
    """The persons that wear a layer: P of them, N points each."""

    points: np.ndarray
    """[P, N, 3] metres about the mean body."""
    distance: np.ndarray
    """[P, N] metres."""
    probed: np.ndarray
    """[P, 2500] metres."""
    persons: np.ndarray
    """[P] which of the split's."""

    @classmethod
    def read(cls, samples: LayerSamples, split: str, layer: str, count: int) -> "Wearers":
        """Of the first `count` persons of a split."""
        found: list[tuple[np.ndarray, ...]] = []
        for index in range(count):
            person = samples.row(split, index)
            if f"{layer}_points" in person:
                found.append((*(person[f"{layer}_{key}"] for key in ("points", "distance", "probed")), np.array(index)))
        return cls(*(np.stack(column) for column in zip(*found, strict=True)))


@dataclass(frozen=True)
class ShapeCodes:
    """From the distances at a layer's probes to its code: whitened principal components, so that codes are ~N(0, 1)
    one by one and a figure that was never seen has a code at once.
    """

    mean: np.ndarray
    """[2500]."""
    components: np.ndarray
    """[2500, C]: a code is (clipped distances - mean) @ components."""

    @classmethod
    def of(cls, probed: np.ndarray, size: int) -> "ShapeCodes":
        """Of `probed` [P, 2500]."""
        clipped = np.clip(probed.astype(np.float64), -PROBE_REACH, PROBE_REACH)
        mean = clipped.mean(0)
        _, spread, directions = np.linalg.svd(clipped - mean, full_matrices=False)
        return cls(mean, directions[:size].T / (spread[:size] / np.sqrt(len(probed))))

    def code(self, probed: np.ndarray) -> np.ndarray:
        """[P, C] float32."""
        clipped = np.clip(probed.astype(np.float64), -PROBE_REACH, PROBE_REACH)
        return ((clipped - self.mean) @ self.components).astype(np.float32)


@dataclass(frozen=True)
class Batches:
    """Draws points of a layer's wearers."""

    wearers: Wearers
    codes: np.ndarray
    """[P, C]."""
    probes: np.ndarray
    """[2500, 3] metres."""
    bounds: np.ndarray
    """[2, 3] metres: the layer's box."""
    seed: int

    def __call__(self, step: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Codes `[B, C]`, points `[B, N, 3]`, distance `[B, N]` of a step."""
        rng = np.random.default_rng([self.seed, step])
        persons = rng.choice(len(self.codes), min(PERSONS, len(self.codes)), replace=False)[:, None]
        chosen = rng.integers(self.wearers.points.shape[1], size=(len(persons), POINTS))
        probed, of_probed = self._probed(persons, rng)
        far, of_far = self._far(persons, rng)
        arrays = (
            self.codes[persons[:, 0]],
            np.concatenate([self.wearers.points[persons, chosen], probed, far], 1),
            np.concatenate([self.wearers.distance[persons, chosen], of_probed, of_far], 1),
        )
        codes, points, distance = (torch.from_numpy(array.astype(np.float32)).to(device) for array in arrays)
        return codes, points, distance

    def _probed(self, persons: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Points `[B, PROBED, 3]` at and about the probes, and distances `[B, PROBED]` there.

        Most are where other persons' garments are. A probe moves as far as it surely stays beyond `REACH`.
        """
        chosen = rng.integers(len(self.probes), size=(len(persons), PROBED))
        distance = self.wearers.probed[persons, chosen].astype(np.float32)
        room = np.maximum(np.abs(distance) - REACH, 0)[..., None]
        step = rng.normal(0, JITTER, (*chosen.shape, 3))
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        return self.probes[chosen] + step * np.minimum(1, room / length), distance

    def _far(self, persons: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Points `[B, FAR, 3]` anywhere in the layer's box, and metres `[B, FAR]` from there to the box of the person's
        garment: NaN, for not known, where these are less than `REACH`.
        """
        points = rng.uniform(self.bounds[0], self.bounds[1], (len(persons), FAR, 3))
        low, high = (corner[persons] for corner in self._boxes)
        distance = np.linalg.norm(np.maximum(np.maximum(low - points, points - high), 0), axis=-1)
        return points, np.where(distance > REACH, distance, np.nan)

    @cached_property
    def _boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corners [P, 3] of the persons' garments."""
        near = np.where(self.wearers.distance[..., None] < ON, self.wearers.points, np.nan)
        return np.nanmin(near, 1), np.nanmax(near, 1)


def train_layer(name: str, layer: Layer, batches: Batches, run: Fabric) -> Outcome:
    """Minimise |f - d| of clipped distances, millimetres, and the planes' roughness."""

    def losses(step: int) -> Losses:
        codes, points, distance = batches(step, run.device)
        return {
            "distance": MM * distance_error(layer(points, codes), distance),
            "roughness": ROUGHNESS * layer.planes.roughness(codes[:SMOOTHED]),
        }

    return train(f"gdna-{name}", layer, losses, SCHEDULES[name], run)


def distance_error(found: Tensor, true: Tensor) -> Tensor:
    """Mean |f - d| in metres, where either is less than `REACH`; a distance beyond it only has to be beyond it. What is
    not known, NaN, does not count.
    """
    known = ~true.isnan()
    return (found[known].clamp(-REACH, REACH) - true[known].clamp(-REACH, REACH)).abs().mean()


@torch.no_grad()
def near_error(layer: Layer, wearers: Wearers, codes: np.ndarray) -> float:
    """Mean |f - d| in millimetres over points within 1 cm of the surface; `codes` [P, C] of the wearers."""
    errors = []
    for points, distance, code in zip(wearers.points, wearers.distance.astype(np.float32), codes, strict=True):
        device = layer.planes.mean.device
        found = (
            layer(torch.from_numpy(points)[None].to(device), torch.from_numpy(code)[None].to(device))[0].cpu().numpy()
        )
        near = np.abs(distance) < NEAR
        errors.append(np.abs(found - distance)[near].mean())
    return round(MM * float(np.mean(errors)), 3)
