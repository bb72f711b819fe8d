"""Random clothes: distributions fitted to the codes of the figures that gDNA was trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.cluster.vq import kmeans2

OUTFITS = "outfits."
"""What names of their tensors begin with."""
SPREAD = 0.5
"""Of a Gaussian's deviations that samples have: garments like those that are worn, not caricatures of them."""
KINDS = 24
"""Gaussians a layer: its garments come in so many cuts."""
FLOOR = 0.05
"""Least deviation of a Gaussian in any direction of the code."""
GENDER = 0.25
"""How far a person's gender may be from that of a garment's wearers, 0 to 1."""


@dataclass(frozen=True)
class CodeDistribution:
    """A mixture of K Gaussians over a layer's codes of C numbers; of one, what gDNA fits."""

    weight: np.ndarray
    """[K], sum 1."""
    mean: np.ndarray
    """[K, C]."""
    factor: np.ndarray
    """[K, C, C]: the covariance is factor @ factor.T."""
    gender: np.ndarray
    """[K] mean of its wearers, 0 men to 1 women."""

    @classmethod
    def fit(cls, codes: np.ndarray, gender: np.ndarray, kinds: int = KINDS, seed: int = 0) -> "CodeDistribution":
        """To codes [P, C] of wearers with `gender` [P]: k-means, then a Gaussian for each cluster."""
        _, label = kmeans2(codes.astype(np.float64), kinds, minit="++", rng=np.random.default_rng(seed))
        found = [np.flatnonzero(label == k) for k in range(kinds)]
        found = [members for members in found if len(members)]
        floor = FLOOR**2 * np.eye(codes.shape[1])
        factors = [
            np.linalg.cholesky(np.cov(codes[m].T, bias=True).reshape(floor.shape) + floor).astype(np.float32)
            for m in found
        ]
        return cls(
            np.array([len(m) for m in found]) / len(codes),
            np.stack([codes[m].mean(0) for m in found]),
            np.stack(factors),
            np.array([gender[m].mean() for m in found]),
        )

    def sample(self, gender: float | None, rng: np.random.Generator) -> np.ndarray:
        """A code [C] for a person of that gender (0 man to 1 woman; None for anybody)."""
        weight = self.weight
        if gender is not None:
            weight = weight * np.exp(-0.5 * ((self.gender - gender) / GENDER) ** 2) + 1e-12
        kind = rng.choice(len(weight), p=weight / weight.sum())
        code = self.mean[kind] + SPREAD * self.factor[kind] @ rng.standard_normal(self.mean.shape[1])
        return code.astype(np.float32)


@dataclass(frozen=True)
class Outfits:
    """What people wear."""

    layers: Mapping[str, CodeDistribution]
    bare: Mapping[str, float]
    """Layer -> share of people without: barefoot, bald."""
    looks: np.ndarray
    """[17]: a body's gender, 0 man to 1 woman, as a linear function of its beta and 1."""

    def gender(self, beta: np.ndarray) -> float:
        """What clothes a body `beta` [16] is likely to wear: 0 men's to 1 women's."""
        return float(np.clip(beta @ self.looks[:-1] + self.looks[-1], 0, 1))

    def sample(self, gender: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Layer -> z [C] of what a random person of that gender may wear, a bottom always."""
        drawn = {layer: (codes.sample(gender, rng), rng.random()) for layer, codes in self.layers.items()}
        return {layer: z for layer, (z, luck) in drawn.items() if layer == "bottom" or luck >= self.bare[layer]}

    def tensors(self) -> dict[str, np.ndarray]:
        """What `from_tensors` reads."""
        found = {f"{OUTFITS}bare": np.array([self.bare[layer] for layer in self.layers], np.float32)}
        found[f"{OUTFITS}looks"] = self.looks.astype(np.float32)
        for layer, codes in self.layers.items():
            for field in fields(codes):
                found[f"{OUTFITS}{layer}.{field.name}"] = getattr(codes, field.name).astype(np.float32)
        return found

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], layers: Sequence[str]) -> "Outfits":
        """Raises KeyError when one is missing."""
        names = [field.name for field in fields(CodeDistribution)]
        return cls(
            {
                layer: CodeDistribution(*(tensors[f"{OUTFITS}{layer}.{name}"].astype(np.float64) for name in names))
                for layer in layers
            },
            dict(zip(layers, tensors[f"{OUTFITS}bare"].tolist(), strict=True)),
            tensors[f"{OUTFITS}looks"].astype(np.float64),
        )
