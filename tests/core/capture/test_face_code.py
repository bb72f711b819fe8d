"""The code of a face: its layout, its projection, and the code of a mirror image."""

import numpy as np
import pytest
import torch

from likeness.core.capture.coarse_net import SIDE
from likeness.core.capture.face_code import SIZE, FaceCode, anchor_of, mirror_map, weak_perspective
from likeness.core.parametric.albedo_basis import AlbedoBasis
from likeness.core.parametric.head import HeadModel
from likeness.core.rendering.shading import shade


@pytest.fixture(scope="module")
def model():
    return HeadModel.load()


@pytest.fixture(scope="module")
def mirror(model):
    return mirror_map(model, AlbedoBasis.load())


@pytest.fixture
def code():
    values = np.random.default_rng(0).normal(0, 0.3, SIZE).astype(np.float32)
    return FaceCode.split(values)


def test_it_has_the_236_parameters_of_deca(code):
    assert [len(part) for part in code] == [100, 50, 50, 3, 3, 3, 27]
    assert SIZE == 236
    assert np.array_equal(FaceCode.split(code.values).values, code.values)


def test_only_the_jaw_moves(code):
    assert np.array_equal(code.theta[2], code.jaw)
    assert not code.theta[[0, 1, 3, 4]].any()


def test_torch_and_numpy_agree(code, model):
    points, anchor = model.v_template[::500], anchor_of(model)
    tensor = FaceCode.split(torch.tensor(code.values)[None])
    seen = tensor.project(torch.tensor(points)[None], torch.tensor(anchor))
    assert np.allclose(seen[0], code.project(points, anchor), atol=1e-3)


def test_the_neutral_code_sees_the_face_from_the_front(model):
    code, anchor = FaceCode.split(np.zeros(SIZE)), anchor_of(model)
    above_left = anchor + np.array([0.01, 0.02, 0.0])
    seen = code.project(np.stack([anchor, above_left]), anchor)
    assert np.allclose(seen[0], SIDE / 2)
    assert seen[1, 0] > SIDE / 2
    assert seen[1, 1] < SIDE / 2


def test_weak_perspective_finds_the_camera(code, model):
    points, anchor = model.v_template[::100], anchor_of(model)
    seen = code.project(points, anchor)
    assert np.allclose(weak_perspective(seen, points, code.rotation, anchor), code.camera, atol=1e-4)


def test_the_mirrored_code_is_the_mirror_image(code, model, mirror):
    other, anchor = FaceCode.split((code.values @ mirror).astype(np.float32)), anchor_of(model)
    head, twin = (model.vertices(c.beta, c.psi, c.theta) for c in (code, other))
    assert np.abs(twin - head[model.mirror] * (-1, 1, 1)).max() < 2e-4
    seen, reflected = code.project(head, anchor), other.project(twin, anchor)
    assert np.abs(reflected - (seen[model.mirror] * (-1, 1) + (SIDE, 0))).max() < 0.2
    normals = np.random.default_rng(1).standard_normal((20, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    assert np.allclose(shade(normals, code.harmonics), shade(normals * (-1, 1, 1), other.harmonics), atol=1e-5)


def test_a_skins_mirror_image_is_coded(code, mirror):
    twice = FaceCode.split(code.values @ mirror @ mirror)
    assert np.allclose(twice.beta, code.beta, atol=1e-5)
    assert np.linalg.norm(twice.alpha - code.alpha) < 0.2 * np.linalg.norm(code.alpha)
