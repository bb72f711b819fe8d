"""Heads of known shape, seen through landmarks with the errors that the detector makes on photos."""

import numpy as np
from rich.progress import track

from ..capture.embedding import LandmarkEmbedding
from ..capture.landmark_fit import fit_landmarks
from ..capture.landmarks import iris_distance
from ..parametric.arkit import ARKIT_NAMES
from ..parametric.head import SHAPES, HeadModel
from ..parametric.lbs import rotation_matrix
from ..rendering.camera import Camera
from ..training.portraits import similarity

HEADS, SEED = 100, 7
SIZE = (800, 1000)
POSE = np.radians((6.0, 15.0, 5.0))
"""Standard deviations of pitch, yaw and roll."""
SHOWN = ("mouthSmile", "jawOpen", "eyeSquint", "browInnerUp")
"""Beginnings of the names of the expressions that are shown."""


def synthetic_heads(embedding: LandmarkEmbedding, errors: list[np.ndarray]) -> dict[str, float]:
    """Vertex error in millimetres of fitted heads, and of the mean head in their place, over the neutral face.

    Shapes are drawn from the prior; each head's landmarks get one of the `errors` `[478, 2]` of portraits' fits (over
    the inter-ocular distance, upright). Heads are compared after a similarity transform: one photo gives no scale.
    """
    rng = np.random.default_rng(SEED)
    found, mean = [], []
    for _ in track(range(HEADS), "Synthetic heads"):
        beta = rng.standard_normal(SHAPES)
        camera = _camera(rng)
        visible = camera.project(embedding.points(beta, _expression(rng)))[:, :2]
        landmarks = visible[embedding.visible(visible)]
        landmarks = landmarks + errors[rng.integers(len(errors))] * iris_distance(landmarks)
        fit = fit_landmarks(embedding, landmarks, SIZE, camera.focal)
        found.append(shape_error_mm(embedding.model, fit.beta, beta))
        mean.append(shape_error_mm(embedding.model, np.zeros(SHAPES), beta))
    return {
        "synthetic_mean_mm": float(np.mean(found)),
        "synthetic_p90_mm": float(np.percentile(found, 90)),
        "synthetic_mean_head_mm": float(np.mean(mean)),
        "synthetic_mean_head_p90_mm": float(np.percentile(mean, 90)),
    }


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


def _expression(rng: np.random.Generator) -> np.ndarray:
    """ARKit weights `[52]`, the same left and right."""
    strength = {name: rng.uniform(0, 0.7) for name in SHOWN}
    return np.array([next((w for start, w in strength.items() if n.startswith(start)), 0.0) for n in ARKIT_NAMES])
