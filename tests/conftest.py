"""What every test may use, under the Pythons of all the Blenders: nothing but pytest is imported here."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("LIKENESS_DATA", ROOT.parent / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on the training data run where it is."""
    if DATA.is_dir():
        return
    for item in items:
        if "needs_data" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="the training data is not here (LIKENESS_DATA)"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def data() -> Path:
    """The training data, for tests marked `needs_data`."""
    return DATA


@pytest.fixture(scope="session")
def astronaut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real photo of one face, in the public domain, 512 x 512."""
    skimage = pytest.importorskip("skimage")
    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    skimage.io.imsave(path, skimage.data.astronaut())
    return path
