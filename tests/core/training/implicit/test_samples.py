"""The cache of samples: what lies in which folder, and what a batch is drawn from."""

from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from likeness.core.training.implicit import samples as cache_of_samples
from likeness.core.training.implicit.samples import HEADS, SampleSet, samples
from likeness.core.training.implicit.sampling import BALD_FIRST

BALD, TOTAL = 4, 9


class Generator:
    """Heads whose arrays hold their index; from `BALD` on they have hair, each a haircut of its own."""

    library = None
    made: list[int]

    def __init__(self, data: Path, cache: Path) -> None:
        (cache / "hair").mkdir(parents=True, exist_ok=True)
        codes = np.repeat(np.arange(1 + TOTAL), 32).reshape(-1, 32).astype(np.float32)
        np.savez(cache / "hair" / "codes.npz", codes=codes)

    def sample(self, split: str, index: int) -> dict[str, np.ndarray]:
        self.made.append(index)
        hairy = index >= BALD
        kinds = {"surface": 60, "space": 80} | ({"hull": 30, "hair": 50} if hairy else {})
        head = {"beta": np.full(100, index, np.float32), "variant": np.array(index if hairy else -1, np.int32)}
        points = {f"{kind}_points": index + np.linspace(0, 0.5, 3 * n).reshape(n, 3) for kind, n in kinds.items()}
        numbers = {f"{kind}_sdf": np.arange(n) for kind, n in kinds.items()}
        return head | points | numbers


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for nine small heads, three to a folder, made in this process."""
    monkeypatch.setitem(HEADS, "test", TOTAL)
    monkeypatch.setitem(BALD_FIRST, "test", BALD)
    monkeypatch.setattr(cache_of_samples, "CHUNK", 3)
    monkeypatch.setattr(cache_of_samples, "HeadGenerator", Generator)
    workers = SimpleNamespace(get_context=lambda method: SimpleNamespace(Pool=ThreadPool))
    monkeypatch.setattr(cache_of_samples, "multiprocessing", workers)
    monkeypatch.setattr(Generator, "made", [], raising=False)
    monkeypatch.setattr(cache_of_samples, "_maker", None, raising=False)
    return tmp_path


@pytest.fixture
def made(cache: Path) -> SampleSet:
    return samples(Path("data"), "test", cache, workers=1)


def test_bald_heads_and_heads_with_hair_lie_in_folders_apart(made: SampleSet, cache: Path) -> None:
    folders = {folder.name: {file.stem for file in folder.iterdir()} for folder in (cache / "test").iterdir()}
    assert sorted(folders) == ["00000", "00003", "00004", "00007"]
    assert {name for name, arrays in folders.items() if "hair_sdf" in arrays} == {"00004", "00007"}
    assert len(made) == TOTAL
    for index in range(TOTAL):
        head = made.head(index)
        assert head["beta"][0] == made.z[index, 0] == index
        assert ("hull_points" in head) == (made.variant[index] >= 0) == (index >= BALD)


def test_what_is_made_is_not_made_again(cache: Path) -> None:
    samples(Path("data"), "test", cache, workers=1)
    assert Generator.made == list(range(TOTAL))
    for file in (cache / "test" / "00004").iterdir():
        file.unlink()
    (cache / "test" / "00004").rmdir()
    samples(Path("data"), "test", cache, workers=1)
    assert Generator.made[TOTAL:] == [4, 5, 6]
    assert not list(cache.rglob("*.part"))


def test_skin_batches_are_of_all_heads(made: SampleSet) -> None:
    batch = made.skin_batch(np.random.default_rng(0), heads=TOTAL, surface=10, space=20)
    assert sorted(batch["z"][:, 0]) == list(range(TOTAL))
    assert batch["surface_points"].shape == (TOTAL, 10, 3) and batch["space_sdf"].shape == (TOTAL, 20)
    assert not any(name.startswith(("hull", "hair")) for name in batch)
    assert np.array_equal(np.floor(batch["surface_points"][:, 0, 0]), batch["z"][:, 0])


def test_hair_batches_are_of_heads_with_hair_alone(made: SampleSet) -> None:
    for seed in range(20):
        batch = made.hair_batch(np.random.default_rng(seed), heads=3, surface=10, space=20)
        assert (batch["z"][:, 0] >= BALD).all()
        assert np.array_equal(batch["z"][:, 100], batch["z"][:, 0] + 1)  # the code of its own haircut
        assert batch["hull_points"].shape == (3, 10, 3) and batch["hair_sdf"].shape == (3, 20)
        assert np.array_equal(np.floor(batch["hair_points"][:, 0, 0]), batch["z"][:, 0])
    with pytest.raises(ValueError, match="larger sample"):
        made.hair_batch(np.random.default_rng(0), heads=TOTAL - BALD + 1, surface=1, space=1)


def test_the_arrays_of_a_point_stay_together(made: SampleSet) -> None:
    batch = made.skin_batch(np.random.default_rng(1), heads=2, surface=10, space=20)
    for points, number in zip(batch["space_points"], batch["space_sdf"], strict=True):
        index = np.floor(points[0, 0])
        expected = index + np.linspace(0, 0.5, 240).reshape(80, 3)[number]
        assert np.allclose(points, expected)


def test_no_samples_at_all_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no samples"):
        SampleSet.open("test", tmp_path)
