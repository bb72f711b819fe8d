"""What cameras and files do to a picture: exposure, colour cast, blur, noise, vignette, rescaling, JPEG."""

import cv2
import numpy as np

from ...rendering.shading import linear_to_srgb


def develop(rng: np.random.Generator, linear: np.ndarray, face: np.ndarray) -> np.ndarray:
    """A picture uint8 [H, W, 3] of linear colours [H, W, 3], exposed for the pixels of the `face` [H, W] bool."""
    middle = np.median(linear[face].mean(-1)) if face.any() else linear.mean()
    exposure = rng.lognormal(np.log(0.25), 0.35) / max(float(middle), 1e-4)
    cast = np.exp(rng.normal(0, 0.08, 3))
    image = linear * exposure * cast * _vignette(rng, linear[..., 0].shape)
    shoulder = rng.uniform(0.0, 0.5)
    image = image * (1 + shoulder * image) / (1 + shoulder * image * image + 1e-6) if rng.random() < 0.5 else image
    image = linear_to_srgb(np.clip(image, 0, 1)).astype(np.float32)
    image = np.clip(0.5 + rng.uniform(0.75, 1.25) * (image - 0.5) + rng.normal(0, 0.04), 0, 1)
    saturation = 0.0 if rng.random() < 0.07 else rng.uniform(0.6, 1.3)
    grey = image @ np.array([0.3, 0.59, 0.11], np.float32)
    image = grey[..., None] + saturation * (image - grey[..., None])
    image = _softened(rng, image.astype(np.float32))
    image = image + rng.normal(0, rng.choice([0.0, 0.01, 0.03]), image.shape)
    pixels = (np.clip(image, 0, 1) * 255).astype(np.uint8)
    return _compressed(rng, pixels)


def _vignette(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    y, x = np.mgrid[: size[0], : size[1]] / max(size) - rng.uniform(0.3, 0.7, 2)[:, None, None]
    return (1 - rng.uniform(0, 0.6) * (x * x + y * y))[..., None]


def _softened(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Out of focus, moved, small, or sharpened."""
    kind = rng.random()
    if kind < 0.25:
        return cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 2.2))
    if kind < 0.33:
        length, angle = int(rng.integers(3, 10)), rng.uniform(0, np.pi)
        kernel = np.zeros((length, length), np.float32)
        middle, way = length / 2, np.array([np.cos(angle), np.sin(angle)]) * length / 2
        ends = np.round([middle - way, middle + way]).astype(np.int32)
        cv2.polylines(kernel, [ends], False, 1.0)
        return cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1.0))
    if kind < 0.55:
        factor = rng.uniform(0.2, 0.7)
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    if kind < 0.7:
        return image + rng.uniform(0.2, 1.0) * (image - cv2.GaussianBlur(image, (0, 0), 1.2))
    return image


def _compressed(rng: np.random.Generator, pixels: np.ndarray) -> np.ndarray:
    quality = int(rng.integers(25, 98))
    _, stream = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(stream, cv2.IMREAD_COLOR)[..., ::-1]
