"""Hair of synthetic portraits: MakeHuman's styles, cut at random, riding on any head; and its strands' look."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree

from ...parametric.head import HeadModel
from ...rendering.lookup import lookup
from ..implicit.hair_fit import STYLES, fitted_styles
from ..implicit.hair_hulls import Cut, vary
from ..implicit.heads import HeadSampler

CARRIERS = 6
"""Vertices of the skin that carry one of the hair's."""
CROWN = np.array([0.0, 0.06, -0.01])
"""Metres: the middle of the skull, about which strands run like meridians."""
NOISE = 512
TONES = np.array(
    [
        *((0.008, 0.006, 0.005), (0.02, 0.012, 0.008), (0.06, 0.03, 0.017), (0.13, 0.07, 0.04), (0.3, 0.2, 0.1)),
        *((0.45, 0.36, 0.24), (0.18, 0.06, 0.025), (0.25, 0.25, 0.25), (0.55, 0.54, 0.52)),
    ]
)
"""Linear reflectance: black, browns, blonds, red, greys."""


@dataclass(frozen=True)
class Hairdo:
    """Strips of hair on one head."""

    vertices: np.ndarray
    """[H, 3] metres in the posed head's space."""
    triangles: np.ndarray
    """[T, 3]."""
    rest: np.ndarray
    """[H, 3] the same on the mean head, where strands are looked up."""


class Hairdresser:
    """Cuts and dresses hair on heads of the model."""

    def __init__(self, model: HeadModel, data: Path) -> None:
        """Raises InputError when `data` lacks MakeHuman's hair or the ICT model."""
        self._styles = fitted_styles(data, HeadSampler.load(data))
        self._template = model.v_template
        self._skin = np.flatnonzero((model.vertex_part == 0) & (model.masks["mouth_socket"] < 0.5))
        self._tree = cKDTree(model.v_template[self._skin])

    def dress(self, rng: np.random.Generator, posed: np.ndarray) -> Hairdo:
        """A random cut of a random style on the `posed` `[V, 3]` head."""
        strips = self._styles[STYLES[rng.integers(len(STYLES))]]
        rest = vary(strips.vertices, Cut.random(int(rng.integers(1 << 30))))
        distance, near = self._tree.query(rest, CARRIERS)
        weight = 1 / (distance + 0.01) ** 2
        moved = (posed - self._template)[self._skin[near]]
        shift = (moved * (weight / weight.sum(1, keepdims=True))[..., None]).sum(1)
        return Hairdo((rest + shift).astype(np.float32), strips.triangles, rest.astype(np.float32))


class Strands:
    """Noise that runs along meridians from the crown, as combed hair does."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        noise = np.zeros((NOISE, NOISE), np.float32)
        for across, along, gain in ((1.0, 40.0, 1.0), (3.0, 60.0, 0.8), (9.0, 50.0, 0.8)):
            layer = rng.standard_normal((NOISE, NOISE)).astype(np.float32)
            layer = cv2.GaussianBlur(np.tile(layer, (3, 3)), (0, 0), sigmaX=across, sigmaY=along)
            layer = layer[NOISE : 2 * NOISE, NOISE : 2 * NOISE]
            noise += gain * layer / layer.std()
        self._noise = noise / noise.std()

    def __call__(self, rest: np.ndarray, curl: float, shift: float) -> np.ndarray:
        """Noise `[N]` of deviation 1 at points `[N, 3]` of the mean head's hair."""
        away = rest - CROWN
        along = np.hypot(away[:, 1], np.hypot(away[:, 0], away[:, 2])) * 1500 + 700 * np.arctan2(away[:, 2], away[:, 1])
        around = np.arctan2(away[:, 0], away[:, 2]) / (2 * np.pi) * NOISE
        around = around + curl * 12 * np.sin(along / 35) + shift
        return lookup(self._noise, np.mod(np.stack([around, along], 1), NOISE))


def random_tone(rng: np.random.Generator, photographed: np.ndarray) -> np.ndarray:
    """Linear reflectance `[3]` of hair: as often one of a portrait's `[S, 3]` as a mixture of usual ones."""
    if rng.random() < 0.5:
        return np.clip(photographed[rng.integers(len(photographed))] * np.exp(rng.normal(0, 0.2)), 0.003, 0.8)
    first, second = TONES[rng.integers(len(TONES), size=2)]
    share = rng.random()
    return share * first + (1 - share) * second
