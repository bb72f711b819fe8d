"""Conversions between the rotations that animation files use."""

import numpy as np

from .lbs import rotation_matrix


def axis_angle_from_matrix(matrix: np.ndarray) -> np.ndarray:
    """`[..., 3, 3]` to `[..., 3]` radians, angle 0..pi. Through the quaternion, which is exact at 0 and at pi."""
    m = np.asarray(matrix, np.float64)
    trace = np.trace(m, axis1=-2, axis2=-1)
    diagonal = np.stack([m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], -1)
    # Four candidate quaternions (w, x, y, z), each scaled by four times its own leading component.
    d = [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]]
    s = [m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]]
    lead = [1 + trace, *(1 + 2 * diagonal[..., i] - trace for i in range(3))]
    candidates = np.stack(
        [
            np.stack([lead[0], d[0], d[1], d[2]], -1),
            np.stack([d[0], lead[1], s[0], s[1]], -1),
            np.stack([d[1], s[0], lead[2], s[2]], -1),
            np.stack([d[2], s[1], s[2], lead[3]], -1),
        ],
        -2,
    )
    best = np.argmax(np.stack(lead, -1), -1)
    quaternion = np.take_along_axis(candidates, best[..., None, None], -2)[..., 0, :]
    quaternion = quaternion * np.where(quaternion[..., :1] < 0, -1, 1)
    vector = quaternion[..., 1:]
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    angle = 2 * np.arctan2(length, quaternion[..., :1])
    return np.where(length > 1e-12, vector / np.maximum(length, 1e-12) * angle, 0.0).astype(np.float32)


def axis_angle_from_euler(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Pitch, yaw and roll about x, y and z, each `[...]` radians, roll first: R = Ry Rx Rz. To `[..., 3]`."""
    axes = np.eye(3)
    rx, ry, rz = (
        rotation_matrix(np.asarray(angle, float)[..., None] * axis) for angle, axis in zip((x, y, z), axes, strict=True)
    )
    return axis_angle_from_matrix(ry @ rx @ rz)


def axis_angle_from_6d(columns: np.ndarray) -> np.ndarray:
    """The first two *rows* of the matrix, `[..., 6]`, to `[..., 3]`.

    Source: Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", 2019, section 4.2.
    """
    first, second = np.asarray(columns, np.float64)[..., :3], np.asarray(columns, np.float64)[..., 3:]
    x = first / np.maximum(np.linalg.norm(first, axis=-1, keepdims=True), 1e-12)
    y = second - (x * second).sum(-1, keepdims=True) * x
    y = y / np.maximum(np.linalg.norm(y, axis=-1, keepdims=True), 1e-12)
    return axis_angle_from_matrix(np.stack([x, y, np.cross(x, y)], -2))


def matrix_from_euler(order: str, angles: np.ndarray) -> np.ndarray:
    """`[..., N]` radians about the axes that `order` names, outermost first: "zyx" is Rz Ry Rx. To `[..., 3, 3]`."""
    matrix = np.broadcast_to(np.eye(3), (*angles.shape[:-1], 3, 3))
    for i, axis in enumerate(order.lower()):
        matrix = matrix @ rotation_matrix(angles[..., i, None] * np.eye(3)["xyz".index(axis)])
    return matrix


def slerp(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """From `first` to `second`, `[..., 3, 3]`, by `share` `[...]` of the way, about one axis at one speed."""
    turn = axis_angle_from_matrix(np.swapaxes(first, -1, -2) @ second).astype(np.float64)
    return first @ rotation_matrix(turn * np.asarray(share)[..., None])


def shortest_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The rotation `[..., 3, 3]` by the least angle that turns the direction of `start` into that of `end`, `[..., 3]`.

    Identity where either is zero; half a turn about some axis where they are opposite.
    """
    start, end = np.broadcast_arrays(np.asarray(start, np.float64), np.asarray(end, np.float64))
    axis = np.cross(start, end)
    sine, cosine = np.linalg.norm(axis, axis=-1), (start * end).sum(-1)
    aside = np.cross(start, np.eye(3)[np.argmin(np.abs(start), -1)])
    opposite = (sine <= 1e-9 * np.abs(cosine)) & (cosine < 0)
    axis = np.where(opposite[..., None], aside, axis)
    length = np.linalg.norm(axis, axis=-1, keepdims=True)
    return rotation_matrix(axis / np.maximum(length, 1e-300) * np.arctan2(sine, cosine)[..., None])
