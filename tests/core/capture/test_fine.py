"""Relief from shades: found where it is, nowhere else, and bounded whatever the photo is."""

from dataclasses import replace

import numpy as np
import pytest

from likeness.core.capture.fine import FOLDS, WRINKLES, shade_of
from likeness.core.capture.fine_energy import Patch, Weights, minimise
from likeness.core.capture.skin_views import SkinView
from likeness.core.capture.texture import SkinOptions, SkinTextures, skin_textures
from likeness.core.evaluation.fine_heads import FineHead, fine_head, relief_height
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.shading import sh_basis

SIDE = 32
LIGHT = np.array([2.0, 0.8, 1.0, 0.3, 0, 0, 0, 0, 0], np.float32)
WEIGHTS = Weights(noise=0.01, height=2.0, flatness=0.02, bound=1.0, steps=100)


def plane() -> Patch:
    """A square of 32 mm that faces +Z."""
    y, x = np.mgrid[:SIDE, :SIDE]
    points = np.stack([x, y, 0 * x], -1).reshape(-1, 3) / 1000
    first = (y[:-1, :-1] * SIDE + x[:-1, :-1]).ravel()
    triangles = np.concatenate([first[:, None] + [0, 1, SIDE], first[:, None] + [1, SIDE + 1, SIDE]])
    return Patch(points, np.tile([0.0, 0.0, 1.0], (len(points), 1)), triangles, LIGHT)


def bump(patch: Patch) -> tuple[np.ndarray, np.ndarray]:
    """Heights of a bump in metres and the log shade that it has."""
    local = patch.points - patch.points.mean(0)
    height = 0.0006 * np.exp(-0.5 * (local**2).sum(1) / 0.004**2)
    normals = np.stack([height * local[:, 0], height * local[:, 1], np.full(len(local), 0.004**2)], 1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return height, np.log(sh_basis(normals) @ LIGHT) - np.log(sh_basis(patch.normals) @ LIGHT)


def textures(model: HeadModel, head: FineHead) -> SkinTextures:
    view = SkinView(head.vertices, head.camera, head.pixels, head.masks)
    return skin_textures(model, head.vertices, [view], SkinOptions(size=512))


@pytest.fixture(scope="module")
def shown(model: HeadModel) -> FineHead:
    return fine_head(model, 0, "glasses")


def test_a_bump_is_found_by_its_shade() -> None:
    patch = plane()
    truth, shade = bump(patch)
    everywhere = np.ones(len(truth))
    height, made = minimise(patch, shade, everywhere, everywhere, WEIGHTS, "cpu")
    assert np.corrcoef(made, shade)[0, 1] > 0.99
    assert np.corrcoef(height, truth)[0, 1] > 0.8  # one light shows the slopes along it alone
    assert height.max() < 0.0008


def test_what_is_not_free_does_not_move() -> None:
    patch = plane()
    _, shade = bump(patch)
    free = (patch.points[:, 0] > 0.016).astype(float)
    height, _ = minimise(patch, shade, free, free, WEIGHTS, "cpu")
    assert (height[free == 0] == 0).all()
    assert np.abs(height).max() > 0


def test_noise_makes_no_spikes() -> None:
    patch = plane()
    noise = np.random.default_rng(0).normal(0, 3, len(patch.points))
    height, made = minimise(patch, noise, np.ones(len(noise)), np.ones(len(noise)), FOLDS, "cpu")
    assert np.isfinite(height).all() and np.isfinite(made).all()
    assert np.abs(height).max() <= FOLDS.bound / 1000


def test_pigment_is_no_shade() -> None:
    grey, melanin = shade_of(np.array([[-0.1, -0.1, -0.1], [-0.035, -0.06, -0.085]]))
    assert grey < -0.05
    assert abs(melanin) < 0.4 * abs(grey)


def test_relief_is_found_on_bare_skin_alone(model: HeadModel, shown: FineHead) -> None:
    relief = textures(model, shown).relief
    assert relief is not None
    folds = relief.folds
    seen = folds.sight > 0.7
    truth = relief_height(shown.vertices, shown.marks)
    correlation = np.corrcoef(folds.height[seen], truth[seen])[0, 1]
    print(f"correlation with the truth {correlation:.2f}")
    assert correlation > 0.15
    glasses = shown.masks.sample("glasses", shown.camera.project(shown.vertices)[:, :2]) > 0.5
    assert np.abs(folds.height[glasses]).max() < 1e-9
    assert np.abs(relief.offset).max() <= 2 * FOLDS.bound / 1000
    still = model.masks["lips"] + model.masks["eyelids"] + model.masks["ears"] + model.masks["eye_sockets"] > 0.99
    assert np.abs(relief.offset[still]).max() == 0
    assert np.abs(relief.wrinkles.height).max() < 2 * WRINKLES.bound / 1000


@pytest.mark.parametrize("kind", ["noise", "white", "black", "bars", "grey"])
def test_bad_photos_leave_the_coarse_head(model: HeadModel, shown: FineHead, kind: str) -> None:
    bad = {
        "noise": np.random.default_rng(0).integers(0, 256, shown.pixels.shape).astype(np.uint8),
        "white": np.full_like(shown.pixels, 255),
        "black": np.zeros_like(shown.pixels),
        "bars": shown.pixels * (np.arange(shown.pixels.shape[1]) // 20 % 2)[None, :, None].astype(np.uint8),
        "grey": np.repeat(shown.pixels.mean(2, keepdims=True), 3, 2).astype(np.uint8),
    }[kind]
    result = textures(model, replace(shown, pixels=bad))
    assert np.isfinite(result.field.albedo).all()
    if kind in ("white", "black", "grey"):
        assert result.relief is None
        assert len(result.doubts) == 1
        assert result.doubts[0].count(".") == 1
    elif result.relief:
        assert np.isfinite(result.relief.offset).all()
        assert np.abs(result.relief.offset).max() <= 2 * FOLDS.bound / 1000


def test_relief_that_the_expression_made_does_not_stay(model: HeadModel, shown: FineHead) -> None:
    relief = textures(model, shown).relief
    assert relief is not None
    share = np.full(len(shown.vertices), 0.25, np.float32)
    kept = relief.folds.offset(model, shown.vertices, share)
    assert np.linalg.norm(kept) < 0.3 * np.linalg.norm(relief.offset)
