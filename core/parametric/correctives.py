"""Pose correctives of a head as shape keys that bones drive: an armature knows linear blend skinning alone.

Pose correctives are linear in R - I, and for a turn by t about a unit axis R - I = sin t K + (1 - cos t) K^2, K the
cross product with the axis (Rodrigues). Two keys, driven by sin t and by 1 - cos t, are therefore exact for every t.
"""

from collections.abc import Iterator

import numpy as np

from ..avatar import Corrective
from .head import JOINTS, HeadModel
from .lbs import pose_feature, skew

TOLERANCE = 1e-3
"""Metres: the second key is merged into the first where that costs no vertex more than this half-way of the turn."""


def bone_correctives(model: HeadModel) -> tuple[dict[str, Corrective], dict[str, np.ndarray]]:
    """What drives each corrective, and its displacement `[Vm, 3]`, by shape key name (`corrective_jawOpen`, ...)."""
    drivers, features = corrective_features(model)
    return drivers, {name: _displacement(model, feature) for name, feature in features.items()}


def corrective_features(model: HeadModel) -> tuple[dict[str, Corrective], dict[str, np.ndarray]]:
    """What drives each corrective, and the pose feature `[36]` that it displaces by, by shape key name.

    There is one turn for each ARKit shape that is nothing but a bone's: jawOpen and the eight directions of gaze.
    """
    drivers: dict[str, Corrective] = {}
    features: dict[str, np.ndarray] = {}
    for shape, joint, rotation in _turns(model):
        name = f"corrective_{shape}"
        first, second = _terms(joint, rotation)
        # The merged key is on by sin t / sin t1, about 1/2 half-way, where the second wants 1/4.
        merged = np.linalg.norm(_displacement(model, second), axis=1).max() / 4 <= TOLERANCE
        drivers[name] = Corrective.of_turn(JOINTS[joint], rotation)
        features[name] = first + second if merged else first
        if not merged:
            drivers[f"{name}_2"] = Corrective.of_turn(JOINTS[joint], rotation, order=2)
            features[f"{name}_2"] = second
    return drivers, features


def _turns(model: HeadModel) -> Iterator[tuple[str, int, np.ndarray]]:
    """ARKit name, joint and axis-angle of the shapes that turn one joint and have no expression."""
    for name, psi, theta in zip(model.arkit_names, model.arkit_psi, model.arkit_theta, strict=True):
        turned = np.flatnonzero(np.abs(theta).max(1))
        if len(turned) == 1 and not psi.any():
            yield name, int(turned[0]), theta[turned[0]]


def _terms(joint: int, rotation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pose features `[36]` of sin t1 K and of (1 - cos t1) K^2, which add up to the whole turn's."""
    angle = np.linalg.norm(rotation)
    first = np.zeros((len(JOINTS) - 1, 3, 3), np.float32)
    first[joint - 1] = np.sin(angle) * skew(rotation / angle)
    theta = np.zeros((len(JOINTS), 3), np.float32)
    theta[joint] = rotation
    return first.ravel(), pose_feature(theta) - first.ravel()


def _displacement(model: HeadModel, feature: np.ndarray) -> np.ndarray:
    """[Vm, 3] of a pose feature [36]."""
    return (feature @ model.posedirs).reshape(-1, 3).astype(np.float32)
