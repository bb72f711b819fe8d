import pytest

from likeness.core.parametric.head import HeadModel


@pytest.fixture(scope="session")
def model() -> HeadModel:
    return HeadModel.load()
