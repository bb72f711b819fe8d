"""Recipe `albedo-basis`: the linear albedo model, learned from de-lit portraits.

Principal components of the portraits' skins and of their mirror images. Portraits of light skin are many: each counts
by the inverse of how common its tone is, so that the model is no better for the many than for the few.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...parametric.albedo_basis import COMPONENTS, AlbedoBasis
from ...parametric.head import HeadModel
from ...rendering.atlas import build_atlas
from ...weights import FOLDER
from ..implicit.trainer import cache_folder
from ..publish import publish
from .sitters import SIZE as SITTERS_SIZE
from .sitters import Sitters

SIZE = 192
"""Texels across the chart."""
BINS, MOST = 8, 6.0
"""Of tones, to count how common each is; and how much a portrait may count beyond another."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


def train_albedo_basis(data: Path, out: Path = FOLDER, seed: int = 0) -> None:  # noqa: ARG001
    """Learn on `data`/portraits; write `albedo_basis.safetensors` and its card to `out`. Deterministic, `seed` or not.

    Raises InputError when there are no portraits.
    """
    cache = cache_folder() / "photo"
    skins = Skins.of(Sitters.load(data, cache))
    basis = learn(skins, HeadModel.load())
    rest = Skins.of(Sitters.load(data, cache, held_out=True))
    metrics = errors_by_luminance(basis, rest, HeadModel.load())
    card = {
        "recipe": "likeness train albedo-basis",
        "data": f"{len(skins.tone)} official portraits (public domain), landmarks of MediaPipe 0.10.21 (Apache-2.0)",
        "licence": "GPL-3.0-or-later",
        "metrics": {name: round(value, 4) for name, value in metrics.items()},
    }
    tensors = {"mean": basis.mean.astype(np.float16), "modes": basis.modes, "step": basis.step}
    publish("albedo_basis", out, tensors, card)


@dataclass(frozen=True)
class Skins:
    """P skins in the basis' resolution."""

    albedo: np.ndarray
    """[P, SIZE, SIZE, 3] float32 log reflectance."""
    weight: np.ndarray
    """[P, SIZE, SIZE] 0..1, how far a photo is behind it."""
    tone: np.ndarray
    """[P] log luminance."""

    @classmethod
    def of(cls, sitters: Sitters) -> "Skins":
        """Of portraits."""
        reduce = lambda image: cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA)  # noqa: E731
        albedo = np.stack([reduce(image.astype(np.float32)) for image in sitters.albedo])
        weight = np.stack([reduce(image.astype(np.float32) / 255) for image in sitters.seen])
        face = weight.mean(0) > 0.5
        return cls(albedo, weight, np.median(albedo[:, face] @ _LUMINANCE, axis=1))


def learn(skins: Skins, model: HeadModel) -> AlbedoBasis:
    """Weighted principal components; `model` says where a skin's mirror image lies."""
    atlas = build_atlas(model, "skin", SITTERS_SIZE)
    mirror = cv2.resize(atlas.mirror_map, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST) * (SIZE / SITTERS_SIZE)
    flipped = [cv2.remap(a, mirror, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for a in skins.albedo]
    rows = np.concatenate([skins.albedo, flipped]).reshape(2 * len(skins.albedo), -1)
    share = np.tile(rarity(skins.tone), 2)
    share = share / share.sum()
    mean = share @ rows
    centred = (rows - mean) * np.sqrt(share)[:, None]
    seen = np.repeat(skins.weight.mean(0), 3)  # what was completed rather than seen has no say in the directions
    _, vectors = np.linalg.eigh((centred * seen) @ centred.T)
    chosen = slice(-1, -1 - COMPONENTS, -1)
    modes = vectors[:, chosen].T @ centred  # of length sqrt(value): one standard deviation
    step = np.abs(modes).max(1) / 127
    shape = SIZE, SIZE, 3
    quantised = np.round(modes / step[:, None]).astype(np.int8)
    return AlbedoBasis(mean.reshape(shape), quantised.reshape(COMPONENTS, *shape), step.astype(np.float32))


def rarity(tone: np.ndarray) -> np.ndarray:
    """[P] weights of portraits of log luminance `tone`, the rarer the larger, from 1 to `MOST` at most."""
    counts, edges = np.histogram(tone, BINS)
    bin_ = np.clip(np.searchsorted(edges, tone, side="right") - 1, 0, BINS - 1)
    return np.minimum(counts.max() / counts[bin_], MOST)


def errors_by_luminance(basis: AlbedoBasis, skins: Skins, model: HeadModel) -> dict[str, float]:
    """Root mean square of the log reflectance that the basis, and the mean alone, leave of skins on the seen face, by
    quartile of the skins' luminance from dark to light."""
    atlas = build_atlas(model, "skin", SIZE)
    face = atlas.image(atlas.gather(model.masks["narrow_face"])) > 0.5
    left, plain = [], []
    for albedo, weight in zip(skins.albedo, skins.weight * face, strict=True):
        difference = albedo - basis.albedo(basis.fit(albedo, weight))
        left.append(_rms(difference, weight))
        plain.append(_rms(albedo - basis.mean, weight))
    quartile = np.searchsorted(np.quantile(skins.tone, [0.25, 0.5, 0.75]), skins.tone)
    figures = {"log_rms": float(np.mean(left)), "log_rms_of_the_mean": float(np.mean(plain))}
    for k in range(4):
        figures[f"log_rms_quartile_{k + 1}"] = float(np.mean(np.array(left)[quartile == k]))
        figures[f"log_rms_of_the_mean_quartile_{k + 1}"] = float(np.mean(np.array(plain)[quartile == k]))
    return figures


def _rms(difference: np.ndarray, weight: np.ndarray) -> float:
    return float(np.sqrt((weight[..., None] * difference**2).sum() / (3 * weight.sum() + 1e-9)))
