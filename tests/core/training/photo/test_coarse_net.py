"""The recipe `coarse-net`, on a small scale: what it minimises, and that it learns."""

from pathlib import Path

import mediapipe
import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from likeness.core.capture.coarse_net import SIDE, CoarseNetConfig, DensePrediction
from likeness.core.capture.face_trunk import FaceTrunk
from likeness.core.training.implicit.trainer import Schedule
from likeness.core.training.photo import coarse_net
from likeness.core.training.photo.coarse_net import HIDDEN, VISIBILITY, fit, held_out, likelihood, untrained
from likeness.core.training.photo.mesh_weights import start_from_mesh
from likeness.core.training.photo.shards import PortraitSet
from likeness.core.training.photo.sittings import SIZE
from likeness.core.training.photo.studio import Portrait

POINTS = 6
RUN = Fabric(accelerator="auto", devices=1, precision="32-true")


def test_the_likelihood_is_the_gaussian_one():
    points, visible = torch.zeros(1, 2, 2), torch.tensor([[True, False]])
    found = DensePrediction(torch.tensor([[[3.0, 4.0], [1.0, 0.0]]]), torch.tensor([[0.5, 0.0]]), torch.zeros(1, 2))
    terms = likelihood(found, points, visible)
    told = 2 * 0.5 + 25 / (2 * np.exp(1.0)), 0.5
    assert float(terms["points"]) == pytest.approx((told[0] + HIDDEN * told[1]) / (1 + HIDDEN), rel=1e-5)
    assert float(terms["visible"]) == pytest.approx(VISIBILITY * np.log(2), rel=1e-5)


@pytest.fixture(scope="module")
def crosses():
    """Pictures of one bright blob; five points lie round it, the others are its middle."""
    rng = np.random.default_rng(0)
    count = 24
    centers = rng.uniform(0.35, 0.65, (count, 2)) * SIZE
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    blobs = np.exp(-((x - centers[:, :1, None]) ** 2 + (y - centers[:, 1:, None]) ** 2) / (2 * 15**2))
    ring = 20 * np.array([(0, 0), (1, 0), (0, 1), (-1, 0), (-1, 0), (1, 0)])
    return PortraitSet(
        Portrait(
            np.repeat((255 * blobs).astype(np.uint8)[..., None], 3, -1),
            (centers[:, None] + ring).astype(np.float32),
            np.ones((count, POINTS), bool),
            *(np.zeros((count, n), np.float32) for n in (100, 52, 15)),
            np.zeros((count, 9, 3), np.float32),
        ),
        np.array([0, 3, 2, 1, 5, 4]),
        np.eye(100),
    )


def test_it_learns(crosses, monkeypatch, tmp_path):
    monkeypatch.setenv("LIKENESS_CACHE", str(tmp_path))
    monkeypatch.setattr(coarse_net, "BATCH", 8)
    torch.manual_seed(0)
    config = CoarseNetConfig(POINTS, widths=(8, 8, 16, 16, 16), reduced=8, hidden=64, near=(4, 4), local=4, joint=16)
    net = untrained(crosses, config)
    before = held_out(net, crosses, np.eye(100))
    fit(net, crosses, np.eye(100), RUN, 0, Schedule(120, 4e-3, muon=3.0, warmup=5, average=0.9))
    after = held_out(net, crosses, np.eye(100))
    assert after.error_iod < 0.7 * before.error_iod
    assert after.shape_mm_mean_head == 0


def test_the_trunk_starts_from_the_face_mesh():
    """Expected are the activations that LiteRT computes of the same file for a grey picture."""
    trunk = FaceTrunk()
    folder = Path(mediapipe.__file__).parent / "modules/face_landmark"
    start_from_mesh(trunk, folder / "face_landmark.tflite")
    maps = trunk(torch.full((1, 3, SIDE, SIDE), 0.5))
    middle = [each[0, :3, each.shape[2] // 2, each.shape[3] // 2].tolist() for each in maps]
    assert np.allclose(
        middle,
        [
            (0.23755068, 0.7603744, 0.72520655),
            (1.3352878, 0.4570923, 0.0126555),
            (1.3936576, 0.6364509, 0.5504486),
            (1.1259298, 0.28534594, 0.18843736),
            (1.4435618, 1.7842119, 1.2303106),
        ],
        atol=1e-4,
    )
