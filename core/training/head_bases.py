"""The head's linear bases, learned from the teacher: identity, expression, and what follows the jaw and the eyes."""

import numpy as np

from ..parametric import lbs
from ..parametric.arkit import ARKIT_NAMES, INDEX, mirrored
from ..parametric.head import EXPRESSIONS, SHAPES
from .head_rig import JAW, LEFT_EYE, RIGHT_EYE, Rig

TRAINING_HEADS, TRAINING_EXPRESSIONS = 4000, 4000
GAZE = {"eyeLookUp": (-0.44, 0.0), "eyeLookDown": (0.44, 0.0), "eyeLookOut": (0.0, 0.52), "eyeLookIn": (0.0, -0.52)}
"""Rotation of the left eye about x and y in radians at value 1; the right eye mirrors the second."""


def identity_basis(modes: np.ndarray, mirror: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """PCA of heads drawn from the teacher and of their mirror images: [V, 3, 100], one standard deviation each.

    `modes` [100, V, 3], standard normal coefficients. Mirroring makes each component symmetric or antisymmetric.
    """
    reflected = modes[:, mirror] * np.array([-1, 1, 1], modes.dtype)
    both = np.concatenate([modes, reflected]).reshape(2 * len(modes), -1)
    draw = rng.standard_normal((TRAINING_HEADS, len(modes)))
    zero = np.zeros_like(draw)
    samples = np.concatenate([np.hstack([draw, zero]), np.hstack([zero, draw])])
    return _principal(both, samples).reshape(-1, *modes.shape[1:])[:SHAPES].transpose(1, 2, 0)


def expression_basis(shapes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """PCA of random expressions. `shapes` [k, V, 3] at weight 1, of which most are 0 in any one expression.

    Returns the components [V, 3, 50] and the coefficients [k, 50] of each shape in them (least squares).
    """
    flat = shapes.reshape(len(shapes), -1)
    active = rng.random((TRAINING_EXPRESSIONS, len(shapes))) < 0.25
    components = _principal(flat, active * rng.random(active.shape))[:EXPRESSIONS]
    coefficients = np.linalg.solve(components @ components.T, components @ flat.T).T
    return components.reshape(EXPRESSIONS, *shapes.shape[1:]).transpose(1, 2, 0), coefficients


def _principal(directions: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Principal components, scaled by their standard deviation, of samples [n, k] over directions [k, d]: [<= k, d]."""
    second = samples.T @ samples / len(samples)
    root = np.linalg.cholesky(second + 1e-9 * np.eye(len(second)))
    values, vectors = np.linalg.eigh(root.T @ (directions @ directions.T) @ root)
    order = np.argsort(values)[::-1]
    return (root @ vectors[:, order]).T @ directions


def pose_correctives(rig: Rig, rest: np.ndarray, shapes: dict[str, np.ndarray]) -> np.ndarray:
    """Learn [36, 3 V]: what skinning leaves of jawOpen on its way, and lids that follow the gaze.

    `shapes`: ARKit name -> displacement [V, 3] at weight 1.
    """
    samples: list[tuple[np.ndarray, np.ndarray]] = []
    for share in (0.25, 0.5, 0.75, 1.0):
        theta = np.zeros((5, 3))
        theta[JAW] = share * rig.jaw_open
        samples.append((theta, share * shapes["jawOpen"]))
    for name in ("eyeLookUp", "eyeLookDown", "eyeLookOut", "eyeLookIn"):
        for side in ("Left", "Right"):
            theta = gaze_theta(name + side)
            samples.append((theta, shapes[name + side]))
    out = np.zeros((36, rest.size))
    for joint in (JAW, LEFT_EYE, RIGHT_EYE):
        mine = [(theta, shape) for theta, shape in samples if np.abs(theta[joint]).any()]
        block = slice(9 * (joint - 1), 9 * joint)
        features = np.stack([lbs.pose_feature(theta)[block] for theta, _ in mine])
        targets = np.stack([_left_over(rig, rest, theta, shape).ravel() for theta, shape in mine])
        gram = features @ features.T
        out[block] = features.T @ np.linalg.solve(gram + 1e-6 * np.trace(gram) * np.eye(len(gram)), targets)
    return out


def _left_over(rig: Rig, rest: np.ndarray, theta: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """What skinning does not explain of a shape, before skinning; eyeballs are rigid, the teacher's never turn."""
    moved = rig.posed(rest, theta)
    eyeball = rig.weights[:, LEFT_EYE] + rig.weights[:, RIGHT_EYE] > 0
    return np.where(eyeball[:, None], 0, rig.unposed(rest + shape - moved, theta))


def gaze_theta(name: str) -> np.ndarray:
    """[5, 3] of `eyeLook...` at value 1."""
    theta = np.zeros((5, 3))
    left = name.endswith("Left")
    x, y = GAZE[name.removesuffix("Left").removesuffix("Right")]
    theta[LEFT_EYE if left else RIGHT_EYE, :2] = x, y if left else -y
    return theta


def arkit_shapes(names: tuple[str, ...], deltas: np.ndarray, mirror: np.ndarray) -> dict[str, np.ndarray]:
    """The teacher's expressions under ARKit's names, [V, 3] each, made exactly left-right symmetric."""
    raw: dict[str, np.ndarray] = {}
    for name, delta in zip(names, deltas, strict=True):
        full = name.replace("_L", "Left").replace("_R", "Right")
        if full not in INDEX:  # ARKit has one browInnerUp and one cheekPuff for both sides
            full = name[:-2]
        raw[full] = raw.get(full, 0) + delta
    flip = np.array([-1, 1, 1])
    return {name: (raw[name] + raw[mirrored(name)][mirror] * flip) / 2 for name in ARKIT_NAMES if name in raw}
