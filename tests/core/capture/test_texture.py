"""The textures of synthetic photos, whose truth is known."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from likeness.core.capture.albedo import skin_triangles
from likeness.core.capture.complexion import pigment
from likeness.core.capture.skin_photo import ReliefBy
from likeness.core.capture.skin_views import SkinView
from likeness.core.capture.texture import SkinOptions, SkinTextures, skin_textures
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.atlas import Atlas, build_atlas, texel_coordinates
from likeness.core.rendering.rasterise import rasterise
from likeness.core.rendering.shading import srgb_to_linear

from .synthetic import Scene, draw

SIZE = 512
TONES = {"light": (0.60, 0.38, 0.27), "medium": (0.36, 0.19, 0.12), "dark": (0.15, 0.065, 0.04)}


@pytest.fixture(scope="module")
def atlas(model: HeadModel) -> Atlas:
    return build_atlas(model, "skin", SIZE)


def complexion(model: HeadModel, tone: str) -> np.ndarray:
    """[V, 3] linear: the tone, the usual pigment, and freckles of 8 mm that no prior knows."""
    freckles = 0.1 * np.sin(model.v_template / 0.008).prod(1)
    return np.exp(np.log(TONES[tone]) + pigment(model) + freckles[:, None])


def textures(model: HeadModel, scene: Scene) -> SkinTextures:
    return skin_textures(model, scene.vertices, [view(scene)], SkinOptions(SIZE, ReliefBy.NOTHING))


def view(scene: Scene) -> SkinView:
    return SkinView(scene.vertices, scene.camera, scene.pixels, scene.masks)


def decoded(image: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image)), np.float32) / 255


def texels(atlas: Atlas, image: bytes) -> np.ndarray:
    return decoded(image).reshape(SIZE * SIZE, -1)[atlas.texels]


@pytest.mark.parametrize("tone", TONES)
def test_light_is_taken_out(model: HeadModel, atlas: Atlas, tone: str) -> None:
    truth = complexion(model, tone)
    scene = draw(model, truth)
    result = textures(model, scene)
    found = np.log(srgb_to_linear(texels(atlas, result.color)) + 1e-4)
    seen = (atlas.gather(model.masks["narrow_face"]) > 0.9) & (atlas.gather(result.field.trust) > 0.9)
    error = (found - np.log(atlas.gather(truth)))[seen]
    spread = np.abs(error - np.median(error, 0)).mean()
    x = atlas.gather(model.v_template)[seen, 0]
    lopsided = np.median(error[x > 0.02], 0) - np.median(error[x < -0.02], 0)
    print(f"{tone}: log albedo error {spread:.3f}, tone {np.median(error, 0)}, left against right {lopsided}")
    assert spread < 0.08
    assert np.abs(lopsided).max() < 0.06
    assert np.abs(np.median(error, 0)).max() < 0.25


def test_skin_in_a_grey_photo_has_a_colour(model: HeadModel, atlas: Atlas) -> None:
    scene = draw(model, complexion(model, "medium"))
    grey = np.repeat(scene.pixels.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    red, green, blue = np.median(texels(atlas, textures(model, replace(scene, pixels=grey)).color), 0)
    assert red > green + 0.1 > blue + 0.15


def test_no_background_on_the_skin(model: HeadModel, atlas: Atlas) -> None:
    """A magenta wall, and a fit that is two millimetres off."""
    scene = draw(model, complexion(model, "medium"), background=(1.0, 0.0, 1.0))
    moved = replace(scene.camera, translation=scene.camera.translation + np.array([0.002, 0.001, 0], np.float32))
    color = texels(atlas, textures(model, replace(scene, camera=moved)).color)
    magenta = color[:, 2] - color[:, 1]
    assert magenta.max() < 0.03


def test_no_eye_on_the_lids(model: HeadModel, atlas: Atlas) -> None:
    scene = draw(model, complexion(model, "light"), eyes=(0.05, 0.1, 0.9))
    moved = replace(scene.camera, translation=scene.camera.translation + np.array([0.0, 0.001, 0], np.float32))
    color = texels(atlas, textures(model, replace(scene, camera=moved)).color)
    assert (color[:, 2] - color[:, 0]).max() < 0.0


def test_hidden_skin_is_completed_from_the_other_side(model: HeadModel, atlas: Atlas) -> None:
    cheek = model.v_template[model.landmarks68[[36, 48]]].mean(0)  # of the subject's right side
    spot = model.v_template[np.linalg.norm(model.v_template - cheek, axis=1).argmin()]
    mole = np.linalg.norm(model.v_template - spot, axis=1) < 0.006
    truth = complexion(model, "light")
    truth[mole] *= 0.6
    hair = model.v_template[:, 0] > 0.012
    result = textures(model, draw(model, truth, hair=hair))
    darkness = np.log(atlas.gather(complexion(model, "light"))) - np.log(srgb_to_linear(texels(atlas, result.color)))
    position = atlas.gather(model.v_template)
    own = np.linalg.norm(position - spot, axis=1) < 0.003
    mirrored = np.linalg.norm(position - spot * [-1, 1, 1], axis=1) < 0.003
    around = (atlas.gather(model.masks["narrow_face"]) > 0.9) & (position[:, 0] > 0.02) & ~mirrored
    assert darkness[mirrored].mean() - darkness[around].mean() > 0.6 * (darkness[own].mean() - darkness[around].mean())
    green = texels(atlas, result.color)
    assert (green[:, 1] - green[:, 0]).max() < 0


def test_no_seams(model: HeadModel, atlas: Atlas) -> None:
    """Neither where the chart is cut nor where the photo ends does the colour jump."""
    color = cv2.blur(decoded(textures(model, draw(model, complexion(model, "light"))).color), (9, 9))  # not pores
    faces = model.face_part == model.parts.index("skin")
    pairs = np.unique(np.stack([model.faces[faces].ravel(), model.faces_uv[faces].ravel()], 1), axis=0)
    vertices, first, count = np.unique(pairs[:, 0], return_index=True, return_counts=True)
    cut = first[(count == 2) & ((model.masks["scalp"] + model.masks["neck"])[vertices] > 0.5)]

    def at(uv_index: np.ndarray) -> np.ndarray:
        column, row = texel_coordinates(model.uv[uv_index], SIZE).astype(int).clip(0, SIZE - 1).T
        return color[row, column]

    jump = np.abs(at(pairs[cut, 1]) - at(pairs[cut + 1, 1])).mean(1)
    print(f"across the chart's seams: median {np.median(jump):.4f}, 95th percentile {np.percentile(jump, 95):.4f}")
    assert len(jump) > 10
    assert np.median(jump) < 0.015
    assert np.percentile(jump, 95) < 0.05


def test_normals_and_roughness_are_gentle(model: HeadModel, atlas: Atlas) -> None:
    result = textures(model, draw(model, complexion(model, "medium")))
    normal = texels(atlas, result.normal) * 2 - 1
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1, atol=0.05)
    assert 0.005 < np.abs(normal[:, :2]).mean() < 0.2
    assert np.abs(normal[:, :2].mean(0)).max() < 0.02
    roughness = texels(atlas, result.roughness)
    assert roughness.min() > 0.05 and roughness.max() < 0.8


def test_what_hides_behind_the_head_is_not_seen(model: HeadModel) -> None:
    scene = draw(model, complexion(model, "light"))
    trust = textures(model, scene).field.trust
    raster = rasterise(scene.camera.project(scene.vertices), skin_triangles(model), scene.camera.size)
    shown = np.zeros(len(trust), bool)
    shown[skin_triangles(model)[raster.triangle[raster.covered]]] = True
    assert trust[~shown].max() < 0.5
