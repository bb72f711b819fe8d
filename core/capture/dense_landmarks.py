"""Dense landmarks of a photo's face: CoarseNet, led to the face by the detector's landmarks, then by its own."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from ..parametric.dense_points import DensePoints
from ..parametric.head import HeadModel
from .coarse_net import FRAME, SIDE, CoarseNet, load_coarse_net
from .face_crop import corner_aligned
from .landmarks import IRISES
from .observation import STUDIO, Observation, focal_at, upright_frame
from .points import PointModel

PASSES = 2
"""The second looks where the first found the face."""
INDEPENDENT = 0.3
"""Share of the points that count as independent: neighbours err alike."""
LEAST_SPREAD = 0.005
"""Over the inter-ocular distance: nearer than that the network does not know, whatever it says."""


@dataclass(frozen=True)
class DenseLandmarks:
    """P points of the head's topology as a photo shows them."""

    points: np.ndarray
    """[P, 2] pixels."""
    spread: np.ndarray
    """[P] standard deviation along either axis, pixels."""
    visible: np.ndarray
    """[P] 0..1, the chance that nothing hides a point."""
    beta: np.ndarray
    """[100] the shape that the network tells beside the points."""


@dataclass(frozen=True)
class DenseDetector:
    """CoarseNet, and the points of the head that it finds."""

    net: CoarseNet
    dense: DensePoints
    model: PointModel
    """Of the P points."""

    @classmethod
    def load(cls, model: HeadModel, device: str = "cpu") -> "DenseDetector":
        """With the network in the weights folder. Raises EngineError when it is missing or of another head model."""
        return cls.of(model, load_coarse_net(model, device))

    @classmethod
    def of(cls, model: HeadModel, net: CoarseNet) -> "DenseDetector":
        """With any network for the dense points of `model`."""
        dense = DensePoints.of(model)
        return cls(net, dense, PointModel.at(model, dense.vertices))

    def observe(self, pixels: np.ndarray, landmarks: np.ndarray, focal: float | None = None) -> Observation:
        """What a photo uint8 [H, W, 3] shows around the face of the sparse `landmarks` [478, 2]; `focal` in pixels."""
        found = dense_landmarks(self.net, self.dense, pixels, landmarks)
        frame, size = upright_frame(*found.points[-2:]), (pixels.shape[1], pixels.shape[0])
        spread = found.spread * np.linalg.norm(frame[0])
        precision = np.sqrt(INDEPENDENT) / np.maximum(spread, LEAST_SPREAD)
        focal = focal or focal_at(STUDIO, frame)
        return Observation(found.points, precision[:, None, None] * np.eye(2), frame, size, focal, self.model, _all)


def _all(projected: np.ndarray) -> np.ndarray:
    """Points keep their place on the head, seen or hidden: the network tells where the hidden ones must be."""
    return np.arange(len(projected))


def dense_landmarks(net: CoarseNet, dense: DensePoints, pixels: np.ndarray, landmarks: np.ndarray) -> DenseLandmarks:
    """Locate the `dense` points in a photo uint8 [H, W, 3] around the face of the detector's `landmarks` [478, 2].

    The face and its mirror image are looked at, and what they say is averaged.
    """
    view = first_view(landmarks)
    for _ in range(PASSES):
        found = _predict(net, dense, seen_through(view, pixels))
        scale = np.sqrt(np.linalg.det(view[:, :2]))
        points = (found.points - view[:, 2]) @ np.linalg.inv(view[:, :2]).T
        found = replace(found, points=points, spread=found.spread / scale)
        view = _view(points[dense.face], points[-2:])
    return found


def first_view(landmarks: np.ndarray) -> np.ndarray:
    """[2, 3] the map from photo to network pixels around the face of the detector's `landmarks` [478, 2]."""
    return _view(landmarks[:468], landmarks[list(IRISES)])


def _view(face: np.ndarray, irises: np.ndarray) -> np.ndarray:
    """[2, 3] the map from photo to network pixels that puts the irises level and frames the points `face` [N, 2]."""
    x, y = (irises[1] - irises[0]) / np.linalg.norm(irises[1] - irises[0])
    level = np.array([[x, y], [-y, x]])
    turned = face @ level.T
    low, high = turned.min(0), turned.max(0)
    scale = SIDE / (FRAME * (high - low).max())
    return np.c_[scale * level, SIDE / 2 - scale * (low + high) / 2]


def seen_through(view: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """The photo `pixels` uint8 [H, W, 3] in the network's `view` [2, 3], averaged where it is finer:
    uint8 [SIDE, SIDE, 3]."""
    scale = float(np.sqrt(np.linalg.det(view[:, :2])))
    if scale < 0.5:
        small = cv2.resize(pixels, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        view = np.c_[view[:, :2] @ np.diag(np.array(pixels.shape[1::-1]) / small.shape[1::-1]), view[:, 2]]
        pixels = small
    return cv2.warpAffine(
        pixels, corner_aligned(view), (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


@torch.no_grad()
def _predict(net: CoarseNet, dense: DensePoints, image: np.ndarray) -> DenseLandmarks:
    """What `image` uint8 [SIDE, SIDE, 3] shows, in its pixels; the beta is that of the plain image alone."""
    both = torch.from_numpy(np.stack([image, image[:, ::-1]])).to(net.mean.device).float() / 255
    said, features = net.look(both.movedim(-1, 1).contiguous())
    points, spread, visible = (value.cpu().double().numpy() for value in said[-1])
    points[1] = (points[1] * (-1, 1) + (SIDE, 0))[dense.mirror]
    spread[1], visible[1] = spread[1][dense.mirror], visible[1][dense.mirror]
    beta = net.shape(features)[0].cpu().double().numpy()
    return DenseLandmarks(points.mean(0), np.exp(spread.mean(0)), (1 / (1 + np.exp(-visible))).mean(0), beta)
