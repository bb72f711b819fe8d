"""Dense landmarks of a photo's face: CoarseNet, led to the face by the detector's landmarks, then by its own."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from ..parametric.dense_points import DensePoints
from .coarse_net import FRAME, SIDE, CoarseNet
from .face_crop import corner_aligned
from .landmarks import IRISES

PASSES = 2
"""The second looks where the first found the face."""


@dataclass(frozen=True)
class DenseLandmarks:
    """P points of the head's topology as a photo shows them."""

    points: np.ndarray
    """[P, 2] pixels."""
    spread: np.ndarray
    """[P] standard deviation along either axis, pixels."""
    visible: np.ndarray
    """[P] 0..1, the chance that nothing hides a point."""


def dense_landmarks(net: CoarseNet, dense: DensePoints, pixels: np.ndarray, landmarks: np.ndarray) -> DenseLandmarks:
    """Locate the `dense` points in a photo uint8 [H, W, 3] around the face of the detector's `landmarks` [478, 2].

    The face and its mirror image are looked at, and what they say is averaged.
    """
    view = _view(landmarks[:468], landmarks[list(IRISES)])
    for _ in range(PASSES):
        points, spread, visible = _predict(net, dense, _seen(pixels, view))
        scale = np.sqrt(np.linalg.det(view[:, :2]))
        points, spread = (points - view[:, 2]) @ np.linalg.inv(view[:, :2]).T, spread / scale
        view = _view(points[dense.face], points[-2:])
    return DenseLandmarks(points, spread, visible)


def _view(face: np.ndarray, irises: np.ndarray) -> np.ndarray:
    """[2, 3] the map from photo to network pixels that puts the irises level and frames the points `face` [N, 2]."""
    x, y = (irises[1] - irises[0]) / np.linalg.norm(irises[1] - irises[0])
    level = np.array([[x, y], [-y, x]])
    turned = face @ level.T
    low, high = turned.min(0), turned.max(0)
    scale = SIDE / (FRAME * (high - low).max())
    return np.c_[scale * level, SIDE / 2 - scale * (low + high) / 2]


def _seen(pixels: np.ndarray, view: np.ndarray) -> np.ndarray:
    """The photo in the network's view, averaged where it is finer: uint8 [SIDE, SIDE, 3]."""
    scale = float(np.sqrt(np.linalg.det(view[:, :2])))
    if scale < 0.5:
        small = cv2.resize(pixels, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        view = np.c_[view[:, :2] @ np.diag(np.array(pixels.shape[1::-1]) / small.shape[1::-1]), view[:, 2]]
        pixels = small
    return cv2.warpAffine(
        pixels, corner_aligned(view), (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


@torch.no_grad()
def _predict(net: CoarseNet, dense: DensePoints, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [P, 2], spreads [P] and visibility [P] in the network's pixels."""
    both = torch.from_numpy(np.stack([image, image[:, ::-1]])).to(net.mean.device).float() / 255
    found = net(both.movedim(-1, 1).contiguous())
    points, spread, visible = (value.cpu().double().numpy() for value in found)
    points[1] = (points[1] * (-1, 1) + (SIDE, 0))[dense.mirror]
    spread[1], visible[1] = spread[1][dense.mirror], visible[1][dense.mirror]
    return points.mean(0), np.exp(spread.mean(0)), (1 / (1 + np.exp(-visible))).mean(0)
