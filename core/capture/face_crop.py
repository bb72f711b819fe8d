"""The upright crop around a face in which everything about a photo is decided, and where the face's parts lie in it."""

import cv2
import numpy as np

SIZE = (512, 640)
"""Width and height of the crop in pixels."""
FACE_WIDTH = 150.0
"""Width of the face in the crop, in pixels; also the unit of the location priors."""
FACE_CENTER = (256.0, 290.0)

OVAL = [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
OVAL += [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
EYES = (
    [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246],
    [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466],
)
BROWS = (
    [70, 63, 105, 66, 107, 55, 65, 52, 53, 46],
    [300, 293, 334, 296, 336, 285, 295, 282, 283, 276],
)
LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
MOUTH = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191]

CHEEKS = ([117, 118, 119, 100, 142, 203, 206, 205, 187, 123], [346, 347, 348, 329, 371, 423, 426, 425, 411, 352])
NOSE = [193, 168, 417, 399, 437, 420, 360, 4, 131, 198, 217, 174]
NOSE_ROOT = [193, 168, 417, 351, 6, 122]
LOWER_CHEEKS = ([206, 203, 205, 187, 207, 216], [426, 423, 425, 411, 427, 436])
UNDER_EYES = ([117, 118, 119, 120, 121, 100], [346, 347, 348, 349, 350, 329])
FOREHEAD = [104, 69, 108, 151, 337, 299, 333, 334, 296, 336, 9, 107, 66, 105]
CHIN = [17, 314, 406, 421, 428, 377, 152, 148, 208, 201, 182, 84]


def face_transform(landmarks: np.ndarray) -> np.ndarray:
    """[2, 3] similarity from the photo to the crop: eyes level, face of FACE_WIDTH around FACE_CENTER."""
    across = landmarks[EYES[1]].mean(0) - landmarks[EYES[0]].mean(0)
    across = across / np.linalg.norm(across)
    rotation = np.array([across, [-across[1], across[0]]])
    oval = landmarks[OVAL] @ rotation.T
    low, high = oval.min(0), oval.max(0)
    scale = FACE_WIDTH / max(high[0] - low[0], 0.75 * (high[1] - low[1]))
    center = (low + high) / 2
    return np.concatenate([rotation * scale, (FACE_CENTER - center * scale)[:, None]], 1).astype(np.float32)


def corner_aligned(transform: np.ndarray) -> np.ndarray:
    """`transform` for OpenCV, whose pixel centres are whole numbers."""
    return np.concatenate([transform[:, :2], transform[:, 2:] + transform[:, :2].sum(1, keepdims=True) / 2 - 0.5], 1)


def cropped(pixels: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """`pixels` resampled to SIZE; a large photo is first reduced so that nothing aliases."""
    shrink = min(1.0, 1.5 * float(np.hypot(*transform[:, 0])))
    if shrink < 0.75:
        height, width = pixels.shape[:2]
        pixels = cv2.resize(pixels, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        scale = np.array([width / pixels.shape[1], height / pixels.shape[0]], np.float32)
        transform = np.concatenate([transform[:, :2] * scale, transform[:, 2:]], 1)
    flags = cv2.INTER_LINEAR
    mode = cv2.BORDER_CONSTANT if pixels.ndim == 2 else cv2.BORDER_REPLICATE
    return cv2.warpAffine(pixels, corner_aligned(transform), SIZE, flags=flags, borderMode=mode)


def polygon(points: np.ndarray, soft: float = 1.0) -> np.ndarray:
    """Filled polygon [H, W] with a border about `soft` pixels wide."""
    mask = np.zeros(SIZE[::-1], np.float32)
    cv2.fillPoly(mask, [np.round((points - 0.5) * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
    return cv2.GaussianBlur(mask, (0, 0), soft)


def face_coordinates() -> tuple[np.ndarray, np.ndarray]:
    """x (right) and y (down) of each crop pixel from the face's centre, in face widths."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]].astype(np.float32)
    return (x + 0.5 - FACE_CENTER[0]) / FACE_WIDTH, (y + 0.5 - FACE_CENTER[1]) / FACE_WIDTH


def grown(ring: np.ndarray, factor: float) -> np.ndarray:
    return ring.mean(0) + (ring - ring.mean(0)) * factor


def ramp(value: np.ndarray, low: float | np.ndarray, high: float | np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, linear between."""
    return np.clip((value - low) / (high - low), 0, 1)
