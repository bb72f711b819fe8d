"""Finds faces and their landmarks: 478 points of MediaPipe FaceMesh 0.10 (468 of the face, 2 x 5 of the irises).

Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs", 2019.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from ..errors import InputError
from .photo import Photo

COUNT = 478
IRISES = (468, 473)
"""Centres of the subject's right and left iris."""
OVAL = (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
        148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109)  # fmt: skip
"""The face's outline, from the middle of the forehead clockwise in the image."""
_MIDLINE = {0, 1, 2, 4, 5, 6, *range(8, 20), 94, 151, 152, 164, 168, 175, 195, 197, 199, 200}

MIN_FACE = 40
"""Pixels across the face below which landmarks are guesswork."""

_CROP = 512
_EYE_CORNERS = ((33, 133), (362, 263))


def detect_landmarks(photo: Photo, face: int | None = None) -> np.ndarray:
    """Landmarks `[478, 2]` in the photo's pixels of its `face`-th largest face, by default the first.

    Two passes: one on the detector's box, then the mean over several upright crops, plain and mirrored, round the
    first one's landmarks. Raises InputError when there is no such face, or it is smaller than `MIN_FACE` pixels.
    """
    image = Image.fromarray(photo.pixels)
    faces = _faces(image)
    if not faces:
        raise InputError(f"No face was found in {photo.name}; use a photo that shows one from the front.")
    if face is not None and not 1 <= face <= len(faces):
        raise InputError(f"Face {face} does not exist: {photo.name} shows {len(faces)}, counted from the largest.")
    landmarks = faces[(face or 1) - 1]
    width = int(np.ptp(landmarks[:468, 0]))
    if width < MIN_FACE:
        raise InputError(f"The face in {photo.name} is only {width} pixels wide; use a photo with {MIN_FACE} or more.")
    return landmarks


def iris_distance(landmarks: np.ndarray) -> float:
    """Inter-ocular distance in pixels: between the iris centres of `landmarks` `[478, 2]`."""
    return float(np.linalg.norm(landmarks[IRISES[0]] - landmarks[IRISES[1]]))


def _faces(image: Image.Image) -> list[np.ndarray]:
    """Landmarks of every face, largest first: looks closer, then turns the image, only while none is found."""
    for turn, shares in ((0, (1.0, 0.5)), (0, (0.25,)), (90, (1.0, 0.5)), (270, (1.0, 0.5)), (180, (1.0, 0.5))):
        turned = image.rotate(turn, expand=True) if turn else image
        boxes = _boxes(turned, shares)
        found = [mesh for box in boxes if (mesh := _refined(turned, box)) is not None]
        if found:
            found = [_turn_back(mesh, turn, image.size) for mesh in _distinct(found)]
            return sorted(found, key=lambda mesh: -iris_distance(mesh) - np.ptp(mesh[:468], axis=0).max())
    return []


def _boxes(image: Image.Image, shares: tuple[float, ...]) -> list[tuple[float, float, float]]:
    """Faces as (centre x, centre y, side) in pixels, found in windows of those shares of the image."""
    found: list[tuple[float, float, float, float]] = []
    for share in shares:
        side = np.array(image.size) * share
        steps = round(2 / share) - 1  # half overlapping
        for row in range(steps):
            for column in range(steps):
                corner = side * (column, row) / 2
                window = image.resize(_within(side, 640), Image.Resampling.BILINEAR, (*corner, *(corner + side)))
                for detection in _run(_detector(), window).detections or []:
                    box = detection.location_data.relative_bounding_box
                    x, y = corner + side * (box.xmin + box.width / 2, box.ymin + box.height / 2)
                    found.append((detection.score[0], x, y, max(side * (box.width, box.height))))
    kept: list[tuple[float, float, float]] = []
    for _, x, y, size in sorted(found, reverse=True):
        if all(np.hypot(x - u, y - v) > 0.5 * max(size, other) for u, v, other in kept):
            kept.append((x, y, size))
    return kept


def _within(size: np.ndarray, limit: int) -> tuple[int, int]:
    scale = min(1.0, limit / size.max())
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _refined(image: Image.Image, box: tuple[float, float, float]) -> np.ndarray | None:
    """Landmarks of the face in `box`, None when the passes do not agree that there is one."""
    x, y, size = box
    first = None
    for margin in (2.0, 1.5, 3.0):
        first = _mesh(image, (x, y), size * margin, 0.0, False)
        if first is not None:
            break
    if first is None:
        return None
    meshes = []
    for margin in (1.5, 1.75, 2.0):
        center, side, roll = _frame(first)
        meshes += [_mesh(image, center, side * margin, roll, mirrored) for mirrored in (False, True)]
    agreeing = [m for m in meshes if m is not None]
    if len(agreeing) < 3:
        return None
    mean = np.median(agreeing, axis=0)
    spread = np.median(np.linalg.norm(np.array(agreeing) - mean, axis=-1)) / iris_distance(mean)
    return mean if spread < 0.08 else None


def _frame(mesh: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Centre, side (pixels) and roll (radians) of the square round a face."""
    right, left = (mesh[list(corners)].mean(0) for corners in _EYE_CORNERS)
    roll = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    low, high = mesh.min(0), mesh.max(0)
    return (low + high) / 2, float((high - low).max()), roll


def _mesh(image: Image.Image, center: Any, side: float, roll: float, mirrored: bool) -> np.ndarray | None:
    """One run of FaceMesh on a square crop; landmarks `[478, 2]` in the image's pixels."""
    reduction = max(1, int(side / _CROP))
    low = np.maximum(np.floor(np.array(center) - side).astype(int), 0)
    high = np.minimum(np.ceil(np.array(center) + side).astype(int), image.size)
    if (high - low).min() < 2:
        return None
    local = image.crop((*low, *high)).reduce(reduction)
    cos, sin = np.cos(roll), np.sin(roll)
    to_image = np.array([[cos, -sin], [sin, cos]]) * (side / _CROP)
    if mirrored:
        to_image = to_image @ np.diag([-1, 1])
    offset = np.array(center) - to_image @ (np.full(2, _CROP / 2))
    matrix = np.column_stack([to_image, offset - low]) / reduction
    crop = local.transform((_CROP, _CROP), Image.Transform.AFFINE, matrix.ravel(), Image.Resampling.BICUBIC)
    result = _run(_face_mesh(), crop).multi_face_landmarks
    if not result:
        return None
    points = np.array([(p.x, p.y) for p in result[0].landmark]) * _CROP @ to_image.T + offset
    return (points[mirror()] if mirrored else points).astype(np.float32)


def _distinct(meshes: list[np.ndarray]) -> list[np.ndarray]:
    kept: list[np.ndarray] = []
    for mesh in meshes:
        if all(np.linalg.norm(mesh.mean(0) - other.mean(0)) > 0.5 * iris_distance(other) for other in kept):
            kept.append(mesh)
    return kept


def _turn_back(mesh: np.ndarray, turn: int, size: tuple[int, int]) -> np.ndarray:
    """Landmarks of an image that was turned by `turn` degrees counter-clockwise, in the pixels of the unturned one."""
    x, y = mesh[:, 0], mesh[:, 1]
    width, height = size
    turned = {0: (x, y), 90: (width - y, x), 180: (width - x, height - y), 270: (y, height - x)}[turn]
    return np.stack(turned, -1)


@cache
def mirror() -> np.ndarray:
    """`[478]` index of each landmark's left-right mirrored one.

    FaceMesh numbers the midline and the subject's right side first, then the left side in the same order.
    """
    right = [i for i in range(248) if i not in _MIDLINE]
    permutation = np.arange(COUNT)
    permutation[right] = np.arange(248, 468)
    permutation[248:468] = right
    permutation[468:] = (473, 476, 475, 474, 477, 468, 471, 470, 469, 472)
    return permutation


def _run(network: Any, image: Image.Image) -> Any:
    with _quiet():
        return network.process(np.asarray(image))


@cache
def _detector() -> Any:
    from mediapipe.python.solutions import face_detection

    return _warm(face_detection.FaceDetection, model_selection=1, min_detection_confidence=0.5)


@cache
def _face_mesh() -> Any:
    from mediapipe.python.solutions import face_mesh

    return _warm(face_mesh.FaceMesh, static_image_mode=True, refine_landmarks=True, min_detection_confidence=0.3)


def _warm(kind: Any, **options: Any) -> Any:
    """A network whose threads have started: they report to the error stream when they do."""
    with _quiet():
        network = kind(**options)
        network.process(np.zeros((64, 64, 3), np.uint8))
    return network


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hides what MediaPipe's native code writes to the error stream."""
    sys.stderr.flush()
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)
