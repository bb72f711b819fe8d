"""Who sits before the camera, with which face, seen from where."""

from dataclasses import dataclass

import numpy as np

from ...capture.coarse_net import FRAME
from ...parametric.arkit import ARKIT_NAMES, INDEX
from ...parametric.dense_points import DensePoints
from ...parametric.head import JOINTS, SHAPES, HeadModel
from ...parametric.lbs import joint_transforms, rotation_matrix
from ...rendering.camera import Camera

SIZE = 224
"""Pixels across a picture."""
MARGIN = 1.1
"""How much more a picture shows than the network sees, lest what it sees leaves the picture when it turns."""
_STRONG = 0.35
"""Share of the pictures with an expression that no photographer would ask for."""


@dataclass(frozen=True)
class Sitting:
    """A head before a camera."""

    beta: np.ndarray
    """[100]."""
    arkit: np.ndarray
    """[52]."""
    vertices: np.ndarray
    """[V, 3] metres, in the space of the skull: the shoulders turn instead of the neck."""
    camera: Camera


def random_sitting(rng: np.random.Generator, model: HeadModel, points: DensePoints) -> Sitting:
    """Identity by the prior; expression, gaze, neck, pose, lens and framing at random."""
    beta, arkit = rng.standard_normal(SHAPES), random_expression(rng)
    theta = np.tensordot(arkit, model.arkit_theta, 1)
    neck = JOINTS.index("neck")
    theta[neck] = rng.normal(0, [0.12, 0.2, 0.08])
    psi = arkit @ model.arkit_psi
    state = (value.astype(np.float32) for value in (beta, psi, theta))
    vertices = model.vertices(*state)
    turns, shifts = joint_transforms(model.joints(beta.astype(np.float32)), model.parents, theta)
    vertices = ((vertices - shifts[neck]) @ turns[neck]).astype(np.float32)
    return Sitting(beta, arkit, vertices, random_camera(rng, vertices[points.vertices[points.face]]))


def random_camera(rng: np.random.Generator, face: np.ndarray) -> Camera:
    """A camera that frames the points `face` `[N, 3]` about as the network's crops do."""
    yaw = rng.normal(0, 0.3) if rng.random() < 0.65 else rng.uniform(-1.35, 1.35)
    angles = np.array([rng.normal(0, 0.2), yaw, 0.0])
    roll = rotation_matrix(np.array([0, 0, rng.normal(0, 0.15)]))
    rotation = roll @ rotation_matrix(angles) @ np.diag([1.0, -1.0, -1.0])
    distance = np.exp(rng.uniform(np.log(0.35), np.log(3.0)))
    translation = np.array([0, 0, distance]) - rotation @ face.mean(0)
    seen = face @ rotation.T + translation
    flat = seen[:, :2] / seen[:, 2:]
    low, high = flat.min(0), flat.max(0)
    side = MARGIN * FRAME * (high - low).max() * np.exp(rng.normal(0, 0.06))
    focal = SIZE / side
    middle = (low + high) / 2 + rng.normal(0, 0.02, 2) * side
    center = tuple((SIZE / 2 - focal * middle).tolist())
    return Camera(float(focal), center, (SIZE, SIZE), rotation, translation)


def random_expression(rng: np.random.Generator) -> np.ndarray:
    """ARKit weights `[52]`: mostly what people show before a camera, about the same left and right."""
    weights = np.zeros(len(ARKIT_NAMES))
    strong = rng.random() < _STRONG
    chosen = rng.random(len(weights)) < (0.25 if strong else 0.12)
    amount = rng.beta(1.2, 2.0, len(weights)) if strong else rng.beta(1.0, 5.0, len(weights))
    for name, index in INDEX.items():
        twin = INDEX.get(name.replace("Left", "Right"), index)
        if not name.endswith("Right"):
            weights[index] = chosen[index] * amount[index]
            weights[twin] = np.clip(weights[index] * (1 + rng.normal(0, 0.25 if strong else 0.1)), 0, 1)
            if strong and twin != index and rng.random() < 0.25:
                weights[twin] = 0.0
    if rng.random() < 0.45:
        _both(weights, "mouthSmile", rng.uniform(0.1, 1))
        _both(weights, "cheekSquint", rng.uniform(0, 0.7))
        _both(weights, "eyeSquint", rng.uniform(0, 0.6))
    if rng.random() < 0.35:
        weights[INDEX["jawOpen"]] = rng.beta(1.0, 2.5)
    if rng.random() < 0.1:
        _both(weights, "eyeBlink", rng.uniform(0.5, 1))
    for side, other in (("Left", "Right"), ("Right", "Left")):
        weights[INDEX[f"eyeLookIn{side}"]] = weights[INDEX[f"eyeLookOut{other}"]] = 0.0
    look, up = rng.normal(0, 0.3), rng.normal(0, 0.2)
    toward = ("In", "Out") if look > 0 else ("Out", "In")
    for side, way in zip(("Right", "Left"), toward, strict=True):
        weights[INDEX[f"eyeLook{way}{side}"]] = min(abs(look), 1)
    for name in ("Up", "Down"):
        _both(weights, f"eyeLook{name}", np.clip(up if name == "Up" else -up, 0, 1))
    weights[INDEX["mouthClose"]] = 0.85 * weights[INDEX["jawOpen"]] * rng.random() * (rng.random() < 0.15)
    weights[INDEX["tongueOut"]] *= rng.random() < 0.15
    return weights


def _both(weights: np.ndarray, name: str, value: float) -> None:
    for side in ("Left", "Right"):
        weights[INDEX[name + side]] = value
