"""Recipe `albedo`: what the shades of faces have in common, and how they vary, beyond light and shape.

The portraits are fitted by landmarks, and the light of one albedo is taken out. What is left of the shades, with its
mirror image, has a mean (brows' shadow, nostrils' flanks, rosy cheeks) and principal components; the photometric fit
takes them for skin, which it would otherwise take for shape.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from ..capture.embedding import LandmarkEmbedding, fingerprint
from ..capture.face_surface import FaceSurface
from ..capture.fit import observed, outline_of
from ..capture.landmark_fit import LandmarkFit, fit_landmarks
from ..capture.landmarks import detect_landmarks
from ..capture.outline import Outline, outline_vertices, outline_witness
from ..capture.photo import load_photo
from ..capture.photometric import Samples, Shades, explain, photo_shades, sample, shade_witness
from ..capture.points import PointModel
from ..capture.refine import Witness
from ..capture.shots import Shot
from ..capture.skin_tone import SkinTone
from ..errors import InputError
from ..parametric.head import HeadModel
from ..weights import FOLDER
from .portraits import HELD_OUT, portrait_paths
from .publish import publish

MODES = 60
DEVIATION = 0.12
"""Of log luminance on skin of one albedo, where nothing is learned yet."""
MEAN_ROUNDS, FILL_ROUNDS = 3, 8
LARGEST = 0.5
"""Log luminance beyond which a shade is no skin tone."""
FEW = 2.0
"""Portraits' worth of belief in a mean of 0."""


@dataclass(frozen=True)
class FittedPortrait:
    """A portrait, and the head by its landmarks."""

    shades: Shades
    outline: Outline
    fit: LandmarkFit

    def witnesses(self, surface: FaceSurface, tone: SkinTone) -> list[Witness]:
        """What the portrait tells beyond its landmarks, as capture asks it."""
        points = PointModel.at(surface.model, outline_vertices(surface.model))
        return [shade_witness(surface, tone, self.shades), outline_witness(points, self.outline)]


def train_albedo(data: Path, out: Path = FOLDER, seed: int = 0) -> None:  # noqa: ARG001
    """Learn the skin tones of `data`/portraits on the weights folder's head model; write weights and card to `out`.

    Deterministic, `seed` or not.
    """
    model = HeadModel.load()
    surface = FaceSurface.of(model)
    paths = portrait_paths(data)
    embedding = LandmarkEmbedding.load(model)
    training = fit_portraits(embedding, [path for i, path in enumerate(paths) if i % HELD_OUT], "Training portraits")
    rest = fit_portraits(embedding, paths[::HELD_OUT], "Held-out portraits")
    tone = learn(surface, [sample(surface, portrait.shades, portrait.fit) for portrait in training])
    held_out = [sample(surface, portrait.shades, portrait.fit) for portrait in rest]
    plain = SkinTone.unknown(len(surface.vertices), DEVIATION)
    metrics = {
        "held_out_log_luminance_rms_one_albedo": median_error(surface, plain, held_out),
        "held_out_log_luminance_rms": median_error(surface, tone, held_out),
    }
    save(model, tone, out, len(training), metrics)


def fit_portraits(embedding: LandmarkEmbedding, paths: list[Path], title: str) -> list[FittedPortrait]:
    """The portraits of `paths` in which a face is found, fitted by landmarks."""
    portraits = []
    for path in track(paths, title):
        photo = load_photo(path)
        try:
            landmarks = detect_landmarks(photo)
        except InputError:
            continue
        shot = Shot(photo, landmarks)
        (fit,) = fit_landmarks([observed(embedding, shot)])
        portraits.append(FittedPortrait(photo_shades(photo, shot.masks), outline_of(shot, fit), fit))
    return portraits


def learn(surface: FaceSurface, faces: list[Samples], modes: int = MODES) -> SkinTone:
    """Mean and principal components of what one albedo under smooth light leaves of the shades."""
    mean = np.zeros(len(surface.vertices))
    for _ in range(MEAN_ROUNDS):
        tone = SkinTone(mean, np.zeros((len(mean), 0)), DEVIATION)
        residual, weight = residuals(surface, tone, faces)
        shift = (residual * weight).sum(0) / (weight.sum(0) + FEW)
        mean = mean + shift
    residual -= shift
    seen = weight > 0.1
    filled = np.where(seen, residual, 0)
    for _ in range(FILL_ROUNDS):  # what is not seen of a face follows from what is, by the components
        left, sizes, components = np.linalg.svd(filled, full_matrices=False)
        approximation = (left[:, :modes] * sizes[:modes]) @ components[:modes]
        filled = np.where(seen, residual, approximation)
    deviation = np.sqrt((weight * (residual - approximation) ** 2).sum() / weight.sum())
    return SkinTone(mean, components[:modes].T * sizes[:modes] / np.sqrt(len(residual)), float(deviation))


def residuals(surface: FaceSurface, tone: SkinTone, faces: list[Samples]) -> tuple[np.ndarray, np.ndarray]:
    """Log luminance that `tone` leaves of each face and of its mirror image, and its weights: `[2 P, N]` both."""
    residual, weight = np.zeros((2, len(faces), len(surface.vertices)))
    for p, samples in enumerate(faces):
        found = explain(samples, tone, surface.bare.sum())
        residual[p, found.seen] = np.clip(found.residual, -LARGEST, LARGEST)
        weight[p, found.seen] = found.weight
    residual, weight = (np.concatenate([values, values[:, surface.mirror]]) for values in (residual, weight))
    return residual, weight


def median_error(surface: FaceSurface, tone: SkinTone, faces: list[Samples]) -> float:
    """Median over faces of the log luminance that is left, root mean square."""
    return float(np.median([explain(samples, tone, surface.bare.sum()).error for samples in faces]))


def save(model: HeadModel, tone: SkinTone, out: Path, portraits: int, metrics: dict[str, float]) -> None:
    """Write `albedo.safetensors` and its card."""
    tensors: dict[str, np.ndarray] = {
        "mean": tone.mean.astype(np.float16),
        "modes": tone.modes.astype(np.float16),
        "deviation": np.array([tone.deviation], np.float32),
    }
    head = fingerprint(model)
    card = {
        "recipe": "likeness train albedo",
        "data": f"{portraits} official portraits (public domain), landmarks of MediaPipe 0.10.21 (Apache-2.0)",
        "licence": "GPL-3.0-or-later",
        "head": head,
        "metrics": {name: round(value, 4) for name, value in metrics.items()},
    }
    publish("albedo", out, tensors, card, {"head": head})
