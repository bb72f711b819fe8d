"""Recipe `displacement-prior`: what relief faces have, learned from what fine inverse rendering finds on portraits."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import nnls

from ...parametric.displacement_prior import DisplacementPrior, onto_one_side
from ...parametric.head import HeadModel
from ...rendering.atlas import Atlas, build_atlas
from ...weights import FOLDER
from ..implicit.trainer import cache_folder
from ..publish import publish
from .reliefs import SIZE as RELIEF_SIZE
from .reliefs import Reliefs

SIZE = 256
"""Texels across the chart, about 2 mm each."""
SEEN = 0.3
"""Sight from which a portrait tells of a texel."""
OFTEN = 0.1
"""Share of the portraits that must tell of a texel for the prior to do so."""
UNSURE, DOUBTED = 4.0, 0.05
"""Portraits without relief that are added to those that tell of a texel, and their deviation in millimetres."""
LENGTHS = np.array([1.5, 3.0, 6.0, 12.0])
"""Millimetres."""
OWN = 0.02
"""Share of the variance, at least, that is each texel's own."""
PAIRED = 500
"""Texels of a portrait that are looked at in pairs."""


def train_displacement_prior(data: Path, out: Path = FOLDER, seed: int = 0) -> None:
    """Learn on `data`/portraits; write `displacement_prior.safetensors` and its card to `out`.

    Raises InputError when there are no portraits.
    """
    cache, model = cache_folder() / "photo", HeadModel.load()
    atlases = build_atlas(model, "skin", RELIEF_SIZE), build_atlas(model, "skin", SIZE)
    reliefs, others = Reliefs.load(data, cache), Reliefs.load(data, cache, held_out=True)
    charts, rest = Charts.of(reliefs, *atlases), Charts.of(others, *atlases)
    prior = learn(charts, atlases[1], 1000 * atlases[1].gather(model.v_template), np.random.default_rng(seed))
    card = {
        "recipe": "likeness train displacement-prior",
        "data": f"relief by fine inverse rendering of {len(reliefs)} official portraits (public domain) and of their "
        "mirror images",
        "licence": "GPL-3.0-or-later",
        "metrics": {"held_out_portraits": len(others), **held_out(prior, charts, rest)},
    }
    tensors = {
        "size": np.array([prior.size], np.int32),
        "texels": prior.texels.astype(np.int32),
        **{name: getattr(prior, name).astype(np.float32) for name in ("points", "mean", "deviation")},
        "lengths": prior.lengths.astype(np.float32),
        "shares": prior.shares.astype(np.float32),
        "symmetry": np.array([prior.symmetry], np.float32),
    }
    publish("displacement_prior", out, tensors, card)


@dataclass(frozen=True)
class Charts:
    """P portraits in the prior's resolution."""

    height: np.ndarray
    """[P, SIZE, SIZE] float32 millimetres: folds and wrinkles together, as posed in the photo."""
    weight: np.ndarray
    """[P, SIZE, SIZE] float32 0..1; 0 where a portrait does not tell."""

    def __len__(self) -> int:
        return len(self.height)

    @classmethod
    def of(cls, reliefs: Reliefs, atlas: Atlas, coarse: Atlas) -> "Charts":
        """Of portraits and of their mirror images, one after the other; the atlases are of the reliefs' size and of the
        prior's."""
        heights, weights = [], []
        for k in range(len(reliefs)):
            sight = reliefs.wrinkles_sight[k].astype(np.float32)
            height = atlas.gather(reliefs.folds[k].astype(np.float32)) + reliefs.wrinkles[k].astype(np.float32)
            both = atlas.image(np.stack([sight * height, sight], 1))
            product, weight = cv2.split(cv2.resize(both, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
            seen = weight > SEEN
            heights.append(np.where(seen, product / np.where(seen, weight, 1), 0))
            weights.append(np.where(seen, weight, 0))
        return cls(_doubled(heights, coarse), _doubled(weights, coarse))


def _doubled(images: list[np.ndarray], atlas: Atlas) -> np.ndarray:
    """The images, each followed by its mirror image."""
    mirrored = [cv2.remap(image, atlas.mirror_map, None, cv2.INTER_NEAREST) for image in images]
    return np.stack([images, mirrored], 1).reshape(-1, SIZE, SIZE)


def learn(charts: Charts, atlas: Atlas, points: np.ndarray, rng: np.random.Generator) -> DisplacementPrior:
    """Moments, and the correlations that pairs of texels have; `points` [N, 3] are the atlas' texels in millimetres."""
    told = charts.weight.mean(0).ravel()[atlas.texels] > OFTEN
    texels = atlas.texels[told]
    height, weight = (images.reshape(len(charts), -1)[:, texels] for images in (charts.height, charts.weight))
    count = weight.sum(0) + UNSURE
    mean = (weight * height).sum(0) / count
    deviation = np.sqrt(((weight * (height - mean) ** 2).sum(0) + UNSURE * DOUBTED**2) / count)
    prior = DisplacementPrior(SIZE, texels, points[told], mean, deviation, LENGTHS, np.zeros(len(LENGTHS)), 0.0)
    return _correlated(prior, (height - mean) / deviation, weight, rng)


def _correlated(
    prior: DisplacementPrior, own: np.ndarray, weight: np.ndarray, rng: np.random.Generator
) -> DisplacementPrior:
    """The prior with the correlation of standardised heights `own` [P, T]: over distance by pairs on one side of the
    face, between its sides by the others."""
    near, far, products = [], [], []
    for values, seen in zip(own, weight, strict=True):
        told = np.flatnonzero(seen)
        first, second = rng.choice(told, (2, min(len(told), 40 * PAIRED)))
        apart, folded = ((p[first] - p[second]) ** 2 for p in (prior.points, onto_one_side(prior.points)))
        near.append(folded.sum(1))
        far.append(np.where(prior.points[first, 0] * prior.points[second, 0] > 0, -1, apart.sum(1)))
        products.append(values[first] * values[second])
    folded, plain, product = (np.concatenate(parts) for parts in (near, far, products))
    same = plain < 0
    bells = np.exp(folded[same, None] / (-2 * LENGTHS**2))
    shares, _ = nnls(bells.T @ bells, bells.T @ product[same])
    prior = replace(prior, shares=shares * min(1, (1 - OWN) / max(shares.sum(), 1e-9)))
    alike, apart = prior.bells(folded[~same]), prior.bells(plain[~same])
    symmetry = (product[~same] - apart) @ (alike - apart) / ((alike - apart) ** 2).sum()
    return replace(prior, symmetry=float(np.clip(symmetry, 0, 1)))


def held_out(prior: DisplacementPrior, charts: Charts, rest: Charts) -> dict[str, float]:
    """How likely the relief of the `rest` is, nats a texel, and how far off its hidden sides are told, millimetres, by
    the `prior` and by what is simpler; every second one, since the others are mirror images."""
    flat = replace(prior, mean=0 * prior.mean, shares=0 * prior.shares)
    told = [images.reshape(len(images), -1)[:, prior.texels] for images in (charts.height, charts.weight)]
    isotropic = np.sqrt(np.average(told[0] ** 2, weights=told[1]))
    rivals = {
        "isotropic": replace(flat, deviation=0 * prior.mean + isotropic),
        "isotropic_smooth": replace(flat, deviation=0 * prior.mean + isotropic, shares=prior.shares),
        "texelwise": replace(prior, shares=0 * prior.shares),
        "prior": prior,
    }
    heights, weights = (images.reshape(len(images), -1)[::2, prior.texels] for images in (rest.height, rest.weight))
    count = (weights > 0).sum()
    figures = {}
    for name, rival in rivals.items():
        total = sum(rival.log_likelihood(h, w > 0) for h, w in zip(heights, weights, strict=True))
        figures[f"nats_{name}"] = round(total / count, 3)
    errors = completion(prior, rest.height[::2], rest.weight[::2])
    return {**figures, **{f"hidden_mm_{name}": round(error, 4) for name, error in errors.items()}}


def completion(prior: DisplacementPrior, heights: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """Root mean square, millimetres, of what is wrong on a side of the face that was hidden from charts
    `[P, SIZE, SIZE]`, when it is taken to be flat, the mirror image of the other, or as the prior has it."""
    texels = prior.texels
    flipped = np.sqrt(((prior.points[:, None] * [-1, 1, 1] - prior.points[None]) ** 2).sum(-1)).argmin(1)
    errors = {"flat": 0.0, "mirrored": 0.0, "prior": 0.0}
    count = 0
    for height, weight in zip(
        *(images.reshape(len(images), -1)[:, texels] for images in (heights, weights)), strict=True
    ):
        for side in (prior.points[:, 0] < 0, prior.points[:, 0] >= 0):
            seen = np.where(side, 0, weight)
            asked = np.flatnonzero(side & (weight > 0) & (seen[flipped] > 0))
            told = prior.expected(height, seen, asked)
            for name, guess in {"flat": 0.0, "mirrored": height[flipped[asked]], "prior": told}.items():
                errors[name] += float(((guess - height[asked]) ** 2).sum())
            count += len(asked)
    return {name: float(np.sqrt(error / count)) for name, error in errors.items()}
