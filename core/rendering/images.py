"""Textures as encoded image files."""

import io

import numpy as np
from PIL import Image

QUALITY = 93


def encode(image: np.ndarray) -> bytes:
    """A JPEG of values 0..1, `[H, W, 3]` or `[H, W]`."""
    stream = io.BytesIO()
    pixels = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()
