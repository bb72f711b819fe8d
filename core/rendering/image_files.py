"""Images as the bytes of an image file."""

import io

import numpy as np
from PIL import Image

QUALITY = 93


def encode(image: np.ndarray) -> bytes:
    """JPEG of values 0..1, `[H, W, 3]` or `[H, W]`."""
    stream = io.BytesIO()
    pixels = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY, subsampling=0)
    return stream.getvalue()


def decode(data: bytes) -> np.ndarray:
    """Values 0..1, `[H, W, 3]` or `[H, W]` float32, of a PNG or JPEG file."""
    return np.asarray(Image.open(io.BytesIO(data)), np.float32) / 255
