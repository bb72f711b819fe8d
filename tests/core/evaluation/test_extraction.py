"""The benchmark of extraction, on a field whose surface is known."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from likeness.core.errors import InputError
from likeness.core.evaluation import extraction
from likeness.core.evaluation.extraction import MODELS, SWEEP, Run, draw_plot, open_edges
from likeness.core.implicit.latents import LatentSpace

TETRAHEDRON = np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [2, 3, 0]])


class Ball:
    """A field of one ball, about as large as a head."""

    bounds = torch.tensor([[-0.2, -0.25, -0.2], [0.2, 0.25, 0.2]])
    latents = LatentSpace(torch.zeros(1, 32))

    def sdf(self, points: Tensor, z_id: Tensor) -> Tensor:
        return points.norm(dim=-1) - 0.1


def test_against_the_whole_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "load_head_field", lambda name, device: Ball())
    row = extraction._against_dense("npm", hair=True, resolution=64)
    assert row["nodes"] == 65 * 53 * 53, "cells of 8 mm over 0.4 x 0.5 x 0.4 m, an even number along each side"
    assert 1 < row["evaluations ratio"] == row["nodes"] / row["evaluations"]
    assert row["open edges"] == 0
    assert max(row["ours from dense mm"], row["dense from ours mm"]) < 0.01
    assert row["wall ratio"] == pytest.approx(row["dense s"] / row["ours s"])


def test_open_edges_are_counted() -> None:
    assert open_edges(TETRAHEDRON) == 0
    assert open_edges(TETRAHEDRON[1:]) == 3
    assert open_edges(np.concatenate([TETRAHEDRON, [[0, 1, 4]]])) == 3


def test_plot(tmp_path: Path) -> None:
    sweep = {(name, n): Run(n / 100, n / 1000, n) for name in MODELS for n in SWEEP}
    draw_plot(sweep, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["missing/plot.png", "plot.doc"])
def test_a_plot_that_cannot_be_written_is_refused_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"name a \.png file"):
        extraction.benchmark_extraction(tmp_path / name)
