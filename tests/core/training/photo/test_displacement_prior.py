"""The recipe `displacement-prior` on made-up relief: its mean, its width and how alike its sides are come back."""

import cv2
import numpy as np
import pytest

from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.atlas import build_atlas
from likeness.core.training.photo.displacement_prior import SIZE, Charts, learn

PORTRAITS = 40


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel.load()


def test_moments_and_symmetry_come_back(model: HeadModel) -> None:
    rng = np.random.default_rng(0)
    atlas = build_atlas(model, "skin", SIZE)
    face = (atlas.image(atlas.gather(model.masks["narrow_face"])) > 0.5).astype(np.float32)

    def field() -> np.ndarray:
        noise = cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE)).astype(np.float32), (0, 0), 2.0)
        return noise / noise.std()

    def flipped(image: np.ndarray) -> np.ndarray:
        return cv2.remap(image, atlas.mirror_map, None, cv2.INTER_NEAREST)

    heights = []
    for _ in range(PORTRAITS):
        alike = field()
        height = 0.1 + 0.2 * (field() + (alike + flipped(alike)) / np.sqrt(2)) / np.sqrt(2)
        heights += [height, flipped(height)]
    charts = Charts(np.stack(heights) * face, np.repeat(face[None], 2 * PORTRAITS, 0))
    prior = learn(charts, atlas, 1000 * atlas.gather(model.v_template), rng)
    assert abs(prior.mean.mean() - 0.1) < 0.02
    assert abs(prior.deviation.mean() - 0.2) < 0.02
    assert abs(prior.symmetry - 0.5) < 0.15
    assert prior.bells(np.array([8.0**2])) < 0.5 < prior.bells(np.array([1.5**2]))
