"""The learned landmarks lie where a face has them, and belong to this head model alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.landmarks import COUNT, IRISES, mirror
from likeness.core.errors import EngineError
from likeness.core.parametric.head import JOINTS, HeadModel


def test_symmetric(embedding: LandmarkEmbedding) -> None:
    points = embedding.points.template[:COUNT]
    assert np.abs(points[mirror()] * (-1, 1, 1) - points)[:, :2].max() < 0.001  # metres, across the face


def test_lips_are_not_swapped(model: HeadModel, embedding: LandmarkEmbedding) -> None:
    jaw = model.lbs_weights[:, JOINTS.index("jaw")]
    weight = (jaw[embedding.vertices] * embedding.barycentric).sum(1)
    assert (weight[[0, 13, 82, 312, 37, 267]] < 0.5).all()
    assert (weight[[17, 14, 87, 317, 84, 314, 152]] > 0.5).all()


def test_irises_lie_on_the_eyeballs(model: HeadModel, embedding: LandmarkEmbedding) -> None:
    parts = [model.parts[model.vertex_part[embedding.vertices[iris, 0]]] for iris in IRISES]
    assert parts == ["right_eye", "left_eye"]


def test_anatomy(model: HeadModel, embedding: LandmarkEmbedding) -> None:
    points = embedding.points.template
    known = {4: 30, 33: 36, 133: 39, 362: 42, 263: 45, 61: 48, 291: 54, 17: 57, 152: 8}  # FaceMesh: Multi-PIE
    for landmark, other in known.items():
        assert np.linalg.norm(points[landmark] - model.v_template[model.landmarks68[other]]) < 0.008  # metres


def test_outline_tracks_run_inwards(embedding: LandmarkEmbedding) -> None:
    points, count = embedding.points.template, len(embedding.outline)
    tracks = points[COUNT:].reshape(count, -1, 3)
    nose = points[4]
    distance = np.linalg.norm(tracks - nose, axis=-1)
    assert (distance[:, -1] < distance[:, 0]).all()


def test_another_head_is_refused(model: HeadModel, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="belongs to another head model"):
        LandmarkEmbedding.load(replace(model, v_template=model.v_template * 1.01))
    with pytest.raises(EngineError, match="cannot be read"):
        LandmarkEmbedding.load(model, tmp_path / "missing.safetensors")
