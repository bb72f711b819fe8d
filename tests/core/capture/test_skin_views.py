"""Two photos of one skin: hidden skin is taken from the one that shows it, and their colours meet."""

import numpy as np
import pytest
from scipy import ndimage

from likeness.core.capture import texture
from likeness.core.capture.skin_photo import ReliefBy
from likeness.core.capture.skin_views import FIRST, SHARP, SkinView, shares
from likeness.core.capture.texture import SkinOptions, SkinTextures, skin_textures
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.atlas import Atlas, build_atlas

from .synthetic import LIGHT, Scene, draw
from .test_texture import SIZE, complexion, texels


@pytest.fixture(autouse=True)
def small_textures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texture, "SIZE", SIZE)


@pytest.fixture(scope="module")
def atlas(model: HeadModel) -> Atlas:
    return build_atlas(model, "skin", SIZE)


def textures(model: HeadModel, *scenes: Scene) -> SkinTextures:
    views = [SkinView(scene.vertices, scene.camera, scene.pixels, scene.masks) for scene in scenes]
    return skin_textures(model, scenes[0].vertices, views, SkinOptions(SIZE, ReliefBy.NOTHING))


def halves(model: HeadModel, truth: np.ndarray) -> tuple[Scene, Scene]:
    """Two photos in different light, exposure and white balance, each with the other half of the face under hair."""
    x = model.v_template[:, 0]
    other_light = LIGHT * np.array([1, -1, 1, -1, 1, 1, 1, -1, 1], np.float32)[:, None]
    left = draw(model, truth, hair=x > 0.012)
    right = draw(model, truth, hair=x < -0.012, light=0.6 * other_light * np.array([0.85, 1.0, 1.1], np.float32))
    return left, right


def test_what_one_photo_hides_the_other_shows(model: HeadModel, atlas: Atlas) -> None:
    cheek = model.v_template[model.landmarks68[[36, 48]]].mean(0)  # of the subject's right side
    spots = [np.linalg.norm(model.v_template - cheek * side, axis=1) < 0.007 for side in ([1, 1, 1], [-1, 1, 1])]
    truth = complexion(model, "light")
    truth[spots[0]] *= 0.6  # a mole on one side alone: its mirror image would be wrong
    on_spot = [atlas.gather(spot.astype(np.float32)) > 0.9 for spot in spots]
    far = np.linalg.norm(model.v_template - cheek * [-1, 1, 1], axis=1)
    around = atlas.gather(((far > 0.009) & (far < 0.015)).astype(np.float32)) > 0.9

    def darkness(*scenes: Scene) -> np.ndarray:
        """Of the mole, and of the same place on the other side, against what surrounds that."""
        color = texels(atlas, textures(model, *scenes).color).mean(1)
        return color[around].mean() - np.array([color[spot].mean() for spot in on_spot])

    left, right = halves(model, truth)
    (mole, copy), (kept, clear) = darkness(left), darkness(left, right)
    print(f"mole {mole:.3f}, its copy {copy:.3f}; with the other photo {kept:.3f}, {clear:.3f}")
    assert min(mole, kept) > 0.05
    assert clear < 0.3 * copy


def test_colours_meet_where_photos_do(model: HeadModel, atlas: Atlas) -> None:
    result = textures(model, *halves(model, complexion(model, "medium")))
    color = texels(atlas, result.color)
    position, face = atlas.gather(model.v_template), atlas.gather(model.masks["narrow_face"]) > 0.9
    forehead = face & (position[:, 1] > position[face, 1].max() - 0.02)
    sides = [forehead & (np.sign(side) * position[:, 0] > 0.015) for side in (-1, 1)]
    left, right = (np.median(color[side], 0) for side in sides)
    assert np.abs(left - right).max() < 0.03
    gray = ndimage.gaussian_filter(atlas.image(color.mean(1)), 3)
    step = np.abs(np.diff(gray, axis=1, prepend=gray[:, :1])).reshape(-1)[atlas.texels]
    middle = face & (np.abs(position[:, 0]) < 0.02) & (position[:, 1] > position[face, 1].mean())
    assert np.percentile(step[middle], 99) < 0.02


def test_the_same_photo_twice_is_the_photo(model: HeadModel, atlas: Atlas) -> None:
    scene = draw(model, complexion(model, "dark"))
    once, twice = (texels(atlas, textures(model, *[scene] * n).color) for n in (1, 2))
    assert np.abs(once - twice).max() < 0.03


def test_a_darker_copy_is_brought_to_the_same_tone(model: HeadModel, atlas: Atlas) -> None:
    truth = complexion(model, "medium")
    scene, dim = draw(model, truth), draw(model, truth, light=0.5 * LIGHT)
    both, alone = textures(model, scene, dim), textures(model, scene)
    seen = atlas.gather(both.field.trust) > 0.9
    pattern = [np.log(texels(atlas, one.color)[seen].mean(1)) for one in (both, alone)]
    assert np.std(pattern[0] - pattern[1]) < 0.03


def test_shares_go_to_the_best_view() -> None:
    quality = np.array([[0.9, 0.5, 0.0, 0.0], [0.9, 0.5 * FIRST * 1.3, 0.4, 0.0]])
    share = shares(quality, SHARP)
    assert share.sum(0) == pytest.approx(1)
    assert share[0, 0] > 0.9
    assert share[1, 1] > 0.9
    assert share[1, 2] > 0.99
    assert share[0, 3] == pytest.approx(0.5)
    assert shares(quality[:1], SHARP) == pytest.approx(1)
