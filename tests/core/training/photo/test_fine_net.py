"""The recipe `fine-net`, on a small scale: its charts, what it minimises, and that it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from likeness.core.capture.albedo import skin_triangles
from likeness.core.capture.fine_chart import SIZE, WINDOW, ChartFrame
from likeness.core.capture.fine_net import CHANNELS, FineNet, FineNetConfig
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.atlas import build_atlas
from likeness.core.rendering.shading import vertex_normals
from likeness.core.training.implicit.trainer import Schedule
from likeness.core.training.photo import carved
from likeness.core.training.photo.carved import CarvedCharts
from likeness.core.training.photo.fine_net import errors, fit, held_out, slope_squared
from likeness.core.training.photo.random_relief import random_light, random_relief
from likeness.core.training.photo.reliefs import Reliefs

RUN = Fabric(accelerator="auto", devices=1, precision="32-true")
LIGHT = np.array([1.0, 0.3, 0.6, 0.2, 0, 0, 0, 0, 0], np.float32)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel.load()


@pytest.fixture(scope="module")
def normals(model: HeadModel) -> np.ndarray:
    return vertex_normals(model.v_template, skin_triangles(model))


@pytest.fixture(scope="module")
def charts(model: HeadModel, normals: np.ndarray) -> CarvedCharts:
    """Of one made-up portrait: the mean head, on which nothing but pigment was found."""
    atlas = build_atlas(model, "skin", SIZE)
    face = model.masks["narrow_face"]
    sight = atlas.gather(face)
    stains = 0.05 * np.random.default_rng(0).standard_normal(len(sight))
    rows = (model.v_template, normals, LIGHT, 0 * face, 0 * face, face, 0 * sight, stains * sight, sight)
    return CarvedCharts.of(Reliefs(*(np.asarray(row, np.float32)[None] for row in rows)), model, seed=0)


def test_a_portraits_own_chart_comes_first(charts: CarvedCharts) -> None:
    assert charts.height.shape == (1, 1 + carved.CARVED, *charts.sight.shape[1:])
    assert (charts.height[:, 0] == 0).all()
    assert np.allclose(charts.shades[:, 0], charts.pigment, atol=1e-3)
    seen = charts.sight[0] > 0.9
    assert (np.abs(charts.height[0, 1:, seen]).mean(0) > 0.01).all()
    assert (np.abs(charts.shades[0, 1:][..., seen]).mean(-1) > 0.002).all()


def test_the_metric_makes_slopes_of_differences(model: HeadModel, normals: np.ndarray, charts: CarvedCharts) -> None:
    frame = ChartFrame.of(build_atlas(model, "skin", SIZE), model.v_template, normals, LIGHT)
    height = random_relief(np.random.default_rng(0), frame.solid.shape)
    true = np.linalg.norm(frame.gradient(height), axis=-1)[:-1, :-1]
    metric = torch.from_numpy(charts.metric.astype(np.float32))
    found = slope_squared(torch.from_numpy(height.astype(np.float32))[None], metric)[0].sqrt().numpy()
    seen = charts.sight[0, :-1, :-1] > 0.9
    assert np.allclose(found[seen], true[seen], rtol=0.02, atol=0.005)
    assert charts.sight.shape[1:] == tuple(s.stop - s.start for s in WINDOW)


def test_errors_are_none_for_the_truth_and_none_where_nothing_is_seen(charts: CarvedCharts) -> None:
    batch = charts.batch(np.random.default_rng(0), 2)
    seen, height, metric = (torch.from_numpy(array) for array in batch)
    assert seen.shape == (2, CHANNELS, carved.CROP, carved.CROP)
    right, wrong = (errors(h, height, metric, seen[:, -1]) for h in (height, height + torch.randn_like(height)))
    assert float(right["slope"]) == 0
    assert float(wrong["slope"]) > 0
    assert float(wrong["height"]) > float(right["height"])
    assert float(errors(0 * height, height, metric, 0 * height)["slope"]) == 0


def test_relief_and_light_are_of_a_faces_size() -> None:
    rng = np.random.default_rng(0)
    heights = np.stack([random_relief(rng, (64, 64)) for _ in range(8)])
    assert 0.05 < heights.std() < 1
    lights = np.stack([random_light(rng) for _ in range(100)])
    assert (lights[:, 0] == 1).all()
    assert lights[:, 2].mean() > 0.1  # from the front


class OneBatch:
    """Charts of which all batches are the same."""

    def __init__(self, charts: CarvedCharts) -> None:
        self.only = charts.batch(np.random.default_rng(3), 4)

    def batch(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, ...]:
        return self.only


def test_it_learns(charts: CarvedCharts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIKENESS_CACHE", str(tmp_path))
    monkeypatch.setattr(carved, "CROP", 64)
    monkeypatch.setattr(carved, "REAL", 0)
    torch.manual_seed(0)
    net, one = FineNet(FineNetConfig(widths=(16, 16), groups=4)), OneBatch(charts)
    before = held_out(net, one, 0)
    assert before["slope_rms_left"] == before["slope_rms"]
    fit(net, one, RUN, 0, Schedule(200, 1e-2, warmup=5, average=0.9))
    after = held_out(net, one, 0)
    print(after)
    assert after["slope_rms_left"] < 0.9 * after["slope_rms"]
