"""A coded photo: the camera that the code means, and the fit that the solver starts from."""

import numpy as np
import pytest
import torch

from likeness.core.capture.coarse_net import CoarseNet, CoarseNetConfig
from likeness.core.capture.dense_landmarks import first_view
from likeness.core.capture.embedding import LandmarkEmbedding
from likeness.core.capture.encoded_photo import EncodedPhoto, PhotoEncoder
from likeness.core.capture.encoder import Encoder, EncoderConfig
from likeness.core.capture.face_code import SIZE, FaceCode, anchor_of
from likeness.core.capture.landmark_fit import fit_landmarks
from likeness.core.parametric.head import HeadModel


@pytest.fixture(scope="module")
def model():
    return HeadModel.load()


def coded(model, view):
    code = FaceCode.split(np.zeros(SIZE, np.float32))._replace(
        turn=np.array([0.1, 0.4, 0.05], np.float32), camera=np.array([-0.2, 0.05, -0.1], np.float32)
    )
    return EncodedPhoto(code, view, anchor_of(model))


@pytest.mark.parametrize(("angle", "focal"), [(0.0, 4000.0), (0.3, 1500.0)])
def test_the_photos_camera_sees_what_the_code_does(model, angle, focal):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    view = np.c_[0.4 * turn, [-20.0, 10.0]]
    photo = coded(model, view)
    near = photo.anchor + np.array([[0, 0, 0], [0.001, 0, 0], [0, 0.001, 0]])
    seen = photo.camera((800, 600), focal).project(near)[:, :2] @ view[:, :2].T + view[:, 2]
    meant = photo.code.project(near, photo.anchor)
    assert np.allclose(seen[0], meant[0], atol=1e-6)
    if angle == 0.0:
        assert np.allclose(seen - seen[0], meant - meant[0], atol=0.03)


def test_off_the_axis_the_head_is_turned_with_the_ray(model):
    middle, aside = (coded(model, np.c_[0.4 * np.eye(2), shift]) for shift in ([-80.0, -40.0], [-380.0, -40.0]))
    towards = []
    for photo in (middle, aside):
        camera = photo.camera((800, 600), 600.0)
        towards.append(camera.rotation.T @ (camera.rotation @ photo.anchor + camera.translation))
    one, other = (ray / np.linalg.norm(ray) for ray in towards)
    assert one @ other > 0.9999


def test_the_solver_can_start_from_it(model):
    embedding = LandmarkEmbedding.load(model)
    camera = coded(model, np.c_[0.4 * np.eye(2), [-80.0, -40.0]]).camera((800, 600), 1500.0)
    arkit = np.zeros(52)
    projected = camera.project(embedding.points(np.zeros(100), arkit))[:, :2]
    observation = embedding.observe(projected[embedding.visible(projected)], (800, 600), 1500.0)
    trunk = CoarseNet(
        CoarseNetConfig(5, widths=(8, 8, 16), reduced=4, hidden=16, near=(4, 4), local=3, joint=16)
    ).eval()
    encoder = Encoder(EncoderConfig(5, features=16, patches=4, hidden=8)).eval()
    encoder.anchor.copy_(torch.tensor(anchor_of(model)))
    whole = PhotoEncoder(model, trunk, encoder)
    pixels = np.zeros((600, 800, 3), np.uint8)
    encoded = whole.encode(pixels, observation.points)
    assert np.array_equal(encoded.view, first_view(observation.points))
    start = whole.start(encoded, observation)
    assert start.arkit.min() >= 0
    assert start.arkit.max() <= 1
    (fit,) = fit_landmarks([observation], starts=[start])
    assert fit.error < 0.01
