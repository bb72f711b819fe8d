"""Patches of the figures' normal maps, taken to the mean body: what gDNA's detail is learned from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from rich.progress import track
from scipy.spatial import cKDTree

from ...implicit.gdna import LAYERS, Gdna
from ...parametric.shape_warp import ShapeWarp
from ..figures.figure import PARTS
from ..figures.fold_rows import FINENESS, FoldRows
from .samples import LayerSamples

SIZE = 64
"""Pixels along a side: 26 cm."""
EACH = 8
"""Patches a person."""
WORN = 0.5
"""Least share of a patch that is clothes, shoes or hair."""
EXACT = 1500
"""Points of a person at which the warp itself is asked."""
STEP = 2e-3
"""Metres over which the warp is differentiated."""


@dataclass(frozen=True)
class Patches:
    """P patches of `SIZE` by `SIZE` pixels about the mean body."""

    person: np.ndarray
    """[P] index of the person in its split."""
    points: np.ndarray
    """[P, SIZE, SIZE, 3] float16 metres, on the smooth surface."""
    normals: np.ndarray
    """[P, SIZE, SIZE, 3] int8 (times 127), of the surface with folds."""
    coarse: np.ndarray
    """[P, SIZE, SIZE, 3] int8 (times 127), the field's."""
    layer: np.ndarray
    """[P, SIZE, SIZE] int8 index into `LAYERS`, -1 for skin and for nothing."""

    @classmethod
    def of(
        cls, folds: FoldRows, samples: LayerSamples, field: Gdna, codes: Sequence[dict[str, torch.Tensor]], split: str
    ) -> "Patches":
        """Of the first persons of a split, of whose clothes `codes` are; made once and kept."""
        path = samples.folder / f"patches_{split}_{len(codes)}.npz"
        if not path.is_file():
            found = [
                _patches(folds, samples, field, code, split, index)
                for index, code in enumerate(track(codes, f"Patches ({split})"))
            ]
            arrays = [np.concatenate(column) for column in zip(*found, strict=True)]
            np.savez(path, **dict(zip(("person", "points", "normals", "coarse", "layer"), arrays, strict=True)))
        with np.load(path) as file:
            return cls(**dict(file))


def _patches(
    folds: FoldRows, samples: LayerSamples, field: Gdna, code: dict[str, torch.Tensor], split: str, index: int
) -> tuple[np.ndarray, ...]:
    row, rng = folds.row(split, index), np.random.default_rng([index, 7])
    shaped = samples.shaped(samples.row(split, index)["beta"])
    worn = np.isin(row["parts"], [PARTS.index(part) for part in ("suit", "shoes", "hair")])
    windows = _windows(worn, rng)
    cut = {key: np.stack([row[key][window] for window in windows]) for key in row if row[key].ndim >= 3}
    covered = np.isin(cut["parts"], [PARTS.index(part) for part in ("suit", "shoes", "hair")])
    points = cut["smooth_points"][covered] * FINENESS
    mean, normals = _about_mean(samples.warp, shaped, points, cut["normals"][covered] / 127, rng)
    of_layer = _layers(field, code, mean, cut["parts"][covered])
    coarse = _coarse(field, code, mean, of_layer)

    def image(values: np.ndarray, fill: int = 0) -> np.ndarray:
        made = np.full((*covered.shape, *values.shape[1:]), fill, values.dtype)
        made[covered] = values
        return made

    unit = (np.round(127 * vectors).astype(np.int8) for vectors in (normals, coarse))
    images = (image(mean.astype(np.float16)), *map(image, unit), image(of_layer.astype(np.int8), -1))
    return np.full(len(windows), index), *images


def _coarse(field: Gdna, code: dict[str, torch.Tensor], points: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """[N, 3] unit normals of the field at points [N, 3] of the layers [N]."""
    found = np.zeros_like(points)
    for name, z in code.items():
        own = layer == LAYERS.index(name)
        if own.any():
            found[own] = field.normals(name, torch.from_numpy(points[own]).float()[None], z)[0].numpy()
    return found


def _windows(worn: np.ndarray, rng: np.random.Generator) -> list[tuple[int, slice, slice]]:
    """View, rows and columns of random patches, most of each worn."""
    windows: list[tuple[int, slice, slice]] = []
    places = np.argwhere(worn)
    while len(windows) < EACH:
        view, row, column = places[rng.integers(len(places))] - (0, SIZE // 2, SIZE // 2)
        row, column = (int(np.clip(value, 0, worn.shape[1] - SIZE)) for value in (row, column))
        window = int(view), slice(row, row + SIZE), slice(column, column + SIZE)
        if worn[window].mean() > WORN or rng.random() < 0.1:
            windows.append(window)
    return windows


def _about_mean(
    warp: ShapeWarp, shaped: np.ndarray, points: np.ndarray, normals: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Points and normals [N, 3] of a surface about `shaped`, of the surface that M takes it to.

    Normals turn by the transpose of the warp's Jacobian. Both are exact at `EXACT` of the points, and the others follow
    their neighbours among these: the warp is smooth.
    """
    some = points[rng.choice(len(points), min(EXACT, len(points)), replace=False)]
    mean = warp.to_mean(some, shaped)
    moves = [
        (warp.to_shape(mean + STEP * axis, shaped) - warp.to_shape(mean - STEP * axis, shaped)) / (2 * STEP)
        for axis in np.eye(3)
    ]
    distance, near = cKDTree(some).query(points, 4)
    shares = 1 / (distance + 1e-4)
    shares /= shares.sum(1, keepdims=True)
    offset = np.einsum("nk,nkc->nc", shares, (mean - some)[near])
    turned = np.einsum("nk,nkac,nc->na", shares, np.stack(moves, 1)[near], normals)
    return points + offset, turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)


def _layers(field: Gdna, code: dict[str, torch.Tensor], points: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """[N] index into `LAYERS` of points [N, 3]; a suit's are of its top or its bottom, whichever they are nearer to."""
    found = np.full(len(points), LAYERS.index("top"))
    if "bottom" in code:
        at = torch.from_numpy(points).float()[None]
        top, bottom = (field.distance(layer, at, code[layer])[0].abs().numpy() for layer in ("top", "bottom"))
        found[bottom < top] = LAYERS.index("bottom")
    for layer in ("shoes", "hair"):
        found[parts == PARTS.index(layer)] = LAYERS.index(layer)
    return found
