"""Recipe `gdna-features`: what a normal map shows of a dressed person, as numbers by which sets of maps are compared.

FID takes the features of a network that tells photos apart (Heusel et al., 2017); normal maps of bodies are no photos,
so this one tells the figures' clothes apart: suit, shoes, hair, how the fabric folds, and who wears it.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from ...errors import EngineError
from ...tensors import load_tensors
from ...weights import weights_path
from ..figures.fold_rows import FoldRows
from ..figures.wardrobe import HAIR, SHOES, SUITS
from ..implicit.trainer import Losses, Schedule, fabric, train
from ..publish import publish
from .recipe import DATA, layer_samples

NAME = "gdna_features"
KINDS = {
    "suit": [f"{sex}_{suit}" for sex, suits in SUITS.items() for suit in suits],
    "shoes": ["", *SHOES],
    "hair": ["", *sorted({style for styles in HAIR.values() for style in styles})],
}
"""What is told apart, and what it may be."""
CHANNELS = 3, 16, 32, 48, 64
"""Of the normals, and after each of the convolutions, which halve the map; the last are the features."""
PERSONS = range(60, 240)
"""Of the training's; the persons before them are what true maps score."""
HELD_OUT = 60
COARSER = 2
"""Pixels of a map, 4 mm each, to a side of one that the network sees."""
SHIFT = 24
"""Pixels by which maps are moved up and down at most as the network learns."""
BATCH = 12
SCHEDULE = Schedule(1200, 3e-3, warmup=30, weight_decay=1e-3)


class MapFeatures(nn.Module):
    """Normal maps `[B, 3, S, S]` of 8 mm a pixel, 0 where nothing is, to features `[B, 64]`: means over what is drawn,
    of mean 0 and deviation 1 over the maps of the training.
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(CHANNELS):
            layers += [nn.Conv2d(inputs, outputs, 5, stride=2, padding=2), nn.BatchNorm2d(outputs), nn.SiLU()]
        self.layers = nn.Sequential(*layers)
        # What tells clothes apart is a small part of what all maps have in common.
        self.whitened = nn.BatchNorm1d(CHANNELS[-1], momentum=0.02, affine=False)

    def forward(self, maps: Tensor) -> Tensor:
        drawn = (maps != 0).any(1, keepdim=True).to(maps)
        share = functional.avg_pool2d(drawn, 2 ** (len(CHANNELS) - 1))
        return self.whitened((self.layers(maps) * share).sum((2, 3)) / share.sum((2, 3)).clamp_min(1e-6))


class Teller(nn.Module):
    """Features, and what is told by them."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.features = MapFeatures()
        self.kinds = nn.ModuleDict({kind: nn.Linear(CHANNELS[-1], len(names)) for kind, names in KINDS.items()})
        self.numbers = nn.Linear(CHANNELS[-1], numbers)

    def forward(self, maps: Tensor) -> dict[str, Tensor]:
        """Of maps `[B, 3, S, S]` scores `[B, K]` for each of `KINDS`, and `numbers` `[B, N]`."""
        features = self.features(maps)
        return {kind: layer(features) for kind, layer in self.kinds.items()} | {"numbers": self.numbers(features)}


@dataclass(frozen=True)
class Shown:
    """Maps of P persons, and what they show."""

    maps: np.ndarray
    """[P, 4, S, S, 3] int8 (times 127)."""
    kinds: dict[str, np.ndarray]
    """Kind -> [P] which of `KINDS`."""
    numbers: np.ndarray
    """[P, N]: the fabric's numbers and the body's sliders."""
    names: list[str]
    """[N]"""

    @classmethod
    def read(cls, folds: FoldRows, split: str, persons: Sequence[int]) -> "Shown":
        maps, kinds, numbers, names = [], [], [], []
        for index in persons:
            row = folds.row(split, index)
            outfit, fabric_ = (ast.literal_eval(str(row[key])) for key in ("outfit", "fabric"))
            maps.append(row["normals"])
            kinds.append([names_.index(outfit[kind]) for kind, names_ in KINDS.items()])
            numbers.append([*fabric_.values(), *row["sliders"]])
            names = [*fabric_, *(f"slider {k}" for k in range(len(row["sliders"])))]
        columns = dict(zip(KINDS, np.array(kinds).T, strict=True))
        return cls(np.stack(maps), columns, np.array(numbers, np.float32), names)

    def batch(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """`BATCH` maps [B, S, S, 3] int8 from any side, moved, mirrored or not, and of whom [B]."""
        persons = rng.integers(len(self.maps), size=BATCH)
        drawn = self.maps[persons, rng.integers(self.maps.shape[1], size=BATCH)]
        drawn = np.roll(drawn, rng.integers(-SHIFT, SHIFT + 1), 1)
        mirrored = rng.random(BATCH) < 0.5
        drawn[mirrored] = drawn[mirrored, :, ::-1] * np.array([-1, 1, 1], np.int8)
        return drawn, persons


def train_gdna_features(data: Path, out: Path, seed: int) -> None:
    """Write `gdna_features.safetensors` and its card. Raises InputError without the data or the library anny."""
    rows, run = layer_samples(data), fabric()
    folds = FoldRows(rows.dresser, rows.poses)
    shown = Shown.read(folds, "train", PERSONS)
    torch.manual_seed(seed)
    teller = Teller(len(shown.names))
    outcome = train(NAME, teller, _objective(teller, shown, seed, run), SCHEDULE, run)
    teller.eval().requires_grad_(False).cpu()
    card = {
        "recipe": "likeness train gdna-features",
        "data": DATA,
        "licence": "GPL-3.0-or-later",
        "device": outcome.device,
        "metrics": {
            "persons": len(PERSONS),
            "held_out_persons": HELD_OUT,
            **told(teller, Shown.read(folds, "test_person", range(HELD_OUT)), shown),
        },
        "training": {"steps": outcome.steps, "minutes": outcome.minutes, "losses": outcome.losses},
        "parameters": sum(parameter.numel() for parameter in teller.features.parameters()),
    }
    publish(NAME, out, {key: _stored(value) for key, value in teller.features.state_dict().items()}, card)


def _objective(teller: Teller, shown: Shown, seed: int, run: Fabric) -> Callable[[int], Losses]:
    mean, scale = shown.numbers.mean(0), shown.numbers.std(0)

    def losses(step: int) -> Losses:
        maps, persons = shown.batch(np.random.default_rng([seed, 8, step]))
        found = teller.train()(as_maps(maps).to(run.device))
        terms = {
            kind: functional.cross_entropy(found[kind].float(), torch.from_numpy(true[persons]).to(run.device))
            for kind, true in shown.kinds.items()
        }
        truth = torch.from_numpy((shown.numbers[persons] - mean) / scale).to(run.device)
        return terms | {"numbers": functional.mse_loss(found["numbers"].float(), truth)}

    return losses


def told(teller: Teller, held_out: Shown, trained: Shown) -> dict[str, object]:
    """How well the four sides together tell: shares of right kinds, and of the numbers' variance explained."""
    found = [teller(as_maps(maps)) for maps in held_out.maps]
    right = {}
    for kind, true in held_out.kinds.items():
        taken = np.array([each[kind].softmax(1).mean(0).argmax().item() for each in found])
        right[kind] = round(float((taken == true).mean()), 3)
    mean, scale = trained.numbers.mean(0), trained.numbers.std(0)
    off = np.stack([f["numbers"].mean(0).numpy() for f in found]) - (held_out.numbers - mean) / scale
    known = 1 - (off**2).mean(0) / ((held_out.numbers - mean) / scale).var(0)
    explained = {name: round(float(share), 2) for name, share in zip(held_out.names, known, strict=True)}
    return {"right": right, "variance_explained": explained}


def _stored(value: Tensor) -> np.ndarray:
    return (value.half() if value.is_floating_point() else value).numpy()


def as_maps(normals: np.ndarray) -> Tensor:
    """Maps [B, S, S, 3] int8 (times 127) as the network sees them, `[B, 3, S / 2, S / 2]`."""
    return functional.avg_pool2d(torch.from_numpy(np.ascontiguousarray(normals)).permute(0, 3, 1, 2) / 127, COARSER)


def load_map_features() -> MapFeatures:
    """The trained features, without gradients.

    Raises EngineError when the weights are missing, damaged or of another version.
    """
    path = weights_path(NAME)
    tensors, _ = load_tensors(path)
    features = MapFeatures()
    try:
        features.load_state_dict({key: torch.tensor(value) for key, value in tensors.items()})
    except RuntimeError as error:
        raise EngineError(f"{path.name} is not a network of this version; reinstall Likeness.") from error
    return features.eval().requires_grad_(False)
