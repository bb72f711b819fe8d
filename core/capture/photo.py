"""Reads a photo of any common kind into upright sRGB pixels."""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ..errors import InputError

LONG_SIDE = 4096
"""Pixels; larger photos are reduced to this: more than a 2048 pixel texture can show of a face."""

BACKDROP = (127, 127, 127)
"""What shows through a transparent photo: neutral, so that it neither lights nor colours the face's outline."""

_EXIF_IFD, _PIXEL_WIDTH, _PIXEL_HEIGHT, _FOCAL_35MM = 0x8769, 0xA002, 0xA003, 0xA405
_DIAGONAL_35MM = 43.267
_HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"}


@dataclass(frozen=True)
class Photo:
    """An upright photo."""

    pixels: np.ndarray
    """[H, W, 3] uint8 sRGB."""
    name: str
    """File name without its folder."""
    focal: float | None
    """Focal length in pixels, None where the file does not tell."""


def load_photo(path: Path | str) -> Photo:
    """Read a photo: upright (EXIF), in sRGB (ICC profile), 8 bits, opaque, with a long side of `LONG_SIDE` at most.

    Raises InputError, in one sentence, when the file is missing, empty, truncated, a folder or not an image.
    """
    path = Path(path)
    data = _read(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large images and odd metadata; both are handled here
            image = Image.open(io.BytesIO(data))
            full = image.size
            image.draft("RGB", (LONG_SIDE, LONG_SIDE))  # a JPEG decodes at a fraction of its size, never below this
            image.load()
            focal35 = _focal_35mm(image, full)
            image = ImageOps.exif_transpose(image)
            image = _to_srgb(image)
    except UnidentifiedImageError as error:
        raise InputError(f"{path.name} is not an image that can be read; use a JPEG or PNG.") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path.name} has too many pixels; reduce it below 170 megapixels.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow's decoders raise on damaged data
        raise InputError(f"{path.name} is damaged or cut off; save it again as a JPEG or PNG.") from error
    scale = LONG_SIDE / max(image.size)
    if scale < 1:
        image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.LANCZOS)
    focal = focal35 * float(np.hypot(*image.size)) if focal35 else None
    return Photo(np.array(image), path.name, focal)


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise InputError(f"{path.name} is a folder; name one photo in it.")
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"There is no photo at {path}.") from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be read ({error.strerror}).") from error
    if not data:
        raise InputError(f"{path.name} is empty (0 bytes).")
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        raise InputError(f"{path.name} is an HEIC photo, which cannot be read; save it as a JPEG or PNG.")
    return data


def _focal_35mm(image: Image.Image, full: tuple[int, int]) -> float | None:
    """Focal length in units of the image's diagonal, from the EXIF 35 mm equivalent (by diagonals, CIPA DCG-001).

    Where the recorded frame has another aspect ratio and is larger, the photo was cropped out of it afterwards.
    """
    exif = image.getexif().get_ifd(_EXIF_IFD)
    try:
        focal = float(exif.get(_FOCAL_35MM) or 0)
        frame = (float(exif.get(_PIXEL_WIDTH) or 0), float(exif.get(_PIXEL_HEIGHT) or 0))
    except (TypeError, ValueError):
        return None
    if not 8 <= focal <= 1000:  # millimetres; 0 means unknown, the rest is not a lens
        return None
    focal /= _DIAGONAL_35MM
    cropped = min(frame) > 0 and abs(frame[0] * full[1] / (frame[1] * full[0]) - 1) > 0.02
    if cropped and frame[0] >= full[0] and frame[1] >= full[1]:
        focal *= np.hypot(*frame) / np.hypot(*full)
    return float(focal)


def _to_srgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode to opaque 8-bit sRGB."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        image = _to_8_bits(image)
    if image.mode in ("LA", "PA", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
    alpha = image.getchannel("A") if image.mode in ("RGBA", "RGBa") else None
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    if profile:
        image = _apply_profile(image, profile)
    image = image.convert("RGB")
    if alpha is not None:
        image = Image.composite(image, Image.new("RGB", image.size, BACKDROP), alpha)
    return image


def _to_8_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image, np.float64)
    if image.mode.startswith("I"):
        values = values / 65535
    return Image.fromarray((np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8), "L")


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a profile of another colour model, or a broken one: the numbers as they are come closest
