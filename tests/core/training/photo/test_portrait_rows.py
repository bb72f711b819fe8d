"""What is worked out of portraits is made once, and stacked where it is of use."""

import numpy as np
import pytest

from likeness.core.training.photo.portrait_rows import portrait_rows


def test_rows_are_made_once_and_useless_portraits_left_out(tmp_path):
    paths = [tmp_path / f"{name}.jpg" for name in ("one", "none", "three")]
    made = []

    def make(path):
        made.append(path.stem)
        return {} if path.stem == "none" else {"length": np.array([len(path.stem)])}

    for _ in range(2):
        rows = portrait_rows(tmp_path / "cache", paths, "Rows", lambda: make)
        assert rows["length"].tolist() == [[3], [5]]
    assert made == ["one", "none", "three"]


def test_what_is_interrupted_goes_on(tmp_path):
    paths = [tmp_path / f"{name}.jpg" for name in ("one", "two")]

    def fails(path):
        if path.stem == "two":
            raise KeyboardInterrupt
        return {"x": np.zeros(1)}

    with pytest.raises(KeyboardInterrupt):
        portrait_rows(tmp_path, paths, "Rows", lambda: fails)
    made = []
    portrait_rows(tmp_path, paths, "Rows", lambda: lambda path: made.append(path.stem) or {"x": np.ones(1)})
    assert made == ["two"]
