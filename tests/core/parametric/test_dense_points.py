"""The dense points: symmetric, spread over the skin, two of them irises."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from likeness.core.parametric.dense_points import COUNT, DensePoints
from likeness.core.parametric.head import JOINTS, HeadModel


@pytest.fixture(scope="module")
def model():
    return HeadModel.load()


@pytest.fixture(scope="module")
def dense(model):
    return DensePoints.of(model)


def test_they_are_as_many_as_said_and_differ(dense):
    assert abs(len(dense) - COUNT) <= 1
    assert len(np.unique(dense.vertices)) == len(dense)


def test_the_mirror_is_the_models(model, dense):
    assert (dense.mirror[dense.mirror] == np.arange(len(dense))).all()
    skin = slice(0, len(dense) - 2)
    assert (model.mirror[dense.vertices[skin]] == dense.vertices[dense.mirror[skin]]).all()
    right, left = model.v_template[dense.vertices[-2:]]
    assert right[0] < 0 < left[0]
    assert np.allclose(right * (-1, 1, 1), left, atol=1e-3)


def test_they_turn_with_the_head(model, dense):
    assert model.lbs_weights[dense.vertices, JOINTS.index("root")].max() <= 0.2


def test_features_are_denser_than_the_scalp(model, dense):
    points = model.v_template[dense.vertices]
    spacing = cKDTree(points).query(points, 2)[0][:, 1]

    def mean_spacing(region):
        return spacing[model.masks[region][dense.vertices] > 0.5].mean()

    assert 2 * mean_spacing("lips") < mean_spacing("scalp")
