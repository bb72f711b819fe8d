"""What relief faces have beyond the coarse head: a Gaussian process over the skin's chart.

Each texel has a mean and a deviation; what lies near, and what lies on the other side of the face, is alike (see
Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, section 2.2).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ..errors import EngineError
from ..tensors import load_tensors
from ..weights import weights_path

_UNRELATED = 0.01
"""Correlation up to which one height says nothing of another."""


@dataclass(frozen=True)
class DisplacementPrior:
    """d = mean + deviation g, in millimetres along the coarse head's normals, for T texels of a chart; g is Gaussian,
    of deviation 1."""

    size: int
    """Texels across the chart."""
    texels: np.ndarray
    """[T] flat index into the chart, row 0 at v = 1."""
    points: np.ndarray
    """[T, 3] millimetres, on the mean head."""
    mean: np.ndarray
    """[T]."""
    deviation: np.ndarray
    """[T]."""
    lengths: np.ndarray
    """[K] millimetres, deviations of the bells that make g's correlation over distance."""
    shares: np.ndarray
    """[K] of g's variance; the rest is each texel's own."""
    symmetry: float
    """Share of what is alike on both sides of the face."""

    @classmethod
    def load(cls, path: Path | None = None) -> "DisplacementPrior":
        """Read the prior, by default that in the weights folder. Raises EngineError when it is missing or damaged."""
        path = path or weights_path("displacement_prior")
        tensors, _ = load_tensors(path)
        try:
            return cls(
                int(tensors["size"][0]),
                tensors["texels"],
                tensors["points"],
                tensors["mean"],
                tensors["deviation"],
                tensors["lengths"],
                tensors["shares"],
                float(tensors["symmetry"][0]),
            )
        except KeyError as error:
            raise EngineError(f"{path.name} is not of this version; reinstall Likeness.") from error

    def correlation(self, some: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Of g at texels of these numbers `[A]` and `[B]`: `[A, B]`, without what is each texel's own."""
        sides = self.points, onto_one_side(self.points)
        plain, alike = (self.bells(_squared_distance(p[some], p[others])) for p in sides)
        return (1 - self.symmetry) * plain + self.symmetry * alike

    def bells(self, squared: np.ndarray) -> np.ndarray:
        """Correlation over squared distances in square millimetres, of what is no texel's own."""
        return sum(
            share * np.exp(squared / (-2 * length**2)) for share, length in zip(self.shares, self.lengths, strict=True)
        )

    def expected(self, height: np.ndarray, weight: np.ndarray, asked: np.ndarray) -> np.ndarray:
        """Mean `[A]` at the texels `asked` (numbers [A]) given heights `[T]` in millimetres, seen with `weight` [T],
        0..1; far ones do not matter and are left out."""
        seen = np.flatnonzero(weight > 0)
        related = self.correlation(asked, seen)
        matters = (np.abs(related) > _UNRELATED).any(0)
        seen, related = seen[matters], related[:, matters]
        system = self._observed(seen) + np.diag(1 / weight[seen] - 1)
        own = ((height - self.mean) / self.deviation)[seen]
        return self.mean[asked] + self.deviation[asked] * (related @ cho_solve(cho_factor(system), own))

    def log_likelihood(self, height: np.ndarray, seen: np.ndarray) -> float:
        """Of heights `[T]` in millimetres at the `seen` texels [T] bool: nats."""
        chosen = np.flatnonzero(seen)
        own = ((height - self.mean) / self.deviation)[chosen]
        factor, lower = cho_factor(self._observed(chosen), overwrite_a=True)
        squared = own @ cho_solve((factor, lower), own)
        spread = np.log(np.diag(factor)).sum() + np.log(self.deviation[chosen]).sum()
        return float(-0.5 * (squared + len(chosen) * np.log(2 * np.pi)) - spread)

    def _observed(self, chosen: np.ndarray) -> np.ndarray:
        return self.correlation(chosen, chosen) + (1 - self.shares.sum()) * np.eye(len(chosen))


def onto_one_side(points: np.ndarray) -> np.ndarray:
    """Points `[..., 3]` of the head, those on its right side at their mirror image."""
    return np.concatenate([np.abs(points[..., :1]), points[..., 1:]], -1)


def _squared_distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    squared = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    return np.maximum(squared, 0)
