"""Synthetic portraits by the thousand: made once, kept in the cache, drawn in batches."""

import multiprocessing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from rich.progress import track

from ...capture.coarse_net import SIDE
from ...capture.face_crop import corner_aligned
from ...parametric.dense_points import DensePoints
from ...parametric.head import HeadModel
from .identity import mirrored_shapes
from .sittings import MARGIN, SIZE
from .studio import Portrait, Studio

SHARD = 100
"""Portraits a file."""
SPLITS = {"train": 0, "test": 1}
ZOOM, TURN, SHIFT = 0.12, 0.2, 0.04
"""Of the network's view against a picture's middle: deviation of the logarithm, radians, share of the side."""


class Views(NamedTuple):
    """B views of portraits."""

    pixels: np.ndarray
    """[B, SIDE, SIDE, 3] uint8."""
    points: np.ndarray
    """[B, P, 2] pixels."""
    visible: np.ndarray
    """[B, P] bool."""
    beta: np.ndarray
    """[B, 100]."""


@dataclass(frozen=True)
class PortraitSet:
    """N portraits: `Portrait`'s fields, stacked."""

    portraits: Portrait
    mirror: np.ndarray
    """[P] of the dense points."""
    shape_mirror: np.ndarray
    """[100, 100] of the betas."""

    @classmethod
    def load(cls, data: Path, cache: Path, split: str, count: int, workers: int = 1) -> "PortraitSet":
        """The first `count` of "train" or "test", whose skins and lights are of other people; makes what the cache
        lacks (a fifth of a second a portrait and core). Raises InputError when `data` lacks something.
        """
        folder = cache / split
        folder.mkdir(parents=True, exist_ok=True)
        shards = range(-(-count // SHARD))
        missing = [index for index in shards if not _path(folder, index).is_file()]
        if missing:
            with multiprocessing.get_context("spawn").Pool(workers, _start, (data, cache, split)) as pool:
                for _ in track(pool.imap_unordered(_make, missing), f"Portraits, {split}", len(missing)):
                    pass
        rows = [np.load(_path(folder, index)) for index in shards]
        stacked = {f.name: np.concatenate([row[f.name] for row in rows])[:count] for f in fields(Portrait)}
        model = HeadModel.load()
        return cls(Portrait(**stacked), DensePoints.of(model).mirror, mirrored_shapes(model))

    def __len__(self) -> int:
        return len(self.portraits.pixels)

    def batch(self, rng: np.random.Generator, size: int) -> Views:
        """Random views of random portraits."""
        chosen, mirrored = rng.integers(len(self), size=size), rng.random(size) < 0.5
        views = [self.view(i, random_view(rng), bool(flip)) for i, flip in zip(chosen, mirrored, strict=True)]
        beta = self.portraits.beta[chosen]
        beta = np.where(mirrored[:, None], beta @ self.shape_mirror, beta).astype(np.float32)
        pixels, points, visible = (np.stack(column) for column in zip(*views, strict=True))
        return Views(pixels, points, visible, beta)

    def view(self, index: int, affine: np.ndarray, mirrored: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A portrait through an `affine` map `[2, 3]` of its pixels to the view's (centres at +0.5)."""
        pixels, points = self.portraits.pixels[index], self.portraits.points[index]
        visible = self.portraits.visible[index]
        if mirrored:
            pixels, points = pixels[:, ::-1], (points * (-1, 1) + (SIZE, 0))[self.mirror]
            visible = visible[self.mirror]
        image = cv2.warpAffine(
            np.ascontiguousarray(pixels),
            corner_aligned(affine),
            (SIDE, SIDE),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return image, (points @ affine[:, :2].T + affine[:, 2]).astype(np.float32), visible


def middle_view(zoom: float = 1.0, turn: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """[2, 3] the map that turns a picture by `turn` radians about its middle, and frames it as the network expects."""
    scale = zoom * MARGIN * SIDE / SIZE
    rotation = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return np.c_[rotation, SIDE / 2 + np.array(shift) * SIDE - rotation @ [SIZE / 2, SIZE / 2]]


def random_view(rng: np.random.Generator) -> np.ndarray:
    """[2, 3] a map as `middle_view` makes them, zoomed, turned and shifted a little."""
    return middle_view(np.exp(rng.normal(0, ZOOM)), rng.normal(0, TURN), tuple(rng.normal(0, SHIFT, 2)))


def _path(folder: Path, index: int) -> Path:
    return folder / f"{index:04d}.npz"


_studio: Studio
_folder: Path
_split: int


def _start(data: Path, cache: Path, split: str) -> None:
    global _studio, _folder, _split
    cv2.setNumThreads(1)
    _studio, _folder, _split = Studio(data, cache, held_out=split == "test"), cache / split, SPLITS[split]


def _make(index: int) -> None:
    portraits = [_studio.portrait(np.random.default_rng([_split, index, k])) for k in range(SHARD)]
    unfinished = _folder / f"{index:04d}.part.npz"
    np.savez(unfinished, **{f.name: np.stack([getattr(p, f.name) for p in portraits]) for f in fields(Portrait)})
    unfinished.replace(_path(_folder, index))
