"""The cache of samples: folders of 100 heads, an array a file, read as memory maps.

A folder is written aside and renamed, so that a broken run goes on where it stopped, and a training may start on the
folders that are there while the rest is made.
"""

import multiprocessing
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from rich.progress import track

from ...implicit.latents import HAIR
from .hair import HairLibrary
from .sampling import BALD_FIRST, HeadGenerator, samples_folder

HEADS = {"train": 2400, "test": 48}
CHUNK = 100
PER_HEAD = ("beta", "hair")
SURFACE = ("points", "normals", "template", "region", "triangle", "barycentric")
SPACE = ("points", "sdf")
_maker: HeadGenerator
"""Of a worker process."""


@dataclass(frozen=True)
class SampleSet:
    """Heads' samples, arrays of a folder at a time; points are in random order within a head.

    `surface_points` [H, 6000, 3] float32, `surface_normals` float16, `surface_template` [H, 6000, 3] float32 (the same
    place on the template mesh; NaN on hair), `surface_region` uint8 (heads.REGIONS), `surface_triangle` int32 (of the
    closed skin; on hair -1) and `surface_barycentric` [H, 6000, 3] float32; `space_points` [H, 8000, 3] and `space_sdf`
    [H, 8000] float32, metres, negative inside.
    """

    z: np.ndarray
    """[H, 132] float32: beta, hair code."""
    hair: np.ndarray
    """[H] int32 variant, -1 for none."""
    folders: tuple[dict[str, np.ndarray], ...]

    @classmethod
    def open(cls, split: str, cache: Path | None = None) -> "SampleSet":
        """The folders of a split that are in the cache. Raises FileNotFoundError when there are none."""
        cache = cache or samples_folder()
        paths = sorted(path for path in (cache / split).glob("[0-9]*") if path.suffix != ".part")
        if not paths:
            raise FileNotFoundError(f"There are no samples in {cache / split}.")
        folders = tuple({file.stem: np.load(file, mmap_mode="r") for file in sorted(p.glob("*.npy"))} for p in paths)
        hair = np.concatenate([folder["hair"] for folder in folders])
        codes = HairLibrary.cached_codes(cache) if (hair >= 0).any() else np.zeros((1, HAIR), np.float32)
        return cls(np.concatenate([np.concatenate([f["beta"] for f in folders]), codes[hair + 1]], 1), hair, folders)

    def __len__(self) -> int:
        return len(self.hair)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *(len(folder["hair"]) for folder in self.folders)])

    def head(self, index: int) -> dict[str, np.ndarray]:
        """Every array of one head, still mapped."""
        folder = int(np.searchsorted(self._starts, index, "right")) - 1
        return {name: array[index - self._starts[folder]] for name, array in self.folders[folder].items()}

    def batch(
        self, rng: np.random.Generator, heads: int, surface: int, space: int, among: np.ndarray | None = None
    ) -> dict[str, np.ndarray]:
        """Random heads (of the indices `among`) with random points of each: `index` [B], `z` [B, 132], `hair` [B],
        `surface_...` [B, surface, ...] and `space_...` [B, space, ...].
        """
        index = rng.choice(len(self) if among is None else among, heads, replace=False)
        rows: dict[str, list[np.ndarray]] = {}
        for head in map(self.head, index):
            first = {"surface": (surface, rng.random()), "space": (space, rng.random())}
            for name, array in head.items():
                if name not in PER_HEAD:
                    count, share = first[name.split("_")[0]]
                    start = int(share * (len(array) - count + 1))
                    rows.setdefault(name, []).append(array[start : start + count])
        return {"index": index, "z": self.z[index], "hair": self.hair[index]} | {
            k: np.stack(v) for k, v in rows.items()
        }


def samples(data: Path, split: str, cache: Path | None = None, workers: int = 2) -> SampleSet:
    """The samples of "train" or "test", after making those that the cache lacks.

    About 0.2 s a bald head, 0.5 s one with hair, on one core. Raises InputError when the ICT-FaceKit or the MakeHuman
    data are not below `data`.
    """
    cache = cache or samples_folder()
    total = HEADS[split]
    missing = [
        (cache / split / f"{start:05d}", split, start, min(start + CHUNK, total))
        for start in range(0, total, CHUNK)
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
