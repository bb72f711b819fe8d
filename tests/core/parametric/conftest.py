import pytest

from likeness.core.parametric.head import HeadModel


@pytest.fixture(scope="session")
def model() -> HeadModel:
    """The head model that is shipped."""
    return HeadModel.load()
