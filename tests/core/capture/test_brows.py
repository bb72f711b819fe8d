"""Brow hairs: where they grow, which way, and that the skin carries them."""

from dataclasses import replace

import numpy as np
import pytest

from likeness.core.avatar import Material, Part
from likeness.core.capture.albedo import LUMINANCE
from likeness.core.capture.brows import JOINTS, LASH_RANGE, grow_brows, lash_material
from likeness.core.capture.face_crop import BROWS
from likeness.core.capture.fit import HeadFit
from likeness.core.capture.photo import Photo
from likeness.core.parametric.assembly import arkit_deltas
from likeness.core.parametric.head import EXPRESSIONS, SHAPES, HeadModel
from likeness.core.parametric.head import JOINTS as HEAD_JOINTS
from likeness.core.parametric.parts import carried

from .synthetic import draw


@pytest.fixture(scope="module")
def grown(model: HeadModel) -> tuple[Part, Material]:
    """Dark brows painted on a drawn head, their landmarks round the model's own brow vertices."""
    brows = model.masks["brows"] > 0.5
    albedo = np.where(brows[:, None], (0.03, 0.02, 0.01), (0.5, 0.3, 0.2)).astype(np.float32)
    scene = draw(model, albedo)
    landmarks = np.zeros((478, 2), np.float32)
    mask = np.zeros_like(scene.masks.skin)
    for ring, vertices in zip(BROWS, (model.landmarks68[17:22], model.landmarks68[22:27][::-1]), strict=True):
        line = scene.camera.project(model.v_template[vertices])[:, :2]  # from the outer to the inner end
        landmarks[ring] = np.concatenate([line + np.array([0, side]) for line, side in ((line, -4), (line[::-1], 4))])
        for x, y in line:
            mask[int(y) - 5 : int(y) + 6, int(x) - 8 : int(x) + 9] = 1
    pixels = scene.pixels.copy()
    pixels[mask > 0] = (40, 28, 20)
    masks = replace(scene.masks, brows=mask, skin=scene.masks.skin * (1 - mask))
    fit = HeadFit(
        beta=np.zeros(SHAPES, np.float32),
        psi=np.zeros(EXPRESSIONS, np.float32),
        theta=np.zeros((len(HEAD_JOINTS), 3), np.float32),
        camera=scene.camera,
        light=np.zeros((9, 3), np.float32),
        landmarks=landmarks,
        error=0.0,
    )
    result = grow_brows(model, fit, Photo(pixels, "drawn.png", None), masks, np.ones(3))
    assert result is not None
    return result


def centers(part: Part) -> np.ndarray:
    """[N, JOINTS, 3] the middle line of each hair."""
    return part.vertices.reshape(-1, JOINTS, 2, 3).mean(2)


def test_few_faces_and_both_sides(grown: tuple[Part, Material]) -> None:
    part, _ = grown
    triangles = (1 + (part.faces[:, 3] != part.faces[:, 2])).sum()
    assert triangles <= 6000
    left = (centers(part)[:, 0, 0] > 0).mean()
    assert 0.35 < left < 0.65


def test_grow_on_the_brows(grown: tuple[Part, Material], model: HeadModel) -> None:
    part, _ = grown
    roots = centers(part)[:, 0]
    line = model.v_template[model.landmarks68[17:27]]
    distance = np.linalg.norm(roots[:, None] - line[None], axis=-1).min(1)
    assert np.quantile(distance, 0.95) < 0.015
    skin = model.v_template[model.vertex_part == model.parts.index("skin")]
    off = np.linalg.norm(centers(part)[:, 2][:, None, :] - skin[None, ::1], axis=-1).min(1)
    assert off.max() < 0.006


def test_point_outwards(grown: tuple[Part, Material]) -> None:
    part, _ = grown
    hairs = centers(part)
    outward = (hairs[:, -1] - hairs[:, 0])[:, 0] * np.sign(hairs[:, 0, 0])
    assert (outward > 0).mean() > 0.85


def test_skin_carries_them(grown: tuple[Part, Material], model: HeadModel) -> None:
    part, _ = grown
    assert np.allclose(part.binding_weights.sum(1), 1, atol=1e-5)
    assert (model.vertex_part[part.binding] == model.parts.index("skin")).all()
    deltas = arkit_deltas(model, np.zeros(SHAPES, np.float32))
    raised = carried(part, np.asarray(deltas["browInnerUp"]))
    assert raised[:, 1].max() > 0.002


def test_dark(grown: tuple[Part, Material]) -> None:
    _, material = grown
    assert max(material.color[:3]) < 0.1


@pytest.mark.parametrize("color", [(0.035, 0.02, 0.013), (0.35, 0.24, 0.14), (0.004, 0.004, 0.004)])
def test_lashes_are_darker_than_the_brows_and_of_their_hue(color: tuple[float, float, float]) -> None:
    lashes = np.array(lash_material(Material("brows", (*color, 1.0))).color[:3])
    assert lashes @ LUMINANCE >= 0.99 * LASH_RANGE[0]
    assert lashes @ LUMINANCE < max(0.5 * np.array(color) @ LUMINANCE, 1.01 * LASH_RANGE[0])
    np.testing.assert_allclose(lashes / lashes.sum(), np.array(color) / sum(color), rtol=1e-4)
