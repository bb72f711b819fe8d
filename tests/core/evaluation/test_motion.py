"""The suite's figures say what they are said to say, and a folder of bad files ends in one sentence."""

import sys
from pathlib import Path

import numpy as np
import pytest

from likeness.core import cli
from likeness.core.evaluation.motion import Bench
from likeness.core.parametric.smpl_joints import adult_joints


@pytest.mark.needs_data
def test_planting_helps_and_costs_little(data: Path) -> None:
    bench = Bench.of(data / "motion" / "02_01_walk.bvh", adult_joints().astype(np.float64))
    skating, depth, directions = bench.skating(), bench.depth(), bench.directions()
    assert skating["before"] > 1 > 0.1 > skating["after"]
    assert depth["deepest before"] > 10 > 0.1 > depth["deepest after"]
    assert directions["copied"] > 10 > 0.01 > directions["before"]
    assert directions["after"] < 2


def test_a_broken_file_ends_with_exit_code_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "motion").mkdir()
    (tmp_path / "motion" / "cut.bvh").write_text("HIERARCHY\nROOT Hips\n{\n")
    monkeypatch.setattr(sys, "argv", ["likeness", "evaluate", "motion", "--data", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 3
    assert "likeness: cut.bvh has no MOTION" in capsys.readouterr().err
