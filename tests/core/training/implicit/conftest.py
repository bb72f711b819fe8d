from pathlib import Path

import pytest

from likeness.core.training.implicit.heads import HeadSampler


@pytest.fixture(scope="session")
def sampler(data: Path) -> HeadSampler:
    return HeadSampler.load(data)
