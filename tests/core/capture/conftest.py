"""The head model and the landmark embedding, where capture is tested."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.fit import fit_shots, own_head
from likeness.core.capture.photo import Photo
from likeness.core.capture.shots import take_shots
from likeness.core.capture.skin_tone import SkinTone
from likeness.core.capture.skull import LARGEST
from likeness.core.parametric.head import HeadModel

SMILE = 0.006
"""Metres that a fifth of the widest smile moves the corners of a mouth at most."""


@pytest.fixture(scope="session")
def model() -> HeadModel:
    return HeadModel.load()


@pytest.fixture(scope="session")
def embedding(model: HeadModel) -> LandmarkEmbedding:
    return LandmarkEmbedding.load(model)


@pytest.fixture(scope="session")
def own_model(model: HeadModel, embedding: LandmarkEmbedding) -> Callable[[Path], HeadModel]:
    """From a photo's path to the head model with the skull, the ears and the face at rest that it shows."""

    def of(path: Path) -> HeadModel:
        shots, _ = take_shots([path])
        own, _ = own_head(model, shots, fit_shots(model, embedding, SkinTone.load(model), shots))
        assert np.linalg.norm(own.v_template - model.v_template, axis=1).max() < LARGEST + SMILE
        return own

    return of


@pytest.fixture(scope="session")
def portrait() -> Photo:
    """A real photo: 512 x 512, one face, 90 pixels wide."""
    return Photo(np.asarray(data.astronaut()), "astronaut.png", None)
