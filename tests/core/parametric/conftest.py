from pathlib import Path

import pytest

from likeness.core.parametric.head import DEFAULT_WEIGHTS, HeadModel


@pytest.fixture(scope="session")
def model() -> HeadModel:
    """The head model that is shipped."""
    draft = Path(__file__).parents[3] / "build" / "head_v0.safetensors"
    return HeadModel.load(DEFAULT_WEIGHTS if DEFAULT_WEIGHTS.exists() else draft)
