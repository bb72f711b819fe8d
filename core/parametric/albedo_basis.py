"""The linear model of skin's albedo: a mean and 50 components over the skin's chart, in logarithms of linear RGB."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import EngineError
from ..tensors import load_tensors
from ..weights import weights_path

COMPONENTS = 50


@dataclass(frozen=True)
class AlbedoBasis:
    """log rho = mean + sum_k alpha_k modes_k, with alpha standard normal over people."""

    mean: np.ndarray
    """[S, S, 3] float32, row 0 at v = 1."""
    modes: np.ndarray
    """[50, S, S, 3] int8: of each mode's own step."""
    step: np.ndarray
    """[50] float32 log reflectance of one step."""

    @classmethod
    def load(cls, path: Path | None = None) -> "AlbedoBasis":
        """Read the basis, by default that in the weights folder. Raises EngineError when it is missing or damaged."""
        path = path or weights_path("albedo_basis")
        tensors, _ = load_tensors(path)
        try:
            return cls(tensors["mean"].astype(np.float32), tensors["modes"], tensors["step"])
        except KeyError as error:
            raise EngineError(f"{path.name} is not of this version; reinstall Likeness.") from error

    @property
    def size(self) -> int:
        """Texels across the chart."""
        return self.mean.shape[0]

    def albedo(self, alpha: np.ndarray) -> np.ndarray:
        """Log reflectance `[S, S, 3]` of coefficients `[K]`, K <= 50."""
        weights = (alpha * self.step[: len(alpha)]).astype(np.float32)
        return self.mean + np.tensordot(weights, self.modes[: len(alpha)].astype(np.float32), 1)

    def fit(self, albedo: np.ndarray, weight: np.ndarray, deviation: float = 0.15) -> np.ndarray:
        """The coefficients `[50]` most likely to be behind log reflectance `[S, S, 3]` seen with `weight` `[S, S]`.

        Ridge regression: texels err by `deviation` and, smooth as errors are, count as one in a hundred.
        """
        seen = weight > 0
        modes = (self.modes[:, seen].astype(np.float32) * self.step[:, None, None]).reshape(len(self.modes), -1)
        share = np.repeat(weight[seen], 3) / (100 * deviation**2)
        target = (albedo[seen] - self.mean[seen]).ravel()
        return np.linalg.solve((modes * share) @ modes.T + np.eye(len(modes)), (modes * share) @ target)
