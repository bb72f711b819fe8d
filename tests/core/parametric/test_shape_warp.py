import numpy as np
import pytest

from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.shape_warp import ShapeWarp


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return BodyModel.load()


@pytest.fixture(scope="module")
def mean(body: BodyModel) -> np.ndarray:
    return body.v_template[body.vertex_part == body.parts.index("skin")].astype(np.float64)


def shaped(body: BodyModel, beta: np.ndarray) -> np.ndarray:
    return body.shaped(beta.astype(np.float32))[body.vertex_part == body.parts.index("skin")].astype(np.float64)


@pytest.mark.parametrize("beta", [(2.0, -1.5, 1.0), (-2.5, 1.0, 0.5), (0.5, 2.0, -2.0)])
def test_skin_goes_where_the_model_takes_it(body: BodyModel, mean: np.ndarray, beta: tuple[float, ...]) -> None:
    target = shaped(body, np.array(beta))
    error = np.linalg.norm(ShapeWarp(mean).to_shape(mean, target) - target, axis=1)
    assert error.mean() < 1e-3
    assert np.quantile(error, 0.99) < 5e-3
    assert np.linalg.norm(mean - target, axis=1).mean() > 20 * error.mean()


def test_the_inverse_brings_points_about_the_body_back(body: BodyModel, mean: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    warp, target = ShapeWarp(mean), shaped(body, rng.normal(0, 1, 16))
    points = mean[rng.integers(len(mean), size=2000)] + rng.normal(0, 0.03, (2000, 3))
    error = np.linalg.norm(warp.to_mean(warp.to_shape(points, target), target) - points, axis=1)
    assert np.quantile(error, 0.99) < 1e-3


def test_clothes_keep_their_distance(body: BodyModel, mean: np.ndarray) -> None:
    """A shell 2 cm off the mean body's trunk is about 2 cm off another body's."""
    trunk = np.flatnonzero((np.abs(mean[:, 0]) < 0.1) & (np.abs(mean[:, 1]) < 0.3) & (mean[:, 2] > 0.08))
    target = shaped(body, np.array([1.5, -1.0, 1.0]))
    carried = ShapeWarp(mean).to_shape(mean[trunk] + (0, 0, 0.02), target)
    distance = np.linalg.norm(carried[:, None] - target[None, trunk], axis=2).min(1)
    assert np.abs(distance - 0.02).mean() < 3e-3
