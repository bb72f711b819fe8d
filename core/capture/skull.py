"""A person's own skull and ears, where the outline in the photo shows that the shapes of the model do not reach them.

Smooth relief on the neutral head, sideways and upwards, that leaves the face alone: Botsch and Kobbelt, "An intuitive
framework for real-time freeform modeling", 2004, with the ends of the photo's rays for handles.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from ..parametric.head import SHAPES, HeadModel
from .albedo import skin_edges
from .landmark_fit import LandmarkFit
from .outline import Outline, missed, outline_vertices
from .points import PointModel

LARGEST, DEEPEST = 0.012, 0.003
"""Metres outward, beyond which it is not the head's, and inward, beyond which ears would be laid flat by hair on them
or by a turn of the head that is fitted a little wrong."""
ROUNDS = 2
"""The point that lies furthest out changes as the head does."""
STIFFNESS, SYMMETRY, REST = 0.7, 0.3, 1e-3
"""Weights of squared bending, of squared difference between the sides and of squared height, against 1 for each ray."""
HELD = 10.0
"""Weight of squared height on the face and on the neck."""


def own_skull(model: HeadModel, outlines: Sequence[Outline], fits: Sequence[LandmarkFit]) -> HeadModel:
    """The `model` with a template on which the heads of one beta reach the `outlines` of the photos they were fitted
    to; `model` itself where no photo shows one.
    """
    rays = [(outline, fit) for outline, fit in zip(outlines, fits, strict=True) if len(outline.rays)]
    if not rays:
        return model
    beta = fits[0].beta
    vertices = outline_vertices(model)
    points = PointModel.at(model, vertices)
    direction = _outward(model.v_template + model.shapedirs[..., :SHAPES] @ beta)
    stiff = _stiffness(model)
    height = np.zeros(len(direction))
    for _ in range(ROUNDS):
        moved = replace(points, template=points.template + (height[:, None] * direction)[vertices])
        system, right = stiff.copy(), np.zeros(len(height))
        for outline, fit in rays:
            found, metres, sideways = _handles(moved, outline, fit)
            handle = vertices[found]
            share = (direction[handle] * sideways).sum(1)
            system += sparse.coo_matrix((share**2, (handle, handle)), shape=stiff.shape)
            np.add.at(right, handle, share * (metres + share * height[handle]))
        height = np.clip(splu(system.tocsc()).solve(right), -DEEPEST, LARGEST)
    return replace(model, v_template=(model.v_template + height[:, None] * direction).astype(np.float32))


def _handles(points: PointModel, outline: Outline, fit: LandmarkFit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The points [N] that lie furthest out, the metres [N] by which they miss the outline, in directions [N, 3]."""
    found, missing, across = missed(points, outline, fit)
    depth = fit.camera.project(points[found](fit.beta, fit.arkit))[:, 2]
    each = np.linalg.norm(across, axis=1)
    metres = missing / each * depth / fit.camera.focal
    metres /= 1 + (metres / LARGEST) ** 4
    sideways = np.concatenate([across / each[:, None], np.zeros((len(found), 1))], 1)
    return found, metres, sideways @ fit.camera.rotation


def _outward(vertices: np.ndarray) -> np.ndarray:
    """[V, 3] unit directions sideways and up from an axis through the middle of the head, along z."""
    direction = vertices - (0, vertices[:, 1].mean(), 0)
    direction[:, 1] = np.maximum(direction[:, 1], 0)
    direction[:, 2] = 0
    return direction / np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-3)


def _stiffness(model: HeadModel) -> sparse.csr_matrix:
    """[V, V] bending, symmetry, and what holds the face and the neck."""
    edges = skin_edges(model)
    bending = edges.T @ edges
    count = bending.shape[0]
    sides = sparse.eye(count) - sparse.csr_matrix((np.ones(count), (np.arange(count), model.mirror)))
    held = np.maximum(model.masks["narrow_face"], model.masks["neck"])
    skin = np.asarray(abs(edges).sum(0)).ravel() > 0
    hold = REST + HELD * np.where(skin, held, 1.0)
    return (STIFFNESS * bending @ bending + SYMMETRY * sides.T @ sides + sparse.diags(hold)).tocsr()
