"""Photos that do not tell the skin's colours give it usual ones."""

from dataclasses import replace

import numpy as np
import pytest

from likeness.core.capture.skin_photo import SkinPhoto, skin_photo
from likeness.core.capture.skin_views import SkinView
from likeness.core.evaluation.fine_heads import FineHead, fine_head
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.atlas import build_atlas


@pytest.fixture(scope="module")
def head(model: HeadModel) -> FineHead:
    return fine_head(model, 0, "none")


def told(model: HeadModel, head: FineHead, pixels: np.ndarray) -> SkinPhoto:
    view = SkinView(head.vertices, head.camera, pixels.astype(np.uint8), head.masks)
    return skin_photo(model, build_atlas(model, "skin", 512), head.vertices, view, True, "cpu")


@pytest.mark.parametrize("kind", ["grey", "blown out"])
def test_lips_are_redder_than_cheeks(model: HeadModel, head: FineHead, kind: str) -> None:
    pixels = {
        "grey": np.repeat(head.pixels.mean(2, keepdims=True), 3, 2),
        "blown out": np.full_like(head.pixels, 255),
    }[kind]
    photo = told(model, head, pixels)
    redness = photo.field.albedo[:, 0] - photo.field.albedo[:, 1]
    lips, face = model.masks["lips"] > 0.9, (model.masks["narrow_face"] > 0.9) & (model.masks["lips"] == 0)
    assert 0.2 < np.median(redness[face]) < 1
    assert np.median(redness[lips]) > np.median(redness[face]) + 0.1
    assert photo.doubt


def test_a_blurred_photo_has_no_relief(model: HeadModel, head: FineHead) -> None:
    view = SkinView(head.vertices, head.camera, head.pixels, head.masks)
    atlas = build_atlas(model, "skin", 512)
    assert skin_photo(model, atlas, head.vertices, view, True, "cpu").folds
    assert skin_photo(model, atlas, head.vertices, replace(view, sharp=False), True, "cpu").folds is None
