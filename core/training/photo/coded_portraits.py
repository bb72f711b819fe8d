"""Synthetic portraits as the encoder learns from them: what the trunk sees in views of them, and their true codes."""

from dataclasses import dataclass

import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from ...capture.coarse_net import CoarseNet
from ...capture.encoder import Encoder
from ...capture.face_code import UPRIGHT, FaceCode, anchor_of, weak_perspective
from ...parametric.dense_points import DensePoints
from ...parametric.head import JOINTS, HeadModel
from ...parametric.lbs import rotation_matrix
from ...parametric.rotations import axis_angle_from_matrix
from .coarse_net import as_input
from .coded_points import CodedPoints
from .shards import PortraitSet, middle_view, random_view

_BATCH = 64


@dataclass(frozen=True)
class CodedPortraits:
    """N views of portraits."""

    inputs: Tensor
    """[N, D] of the encoder."""
    truth: Tensor
    """[N, 236]; albedo coefficients are not known, and 0."""
    seen: Tensor
    """[N, P, 2] pixels in the view of the dense points but the irises."""

    @classmethod
    def of(
        cls,
        portraits: PortraitSet,
        trunk: CoarseNet,
        encoder: Encoder,
        model: HeadModel,
        mirror: np.ndarray,
        rng: np.random.Generator | None = None,
    ) -> "CodedPortraits":
        """Of every portrait a random view, and one of its mirror image; without `rng` the plain middle view alone."""
        chosen = [(i, bool(flip)) for flip in range(2 if rng else 1) for i in range(len(portraits))]
        affine = [random_view(rng) if rng else middle_view() for _ in chosen]
        truth = _codes(portraits, model)
        truth = np.stack([truth[i] @ mirror if flip else truth[i] for i, flip in chosen])
        inputs, seen = [], []
        for start in track(range(0, len(chosen), _BATCH), "Features of synthetic portraits"):
            part = slice(start, start + _BATCH)
            views = [portraits.view(i, m, flip) for (i, flip), m in zip(chosen[part], affine[part], strict=True)]
            pixels, points, _ = (np.stack(column) for column in zip(*views, strict=True))
            with torch.no_grad():
                inputs.append(encoder.inputs(trunk, as_input(pixels, trunk.mean.device)).cpu())
            seen.append(points[:, :-2])
        points = np.concatenate(seen)
        _frame(truth, np.array(affine), points, model)
        return cls(torch.cat(inputs), torch.tensor(truth, dtype=torch.float32), torch.tensor(points))


def dense_coded_points(model: HeadModel) -> CodedPoints:
    """The dense points but the irises, which the code does not turn."""
    vertices = DensePoints.of(model).vertices[:-2, None]
    return CodedPoints(model, vertices, np.ones(vertices.shape))


def _codes(portraits: PortraitSet, model: HeadModel) -> np.ndarray:
    """`[N, 236]` of the pictures as they are, but for the camera."""
    told = portraits.portraits
    rotation = told.camera[:, 3:12].reshape(-1, 3, 3)
    return FaceCode(
        told.beta,
        np.zeros((len(portraits), 50)),
        told.arkit @ model.arkit_psi,
        axis_angle_from_matrix(rotation * UPRIGHT),
        told.arkit @ model.arkit_theta[:, JOINTS.index("jaw")],
        np.zeros((len(portraits), 3)),
        told.light.reshape(-1, 27),
    ).values


@torch.no_grad()
def _frame(truth: np.ndarray, affine: np.ndarray, seen: np.ndarray, model: HeadModel) -> None:
    """Complete codes `[N, 236]`, in place, by the turns of their views `[N, 2, 3]` and by cameras that explain the
    points `seen` `[N, P, 2]`."""
    code, anchor, points = FaceCode.split(truth), anchor_of(model), dense_coded_points(model)
    level = np.tile(np.eye(3), (len(affine), 1, 1))
    level[:, :2, :2] = affine[:, :, :2] / np.sqrt(np.linalg.det(affine[:, :, :2]))[:, None, None]
    turned = level @ rotation_matrix(code.turn)
    code.turn[:] = axis_angle_from_matrix(turned)
    for start in range(0, len(truth), _BATCH):
        part = slice(start, start + _BATCH)
        places = points(FaceCode.split(torch.tensor(truth[part], dtype=torch.float32))).numpy()
        for row, place in enumerate(places, start):
            code.camera[row] = weak_perspective(seen[row], place, turned[row] * UPRIGHT, anchor)
