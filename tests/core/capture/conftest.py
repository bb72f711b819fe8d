"""The head model and the landmark embedding, where capture is tested."""

import numpy as np
import pytest
from skimage import data

from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.photo import Photo
from likeness.core.parametric.head import HeadModel


@pytest.fixture(scope="session")
def model() -> HeadModel:
    return HeadModel.load()


@pytest.fixture(scope="session")
def embedding(model: HeadModel) -> LandmarkEmbedding:
    return LandmarkEmbedding.load(model)


@pytest.fixture(scope="session")
def portrait() -> Photo:
    """A real photo: 512 x 512, one face, 90 pixels wide."""
    return Photo(np.asarray(data.astronaut()), "astronaut.png", None)
