"""How shades vary over faces beyond light and shape: learned statistics of pigment, gloss and shadow."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import EngineError
from ..parametric.head import HeadModel
from ..tensors import load_tensors
from ..weights import weights_path
from .embedding import fingerprint
from .face_surface import FaceSurface


@dataclass(frozen=True)
class SkinTone:
    """Log luminance of faces over that of one albedo under smooth light: a Gaussian of low rank, plus what is left.

    Over the N vertices of `FaceSurface`.
    """

    mean: np.ndarray
    """[N]."""
    modes: np.ndarray
    """[N, K] principal components, each one standard deviation long."""
    deviation: float
    """Standard deviation of what the modes leave."""

    @classmethod
    def unknown(cls, count: int, deviation: float) -> "SkinTone":
        """The statistics before anything is learned: one albedo."""
        return cls(np.zeros(count), np.zeros((count, 0)), deviation)

    @classmethod
    def load(cls, model: HeadModel, path: Path | None = None) -> "SkinTone":
        """Read the statistics that were learned on `model`, by default those in the weights folder.

        Raises EngineError when they are missing, damaged or of another model.
        """
        path = path or weights_path("albedo")
        tensors, metadata = load_tensors(path)
        try:
            mean, modes, deviation = (tensors[name].astype(np.float64) for name in ("mean", "modes", "deviation"))
        except KeyError as error:
            raise EngineError(f"{path.name} is not of this version; reinstall Likeness.") from error
        if metadata.get("head") != fingerprint(model) or len(mean) != len(FaceSurface.of(model).vertices):
            raise EngineError(f"{path.name} belongs to another head model; reinstall Likeness.")
        return cls(mean, modes, deviation.item())
