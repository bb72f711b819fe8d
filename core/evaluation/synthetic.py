"""Heads of known shape, seen by the landmarks and in the light and skin of real portraits."""

from dataclasses import dataclass

import numpy as np
from rich.progress import track

from ..capture.embedding import LandmarkEmbedding
from ..capture.face_surface import FaceSurface
from ..capture.landmark_fit import LandmarkFit, fit_landmarks
from ..capture.landmarks import iris_distance
from ..capture.photometric import Shades, explain, irradiance, sample, shade_witness
from ..capture.refine import refine
from ..capture.skin_tone import SkinTone
from ..parametric.arkit import ARKIT_NAMES
from ..parametric.head import SHAPES, HeadModel
from ..parametric.lbs import rotation_matrix
from ..rendering.camera import Camera
from ..rendering.shading import sh_basis
from ..training.albedo import DEVIATION
from ..training.portraits import similarity

HEADS, SEED = 100, 7
SIZE = (800, 1000)
POSE = np.radians((6.0, 15.0, 5.0))
"""Standard deviations of pitch, yaw and roll."""
SHOWN = ("mouthSmile", "jawOpen", "eyeSquint", "browInnerUp")
"""Beginnings of the names of the expressions that are shown."""


@dataclass(frozen=True)
class Sitter:
    """What a real portrait lends to a synthetic head: its light, and the errors that its fit leaves."""

    landmarks: np.ndarray
    """[478, 2] over the inter-ocular distance, in the axes of the upright face."""
    light: np.ndarray
    """[9]."""
    tone: np.ndarray
    """[N] log luminance over that of one albedo under this light: pigment, shadows, gloss."""
    bare: np.ndarray
    """[N] 1 where bare skin is seen, else 0."""


def sitter(surface: FaceSurface, shades: Shades, fit: LandmarkFit) -> Sitter:
    """A portrait's contribution, by a fit; as far as the shape of the fit is wrong, that counts as skin."""
    samples = sample(surface, shades, fit)
    found = explain(samples, SkinTone.unknown(len(surface.vertices), DEVIATION), surface.bare.sum())
    tone = np.zeros(len(surface.vertices))
    tone[found.seen] = found.residual
    return Sitter(fit.relative, found.light, tone, found.seen.astype(float))


def synthetic_heads(
    embedding: LandmarkEmbedding, surface: FaceSurface, tone: SkinTone, sitters: list[Sitter]
) -> dict[str, float]:
    """Vertex error in millimetres over the neutral face, of heads fitted by landmarks alone, by their shades as well,
    and of the mean head in their place.

    Shapes are drawn from the prior; each head has the light, the skin tone and the landmarks' errors of one of the
    `sitters`. Heads are compared after a similarity transform: one photo gives no scale.
    """
    rng = np.random.default_rng(SEED)
    errors: dict[str, list[float]] = {"landmarks": [], "shades": [], "mean_head": []}
    for _ in track(range(HEADS), "Synthetic heads"):
        beta, arkit, camera = rng.standard_normal(SHAPES), synthetic_expression(rng), _camera(rng)
        lent = sitters[rng.integers(len(sitters))]
        visible = camera.project(embedding.points(beta, arkit))[:, :2]
        landmarks = visible[embedding.visible(visible)]
        landmarks = landmarks + lent.landmarks * iris_distance(landmarks)
        normals = surface.normals(surface.positions(beta, arkit))
        luminance = np.log(irradiance(sh_basis(normals), lent.light)) + lent.tone
        (by_landmarks,) = fit_landmarks([embedding.observe(landmarks, SIZE, camera.focal)])
        witness = shade_witness(surface, tone, fixed_shades(luminance, lent.bare))
        (by_shades,) = refine([by_landmarks], [[witness]])
        found = {"landmarks": by_landmarks.beta, "shades": by_shades.beta, "mean_head": np.zeros(SHAPES)}
        for name, shape in found.items():
            errors[name].append(shape_error_mm(embedding.model, shape, beta))
    figures = {f"synthetic_{name}_mm": float(np.mean(values)) for name, values in errors.items()}
    p90 = {f"synthetic_{name}_p90_mm": float(np.percentile(values, 90)) for name, values in errors.items()}
    return {**figures, **p90}


def fixed_shades(luminance: np.ndarray, bare: np.ndarray) -> Shades:
    """Shades that belong to the vertices, wherever these are projected."""
    return lambda _: (luminance, bare)


def shape_error_mm(model: HeadModel, beta: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance in millimetres between the neutral faces of two shapes `[100]`, aligned."""
    face = model.masks["face"] > 0.5
    base, dirs = model.v_template[face], model.shapedirs[face][..., :SHAPES]
    one, other = base + dirs @ beta, base + dirs @ truth
    return float(np.linalg.norm(similarity(one, other)(one) - other, axis=1).mean()) * 1000


def _camera(rng: np.random.Generator) -> Camera:
    width, height = SIZE
    distance = rng.uniform(0.7, 2.0)
    turn = rotation_matrix(rng.normal(0, POSE)) @ np.diag([1.0, -1.0, -1.0])
    center = turn @ (0, 0.02, 0.06)
    return Camera(distance * 3200, (width / 2, height / 2), SIZE, turn, np.array([0, 0, distance]) - center)


def synthetic_expression(rng: np.random.Generator) -> np.ndarray:
    """ARKit weights `[52]`, the same left and right."""
    strength = {name: rng.uniform(0, 0.7) for name in SHOWN}
    return np.array([next((w for start, w in strength.items() if n.startswith(start)), 0.0) for n in ARKIT_NAMES])
