"""Linear blend skinning with pose correctives, the function that FLAME and SMPL share.

Sources: Loper et al., "SMPL: A Skinned Multi-Person Linear Model", 2015, eqs. 2-10; Li et al., "Learning a model of
facial shape and expression from 4D scans", 2017, eq. 1.

Every function takes numpy arrays or torch tensors and answers in kind, with any leading batch dimensions: Blender has
numpy alone, the engine needs gradients, and there must be only one skinning.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any
"""A numpy array or a torch tensor."""


def namespace(array: Array) -> Any:
    """The module, numpy or torch, whose functions apply to `array`."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and isinstance(array, torch.Tensor) else np


def rotation_matrix(axis_angle: Array) -> Array:
    """Rodrigues' formula: `[..., 3]` radians to `[..., 3, 3]`, smooth at zero."""
    xp = namespace(axis_angle)
    angle = xp.sqrt((axis_angle * axis_angle).sum(-1) + 1e-16)[..., None, None]
    cross = skew(axis_angle / angle[..., 0])
    return _identity(axis_angle) + xp.sin(angle) * cross + (1 - xp.cos(angle)) * (cross @ cross)


def _identity(like: Array) -> Array:
    """`[3, 3]` of the type of `like`, on its device."""
    if namespace(like) is np:
        return np.eye(3, dtype=like.dtype)
    return namespace(like).eye(3, dtype=like.dtype, device=like.device)


def skew(vector: Array) -> Array:
    """Cross-product matrix of `[..., 3]`: `[..., 3, 3]`."""
    xp = namespace(vector)
    x, y, z = vector[..., 0], vector[..., 1], vector[..., 2]
    zero = xp.zeros_like(x)
    return xp.stack([xp.stack([zero, -z, y], -1), xp.stack([z, zero, -x], -1), xp.stack([-y, x, zero], -1)], -2)


def pose_feature(theta: Array) -> Array:
    """The input of pose correctives: R(theta) - I of every joint but the root. `[..., J, 3]` to `[..., 9 (J - 1)]`."""
    return (rotation_matrix(theta[..., 1:, :]) - _identity(theta)).reshape(*theta.shape[:-2], -1)


def joint_transforms(joints: Array, parents: Sequence[int], theta: Array) -> tuple[Array, Array]:
    """World rotation `[..., J, 3, 3]` and translation `[..., J, 3]` that carry rest points with each joint.

    `joints` `[..., J, 3]` metres at rest; `parents[0]` is ignored; `theta` `[..., J, 3]` axis-angle to the parent.
    """
    xp = namespace(theta)
    local = rotation_matrix(theta)
    rotations = [local[..., 0, :, :]]
    origins = [joints[..., 0, :]]
    for j in range(1, len(parents)):
        parent = parents[j]
        bone = (joints[..., j, :] - joints[..., parent, :])[..., None]
        origins.append(origins[parent] + (rotations[parent] @ bone)[..., 0])
        rotations.append(rotations[parent] @ local[..., j, :, :])
    rotation = xp.stack(rotations, -3)
    translation = xp.stack(origins, -2) - (rotation @ joints[..., None])[..., 0]
    return rotation, translation


def skin(vertices: Array, joints: Array, parents: Sequence[int], weights: Array, theta: Array) -> Array:
    """Pose `vertices` `[..., V, 3]` by `weights` `[V, J]`. Returns `[..., V, 3]` metres."""
    xp = namespace(vertices)
    rotation, translation = joint_transforms(joints, parents, theta)
    blended = xp.einsum("vj,...jab->...vab", weights, rotation)
    return (blended @ vertices[..., None])[..., 0] + xp.einsum("vj,...ja->...va", weights, translation)
