"""Photos of every kind load alike; what cannot be used is refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import IFDRational

from likeness.core.capture.photo import LONG_SIDE, load_photo
from likeness.core.errors import InputError

RAMP = np.linspace(0, 255, 48, dtype=np.uint8)
COLOR = np.stack([np.tile(RAMP, (32, 1)), np.full((32, 48), 90, np.uint8), np.tile(RAMP[::-1], (32, 1))], -1)


def difference(path: Path, expected: np.ndarray) -> float:
    pixels = load_photo(path).pixels
    assert pixels.dtype == np.uint8
    assert pixels.shape == expected.shape
    return float(np.abs(pixels.astype(int) - expected).max())


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "RGB", "RGBA", "I;16", "I", "F"])
def test_modes(tmp_path: Path, mode: str) -> None:
    grey = COLOR[..., 0] if mode != "1" else np.where(COLOR[..., 0] > 127, 255, 0).astype(np.uint8)
    path = tmp_path / "photo.tiff"
    if mode.startswith("I"):
        Image.fromarray(grey.astype({"I": np.int32, "I;16": np.uint16}[mode]) * 257).save(path)
    elif mode == "F":
        Image.fromarray(grey.astype(np.float32) / 255).save(path)
    else:
        Image.fromarray(grey).convert(mode, dither=Image.Dither.NONE).save(path)
    assert difference(path, np.repeat(grey[..., None], 3, -1)) <= 1


def test_cmyk(tmp_path: Path) -> None:
    Image.fromarray(COLOR).convert("CMYK").save(tmp_path / "print.jpg", quality=100)
    assert difference(tmp_path / "print.jpg", COLOR) < 12


def test_transparency_shows_a_neutral_grey(tmp_path: Path) -> None:
    rgba = np.dstack([COLOR, np.where(np.arange(48) < 24, 0, 255).astype(np.uint8) * np.ones((32, 1), np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "cutout.png")
    expected = COLOR.copy()
    expected[:, :24] = 127
    assert difference(tmp_path / "cutout.png", expected) <= 1


def test_color_profile(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(COLOR).save(tmp_path / "srgb.png", icc_profile=lab)
    assert difference(tmp_path / "srgb.png", COLOR) <= 2
    Image.fromarray(COLOR).save(tmp_path / "broken.png", icc_profile=b"not a profile")
    assert difference(tmp_path / "broken.png", COLOR) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path: Path, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that store an upright image so
    stored = Image.fromarray(COLOR)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    assert difference(tmp_path / "turned.png", COLOR) == 0


def save_with_lens(path: Path, size: tuple[int, int], millimetres: object, **tags: int) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA405: millimetres, **{int(tag[1:], 16): value for tag, value in tags.items()}})
    Image.new("RGB", size).save(path, exif=exif)


def test_focal_length(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    save_with_lens(path, (600, 400), 50)
    expected = 50 / np.hypot(36, 24) * np.hypot(600, 400)
    assert load_photo(path).focal == pytest.approx(expected, rel=1e-3)
    save_with_lens(path, (300, 400), 50, xA002=600, xA003=400)  # half of the frame was cut away
    assert load_photo(path).focal == pytest.approx(expected, rel=1e-3)
    save_with_lens(path, (600, 400), 50, xA002=6000, xA003=4000)  # the whole frame was reduced
    assert load_photo(path).focal == pytest.approx(expected, rel=1e-3)
    save_with_lens(path, (600, 400), 0)
    assert load_photo(path).focal is None
    Image.new("RGB", (600, 400)).save(path)
    assert load_photo(path).focal is None


def test_large_photos_are_reduced(tmp_path: Path) -> None:
    path = tmp_path / "sixty megapixels.jpg"
    save_with_lens(path, (9000, 6700), IFDRational(26))
    photo = load_photo(path)
    assert photo.pixels.shape == (3049, LONG_SIDE, 3)
    assert photo.focal == pytest.approx(26 / 43.267 * np.hypot(4096, 3049), rel=1e-3)


def test_any_path(tmp_path: Path) -> None:
    folder = tmp_path / "Bilder é 写真"
    folder.mkdir()
    Image.fromarray(COLOR).save(folder / "пример 顔.png")
    assert load_photo(folder / "пример 顔.png").name == "пример 顔.png"


def unusable(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    png = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(png)
    contents = {
        "text": (b"dear diary", "not an image"),
        "empty": (b"", "empty"),
        "truncated": (png.read_bytes()[:4000], "cut off"),
        "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
    }
    cases = {"folder": (tmp_path, "folder"), "missing": (tmp_path / "missing.jpg", "no photo")}
    for name, (content, words) in contents.items():
        (tmp_path / f"{name}.jpg").write_bytes(content)
        cases[name] = (tmp_path / f"{name}.jpg", words)
    return cases


@pytest.mark.parametrize("case", ["text", "empty", "truncated", "heic", "folder", "missing"])
def test_unusable_files(tmp_path: Path, case: str) -> None:
    path, words = unusable(tmp_path)[case]
    with pytest.raises(InputError, match=words) as error:
        load_photo(path)
    assert str(error.value).count(".") <= str(path).count(".") + 1  # one sentence
    assert "\n" not in str(error.value)
