"""The anchors of the ensemble: where they lie, and that they follow every head."""

import numpy as np
import pytest
import torch

from likeness.core.implicit.ensemble import PAIRS, EnsembleConfig
from likeness.core.implicit.expression import ExpressionConfig
from likeness.core.implicit.field import CANONICAL_JAW, HeadField
from likeness.core.implicit.heads import build_head_field
from likeness.core.implicit.latents import HAIR, IDENTITY
from likeness.core.implicit.template import Template
from likeness.core.parametric.arkit import INDEX
from likeness.core.parametric.head import HeadModel
from likeness.core.training.implicit import nphm
from likeness.core.training.implicit.hair import HairLibrary
from likeness.core.weights import weights_path

FLIP = np.array([-1, 1, 1], np.float32)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel.load()


@pytest.fixture
def field(monkeypatch: pytest.MonkeyPatch) -> HeadField:
    monkeypatch.setattr(HairLibrary, "cached_mirror", lambda cache: np.ones(HAIR, np.float32))
    config = EnsembleConfig(octaves=2, width=8, depth=2)
    template = Template.load(weights_path("head_template"))
    field = build_head_field(config, ExpressionConfig(), template, torch.zeros(1, HAIR), torch.zeros(52))
    nphm.place_anchors(field)
    return field


def canonical(model: HeadModel, beta: np.ndarray) -> np.ndarray:
    jaw = INDEX["jawOpen"]
    return model.vertices(beta, CANONICAL_JAW * model.arkit_psi[jaw], CANONICAL_JAW * model.arkit_theta[jaw])


def test_anchors_are_the_same_vertices_of_every_head(field: HeadField, model: HeadModel) -> None:
    beta = np.random.default_rng(1).standard_normal(IDENTITY).astype(np.float32)
    vertices = nphm.anchor_vertices(model, canonical(model, np.zeros_like(beta)))
    vertices += model.mirror[vertices[:PAIRS]].tolist()
    anchors = field.backbone.ensemble.anchors(torch.tensor(beta)[None])[0].numpy()
    np.testing.assert_allclose(anchors, canonical(model, beta)[vertices], atol=2e-6)


def test_the_mirrored_beta_is_the_mirrored_head(model: HeadModel) -> None:
    beta = np.random.default_rng(2).standard_normal(IDENTITY).astype(np.float32)
    mirrored = canonical(model, beta * nphm.identity_mirror(model))
    np.testing.assert_allclose(mirrored, canonical(model, beta)[model.mirror] * FLIP, atol=2e-6)


def test_anchors_lie_apart_and_cover_the_face(field: HeadField, model: HeadModel) -> None:
    mean = canonical(model, np.zeros(IDENTITY, np.float32))
    chosen = nphm.anchor_vertices(model, mean)
    assert len(set(chosen)) == len(chosen)
    assert (mean[chosen[:PAIRS], 0] > 0.01).all() and np.abs(mean[chosen[PAIRS:], 0]).max() < 1e-6
    face = torch.tensor(mean[(model.masks["narrow_face"] > 0.5) & (model.vertex_part == 0)])[None]
    both = torch.cat([face, face * torch.tensor(FLIP)])
    anchors = field.backbone.ensemble.predictor.bias.view(1, -1, 3).expand(2, -1, -1)
    weights = field.backbone.ensemble.weights(both, anchors)
    assert weights[..., -1].sum(0).max() < 0.2  # of the background
    assert 2 < (weights > 0).sum((0, 2)).float().mean() < 9


def test_the_hair_s_anchors_stay_on_the_mean_head(field: HeadField) -> None:
    hair = field.hair.ensemble.anchors(torch.randn(3, HAIR))
    skin = field.backbone.ensemble.anchors(torch.zeros(1, IDENTITY))
    torch.testing.assert_close(hair, skin.expand(3, -1, -1))
