"""Betas as pictures tell of them: how far apart two faces are, and what a mirror makes of one."""

import numpy as np

from ...parametric.head import SHAPES, HeadModel


def aligned_gram(model: HeadModel) -> np.ndarray:
    """`[100, 100]` mm^2, mean over the face's vertices: of what a beta moves, less what a similarity transform of the
    head could do, to first order. A picture does not tell how large a head is."""
    face = model.masks["face"] > 0.5
    base = model.v_template[face].astype(np.float64)
    base = base - base.mean(0)
    axes = np.eye(3)
    motions = [np.broadcast_to(axis, base.shape) for axis in axes] + [np.cross(axis, base) for axis in axes] + [base]
    tangent, _ = np.linalg.qr(np.stack([motion.ravel() for motion in motions], 1))
    flat = 1000 * model.shapedirs[face][..., :SHAPES].reshape(-1, SHAPES).astype(np.float64)
    left = flat - tangent @ (tangent.T @ flat)
    return left.T @ left / len(base)


def mirrored_shapes(model: HeadModel) -> np.ndarray:
    """`[100, 100]` the linear map from a head's beta to that of its mirror image: `beta @ map`, by least squares."""
    shapes = model.shapedirs[..., :SHAPES].astype(np.float64)
    flipped = shapes[model.mirror] * np.array([-1.0, 1.0, 1.0])[:, None]
    return np.linalg.lstsq(shapes.reshape(-1, SHAPES), flipped.reshape(-1, SHAPES), rcond=None)[0].T
