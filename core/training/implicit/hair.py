"""The library of haircuts: variants of MakeHuman's styles as hulls on the mean head, and a linear code of their shapes.

The code is about the bald head, whose code is zero, and closed under mirroring: each component's field is symmetric or
antisymmetric, so that the mirrored haircut has the code times `mirror`.
"""

import multiprocessing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from rich.progress import track
from scipy.spatial.distance import cdist

from ...implicit.latents import HAIR
from .hair_fit import STYLES, fitted_styles
from .hair_hulls import Cut, HullMaker
from .heads import FACE, HeadSampler

UNSEEN = "short02"
"""The style that no training head wears."""
SEEN = tuple(style for style in STYLES if style != UNSEEN)
KINDS = {"train": range(33 * len(SEEN)), "test": range(297, 337), "unseen_style": range(337, 347)}
CLIP, CODED = 0.015, np.s_[2::2, ::2, ::2]
"""The code is of distances up to the first, in metres, at every other voxel, chosen symmetric in x."""
CONTROLS = 400
"""Points of the skin that the hair follows."""


@dataclass(frozen=True)
class HairLibrary:
    """Hulls and codes, by variant."""

    folder: Path
    sampler: HeadSampler

    @classmethod
    def load(cls, data: Path, sampler: HeadSampler, cache: Path, workers: int = 2) -> "HairLibrary":
        """From the cache, after making what it lacks: a second or two a hull. Raises InputError without the data."""
        library = cls(cache / "hair", sampler)
        library.folder.mkdir(parents=True, exist_ok=True)
        missing = [variant for kind in KINDS.values() for variant in kind if not library._path(variant).is_file()]
        if missing:
            with multiprocessing.get_context("spawn").Pool(workers, _start, (data, library.folder)) as pool:
                for _ in track(pool.imap_unordered(_write, missing), "Haircuts", len(missing)):
                    pass
        if not (library.folder / "codes.npz").is_file():
            library._encode()
        return library

    @staticmethod
    def variants(kind: str) -> range:
        """Of "train", "test" (other cuts of the same styles) or "unseen_style"."""
        return KINDS[kind]

    @staticmethod
    def cached_codes(cache: Path) -> np.ndarray:
        """[1 + variants, 32], the bald head's zeros first."""
        with np.load(cache / "hair" / "codes.npz") as file:
            return file["codes"]

    @staticmethod
    def cached_mirror(cache: Path) -> np.ndarray:
        """[32] signs that mirror a code."""
        with np.load(cache / "hair" / "codes.npz") as file:
            return file["mirror"]

    def _path(self, variant: int) -> Path:
        return self.folder / f"{variant:03d}.npz"

    def carried(self, variant: int, displacement: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The hull on a head whose skin is displaced [V, 3] from the mean: vertices [H, 3], triangles [G, 3], and the
        vertices [H, 3] on the mean head.
        """
        with np.load(self._path(variant)) as file:
            vertices, triangles = file["vertices"].astype(np.float64), file["triangles"].astype(np.int64)
        controls, inverse = self._controls
        points = self.sampler.mean[controls]
        weights = inverse[:, : len(controls)] @ displacement[controls]
        basis = np.c_[cdist(vertices, points), np.ones(len(vertices)), vertices]
        return vertices + basis @ weights, triangles, vertices

    @cached_property
    def _controls(self) -> tuple[np.ndarray, np.ndarray]:
        """Well spread vertices of the outer skin, and the inverse of the biharmonic spline (kernel r) through them."""
        skin = np.flatnonzero(self.sampler.vertex_region <= FACE)
        points = self.sampler.mean[skin]
        chosen, distance = [0], np.full(len(skin), np.inf)
        for _ in range(CONTROLS - 1):
            distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
            chosen.append(int(distance.argmax()))
        points = points[chosen]
        affine = np.c_[np.ones(CONTROLS), points]
        system = np.block([[cdist(points, points), affine], [affine.T, np.zeros((4, 4))]])
        return skin[chosen], np.linalg.inv(system)

    def _encode(self) -> None:
        """Principal components, about the bald head, of the fields of the training hair and of its mirror image."""
        fields = np.stack([np.load(self._path(variant))["field"] for kind in KINDS.values() for variant in kind])
        fields, count = fields.astype(np.float32), len(KINDS["train"])
        variances, halves, signs = [], [], []
        for sign in (1, -1):
            half = 0.5 * (fields + sign * fields[:, ::-1]).reshape(len(fields), -1)
            values, vectors = np.linalg.eigh(half[:count] @ half[:count].T / count)
            values, vectors = values[: -1 - HAIR : -1], vectors[:, : -1 - HAIR : -1]
            axes = half[:count].T @ vectors / np.sqrt(count * values)
            variances.append(values)
            halves.append(half @ axes / np.sqrt(values))
            signs.append(np.full(HAIR, sign, np.float32))
        variance = np.concatenate(variances)
        order = np.argsort(-variance)[:HAIR]
        codes = np.concatenate(halves, 1)[:, order]
        np.savez(
            self.folder / "codes.npz",
            codes=np.concatenate([np.zeros((1, HAIR)), codes]).astype(np.float32),
            mirror=np.concatenate(signs)[order],
            kept=variance[order].sum() * count / (fields[:count] ** 2).sum(),
        )


_maker: HullMaker
_styles: dict
_folder: Path


def _start(data: Path, folder: Path) -> None:
    global _maker, _styles, _folder
    sampler = HeadSampler.load(data)
    _maker, _styles, _folder = HullMaker(sampler), fitted_styles(data, sampler), folder


def _write(variant: int) -> None:
    """Make a variant and write its mesh and its field less the bald head's."""
    unseen = variant in KINDS["unseen_style"]
    style = UNSEEN if unseen else SEEN[variant % len(SEEN)]
    field = _maker.field(_styles[style], Cut.random(variant))
    vertices, triangles = _maker.mesh(field)
    bald = np.clip(_maker.head, -CLIP, CLIP)
    change = (np.clip(np.minimum(field, _maker.head), -CLIP, CLIP) - bald)[CODED]
    unfinished = _folder / f"{variant:03d}.part.npz"
    np.savez(
        unfinished,
        vertices=vertices.astype(np.float32),
        triangles=triangles.astype(np.int32),
        field=change.astype(np.float16),
    )
    unfinished.replace(_folder / f"{variant:03d}.npz")
