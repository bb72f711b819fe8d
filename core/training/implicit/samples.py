"""The cache of samples: folders of 100 heads, an array a file, read as memory maps.

A folder is written aside and renamed, so that a broken run goes on where it stopped, and a training may start on the
folders that are there while the rest is made.
"""

import multiprocessing
import os
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.progress import track

from ...implicit.latents import HAIR
from .hair import HairLibrary
from .sampling import BALD_FIRST, HeadGenerator, samples_folder

HEADS = {"train": 2400, "test": 48}
CHUNK = 100
_maker: HeadGenerator
"""Of a worker process."""


@dataclass(frozen=True)
class SampleSet:
    """Heads' samples, arrays of a folder at a time; points are in random order within a head.

    Of the skin, under hair too: `surface_points` [H, 6000, 3] float32, `surface_normals` float16, `surface_template`
    float32 (the same place on the template mesh), `surface_region` [H, 6000] uint8 (heads.REGIONS), `surface_triangle`
    int32, `surface_barycentric` [H, 6000, 3] float32; `space_points` [H, 8000, 3], `space_sdf` [H, 8000] float32.

    Where there is hair: `hull_points` [H, 3000, 3] float32, `hull_normals` float16, `hull_template` float32 (the same
    place on the mean head's hair); `hair_points` [H, 5000, 3] and the distance to the hair, `hair_sdf` [H, 5000].

    Metres, distances negative inside.
    """

    z: np.ndarray
    """[H, 132] float32: beta, hair code."""
    variant: np.ndarray
    """[H] int32 haircut, -1 for none."""
    folders: tuple[dict[str, np.ndarray], ...]

    @classmethod
    def open(cls, split: str, cache: Path | None = None) -> "SampleSet":
        """The folders of a split that are in the cache. Raises FileNotFoundError when there are none."""
        cache = cache or samples_folder()
        paths = sorted(path for path in (cache / split).glob("[0-9]*") if path.suffix != ".part")
        if not paths:
            raise FileNotFoundError(f"There are no samples in {cache / split}.")
        folders = tuple({file.stem: np.load(file, mmap_mode="r") for file in sorted(p.glob("*.npy"))} for p in paths)
        variant = np.concatenate([folder["variant"] for folder in folders])
        codes = HairLibrary.cached_codes(cache) if (variant >= 0).any() else np.zeros((1, HAIR), np.float32)
        beta = np.concatenate([folder["beta"] for folder in folders])
        return cls(np.concatenate([beta, codes[variant + 1]], 1), variant, folders)

    def __len__(self) -> int:
        return len(self.variant)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *(len(folder["beta"]) for folder in self.folders)])

    def head(self, index: int) -> dict[str, np.ndarray]:
        """Every array of one head, still mapped."""
        folder = int(np.searchsorted(self._starts, index, "right")) - 1
        return {name: array[index - self._starts[folder]] for name, array in self.folders[folder].items()}

    def skin_batch(self, rng: np.random.Generator, heads: int, surface: int, space: int) -> dict[str, np.ndarray]:
        """Random heads with random points of each: `z` [B, 132], `surface_...` [B, surface, ...] and `space_...`."""
        return self._drawn(rng, np.arange(len(self)), heads, {"surface": surface, "space": space})

    def hair_batch(self, rng: np.random.Generator, heads: int, surface: int, space: int) -> dict[str, np.ndarray]:
        """The same of heads with hair: `z` [B, 132], `hull_...` [B, surface, ...] and `hair_...` [B, space, ...]."""
        return self._drawn(rng, np.flatnonzero(self.variant >= 0), heads, {"hull": surface, "hair": space})

    def _drawn(
        self, rng: np.random.Generator, among: np.ndarray, heads: int, counts: dict[str, int]
    ) -> dict[str, np.ndarray]:
        """`counts` points of each kind of array, by the first word of its name, of random heads of `among`."""
        index = rng.choice(among, heads, replace=False)
        rows: dict[str, list[np.ndarray]] = {}
        for head in map(self.head, index):
            share = {kind: rng.random() for kind in counts}
            for name, array in head.items():
                if (kind := name.split("_")[0]) in counts:
                    start = int(share[kind] * (len(array) - counts[kind] + 1))
                    rows.setdefault(name, []).append(array[start : start + counts[kind]])
        return {"z": self.z[index]} | {name: np.stack(parts) for name, parts in rows.items()}


def samples(data: Path, split: str, cache: Path | None = None, workers: int = 2) -> SampleSet:
    """The samples of "train" or "test", after making those that the cache lacks.

    About 0.2 s a bald head, 0.4 s one with hair, on one core. Raises InputError when the ICT-FaceKit or the MakeHuman
    data are not below `data`.
    """
    cache = cache or samples_folder()
    total, bald = HEADS[split], min(BALD_FIRST[split], HEADS[split])
    # Bald heads and others, whose arrays differ, lie in folders apart.
    starts = sorted({*range(0, bald, CHUNK), *range(bald, total, CHUNK)})
    missing = [
        (cache / split / f"{start:05d}", split, start, end)
        for start, end in pairwise([*starts, total])
        if not (cache / split / f"{start:05d}").is_dir()
    ]
    if missing:
        if total > BALD_FIRST[split]:
            HeadGenerator(data, cache).library  # noqa: B018 made once, before each worker would make it
        with multiprocessing.get_context("spawn").Pool(workers, _start, (data, cache)) as pool:
            for _ in track(pool.imap(_write, missing), f"Samples ({split})", len(missing)):
                pass
    return SampleSet.open(split, cache)


def _start(data: Path, cache: Path) -> None:
    global _maker
    _maker = HeadGenerator(data, cache)


def _write(task: tuple[Path, str, int, int]) -> None:
    """Make the heads `start`..`end` and write their folder."""
    folder, split, start, end = task
    rows = [_maker.sample(split, index) for index in range(start, end)]
    unfinished = folder.with_suffix(".part")
    unfinished.mkdir(parents=True, exist_ok=True)
    for name in rows[0]:
        np.save(unfinished / f"{name}.npy", np.stack([row[name] for row in rows]))
    os.replace(unfinished, folder)
