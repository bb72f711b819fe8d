"""What an expression leaves in the texture of the neutral head."""

import numpy as np
import pytest

from likeness.core.capture.folds import LASTING, Lines, creases, folded, lasting
from likeness.core.parametric.arkit import flame_from_arkit, weights_array
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.atlas import Atlas, build_atlas


@pytest.fixture(scope="module")
def atlas(model: HeadModel) -> Atlas:
    return build_atlas(model, "skin", 1024)


@pytest.fixture(scope="module")
def cheek(model: HeadModel) -> np.ndarray:
    return model.v_template[model.landmarks68[[40, 48]]].mean(0)


def test_a_smile_folds_the_cheeks_and_not_the_forehead(model: HeadModel, cheek: np.ndarray) -> None:
    beta = np.zeros(100, np.float32)
    smile = weights_array({"mouthSmileLeft": 1, "mouthSmileRight": 1, "cheekSquintLeft": 0.5, "cheekSquintRight": 0.5})
    neutral = model.shaped(beta)
    fold = folded(model, neutral, model.vertices(beta, *flame_from_arkit(model, smile)))
    forehead = model.v_template[model.landmarks68[[19, 24]]].mean(0) + np.array([0, 0.03, 0])
    near = {
        name: fold[np.linalg.norm(model.v_template - point, axis=1).argmin()]
        for name, point in (("cheek", cheek), ("forehead", forehead))
    }
    assert near["cheek"] > 0.7 and near["forehead"] < 0.1
    assert folded(model, neutral, neutral)[model.masks["narrow_face"] == 1].max() == 0


def test_lines_go_and_moles_stay(model: HeadModel, atlas: Atlas, cheek: np.ndarray) -> None:
    position = atlas.gather(model.v_template) - cheek
    front = position[:, 2] > -0.03
    line = np.exp(-0.5 * (position[:, 0] / 0.0008) ** 2) * (np.abs(position[:, 1]) < 0.012) * front
    spot = np.linalg.norm(position - position[front][np.abs(position[front, :2]).sum(1).argmin()], axis=1) < 0.0012
    fold = np.ones(len(position), np.float32)
    for shape, most, least in ((line, 1.2, 0.6), (spot, 0.25, 0.0)):
        luminance = (-0.4 * shape).astype(np.float32)
        removed = creases(atlas, luminance, fold)[shape > 0.7].mean() / luminance[shape > 0.7].mean()
        print(f"share removed: {removed:.2f}")
        assert least <= removed <= most
    assert not creases(atlas, (-0.4 * line).astype(np.float32), 0 * fold).any()


def test_folds_last_on_a_lined_face(model: HeadModel, atlas: Atlas) -> None:
    position = atlas.gather(model.v_template)
    brow = model.v_template[model.landmarks68[19], 1]
    forehead = ((position[:, 1] > brow + 0.01) & (position[:, 2] > 0.06)).astype(np.float32)
    lines = np.exp(-0.5 * (((position[:, 1] - brow) % 0.008 - 0.004) / 0.0008) ** 2)
    smooth, lined = (Lines.of(atlas, (-depth * lines).astype(np.float32), forehead) for depth in (0.0, 0.3))
    assert smooth.depth < 0.002 < 0.04 < lined.depth
    assert smooth.area == lined.area == pytest.approx(0.006, abs=0.003)
    assert LASTING[0] <= lasting([smooth]) < 0.2 < lasting([]) < 0.7 < lasting([lined]) <= LASTING[1]
    assert lasting([smooth]) < lasting([smooth, lined]) < lasting([lined])
