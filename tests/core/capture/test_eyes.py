import numpy as np
import pytest

from likeness.core.capture.eyes import IRIS_POINTS, LIDS, eye_profile, eye_texture, iris_color
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.shading import linear_to_srgb, srgb_to_linear

COLORS = {"brown": (0.10, 0.05, 0.03), "blue": (0.12, 0.18, 0.25), "green": (0.12, 0.14, 0.07)}


def photo_of_eyes(color: tuple[float, float, float], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Two irises with pupil and reflection between lids, and their landmarks."""
    pixels = np.full((200, 400, 3), 200, np.uint8)
    landmarks = np.zeros((478, 2), np.float32)
    y, x = np.mgrid[:200, :400] + 0.5
    for part, center in (("right_eye", (120, 100)), ("left_eye", (280, 100))):
        distance = np.hypot(x - center[0], y - center[1])
        pixels[distance < radius] = linear_to_srgb(np.array(color)) * 255
        pixels[distance < 0.35 * radius] = 10
        pixels[np.hypot(x - center[0] - 0.4 * radius, y - center[1] + 0.4 * radius) < 0.2 * radius] = 255
        middle, border = IRIS_POINTS[part]
        turn = np.arange(4) * np.pi / 2
        landmarks[middle] = center
        landmarks[list(border)] = np.array(center) + radius * np.stack([np.cos(turn), np.sin(turn)], 1)
        turn = np.linspace(0, 2 * np.pi, len(LIDS[part]), endpoint=False)
        landmarks[LIDS[part]] = np.array(center) + radius * np.stack([2 * np.cos(turn), 0.8 * np.sin(turn)], 1)
    return pixels, landmarks


@pytest.mark.parametrize("name", COLORS)
def test_iris_color_is_found(name: str) -> None:
    pixels, landmarks = photo_of_eyes(COLORS[name], 24)
    found = iris_color(pixels, landmarks, np.ones(3))
    ratio = found / COLORS[name]
    assert np.ptp(np.log(ratio)) < 0.1
    assert 0.9 < ratio.mean() < 1.4


def test_closed_eyes_get_a_usual_iris() -> None:
    pixels, landmarks = photo_of_eyes(COLORS["blue"], 24)
    for lids in LIDS.values():
        landmarks[lids, 1] = 100
    assert np.isfinite(iris_color(pixels, landmarks, np.ones(3))).all()


def test_texture_has_pupil_iris_and_sclera() -> None:
    texture = srgb_to_linear(eye_texture(np.array(COLORS["blue"]), np.array([[0, 0], [0.5, 5]])))
    y, x = (np.mgrid[: len(texture), : len(texture)] + 0.5) / len(texture) - 0.5
    distance = np.hypot(x, y) / 0.1
    assert texture[distance < 0.3].max() < 0.02
    iris = texture[(distance > 0.45) & (distance < 0.85)].mean(0)
    np.testing.assert_allclose(iris / iris.sum(), np.array(COLORS["blue"]) / sum(COLORS["blue"]), atol=0.06)
    assert texture[(distance > 1.2) & (distance < 2) & (np.abs(y) < 0.05)].min() > 0.2
    limbus = texture[(distance > 0.93) & (distance < 0.97)].mean()
    assert limbus < 0.7 * iris.mean()


def test_the_iris_of_the_model_is_drawn_at_its_size(model: HeadModel) -> None:
    for part in ("left_eye", "right_eye"):
        radius, way = eye_profile(model, part).T
        assert (np.diff(radius) > 0).all() and (np.diff(way) > 0).all()
        assert 0.04 < np.interp(1, way, radius) < 0.2
        assert 2.5 < np.interp(0.48, radius, way) < 7  # half the ball's girth, in irises
