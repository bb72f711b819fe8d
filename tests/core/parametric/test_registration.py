"""A stand-in for a user's FLAME model, made from our head: what is known of it is what the registration must find."""

import numpy as np
import pytest

from likeness.core.errors import InputError
from likeness.core.parametric.arkit import INDEX
from likeness.core.parametric.clip import FLAME, Clip
from likeness.core.parametric.flame_export import flame_arrays
from likeness.core.parametric.flame_files import FlameModel
from likeness.core.parametric.head import EXPRESSIONS, SHAPES
from likeness.core.parametric.lbs import rotation_matrix
from likeness.core.parametric.registration import flame_transfer
from likeness.core.parametric.retarget import FlameTransfer, retarget

SPACE = rotation_matrix(np.array([0.05, -0.08, 0.03])) @ np.diag([1.07, 1.02, 1.04])
"""The stand-in is turned, larger, and stretched unevenly."""


@pytest.fixture(scope="module")
def flame(model):
    """Another person's head, its vertices slid along edges and shuffled, without sockets, in SPACE, with a mixed basis.

    Returns the model and the orthogonal matrix `[50, 50]` that mixes our psi into its.
    """
    rng = np.random.default_rng(0)
    inner = model.masks["mouth_socket"] + model.masks["eye_sockets"]
    parts = [model.parts.index(name) for name in ("skin", "left_eye", "right_eye")]
    keep = np.isin(model.vertex_part, parts) & (inner < 0.5)
    arrays = flame_arrays(model)
    index, faces = np.unique(arrays["f"][keep[arrays["f"]].all(1)], return_inverse=True)
    faces = faces.reshape(-1, 3)
    neighbour = np.arange(len(index))
    edges = rng.permutation(np.concatenate([faces[:, :2], faces[:, 1:]]))
    neighbour[edges[:, 0]] = edges[:, 1]
    slide, order = rng.uniform(0, 0.45, len(index)), rng.permutation(len(index))

    def carried(field):
        near, far = field[index], field[index][neighbour]
        share = slide.reshape(-1, *[1] * (field.ndim - 1))
        return ((1 - share) * near + share * far)[order].astype(np.float32)

    beta = rng.normal(0, 0.7, SHAPES).astype(np.float32)
    mix = np.linalg.qr(rng.normal(size=(EXPRESSIONS, EXPRESSIONS)))[0]
    template = carried(model.shaped(beta)) @ SPACE.T + [0.01, 0.03, -0.02]
    joints = model.joints(beta) @ SPACE.T + [0.01, 0.03, -0.02]
    shapedirs = np.zeros((len(index), 3, 400), np.float32)
    shapedirs[:, :, 300:350] = np.einsum("ab,vbk->vak", SPACE, carried(model.shapedirs[:, :, SHAPES:])) @ mix
    regressor = np.zeros((5, len(index)))
    for j, joint in enumerate(joints):
        near = np.argsort(np.linalg.norm(template - joint, axis=1))[:200]
        regressor[j, near] = np.linalg.pinv(np.vstack([template[near].T, np.ones(200)])) @ [*joint, 1]
    model_file = FlameModel(
        v_template=template.astype(np.float32),
        shapedirs=shapedirs,
        posedirs=np.einsum("ab,vbk->vak", SPACE, carried(arrays["posedirs"])),
        J_regressor=regressor.astype(np.float32),
        weights=carried(model.lbs_weights),
        kintree_table=arrays["kintree_table"],
        f=np.argsort(order)[faces].astype(np.int32),
    )
    return model_file, mix


@pytest.fixture(scope="module")
def transfer(flame, model):
    return flame_transfer(flame[0], model)


def posed(model, psi, jaw):
    theta = np.zeros((5, 3), np.float32)
    theta[2] = jaw
    return model.vertices(np.zeros(SHAPES, np.float32), psi.astype(np.float32), theta)


def test_flames_expressions_become_ours(flame, transfer, model):
    """Within 0.3 mm on average over the face, for motions of 3-5 mm, and 2 mm for 95 % of it."""
    rng = np.random.default_rng(5)
    face = model.masks["face"] > 0.5
    for _ in range(5):
        psi, jaw = rng.normal(size=EXPRESSIONS), np.array([0.25 * rng.random(), 0, 0])
        theirs = np.zeros((1, 100))
        theirs[0, :EXPRESSIONS] = flame[1].T @ psi
        found_psi, found_jaw = transfer.likeness(theirs, jaw[None])
        wanted = posed(model, psi, jaw)
        error = 1e3 * np.linalg.norm(posed(model, found_psi[0], found_jaw[0]) - wanted, axis=1)[face]
        motion = 1e3 * np.linalg.norm(wanted - model.v_template, axis=1)[face]
        assert motion.mean() > 2
        assert error.mean() < 0.3
        assert np.percentile(error, 95) < 2


def test_there_and_back_is_the_same_face(flame, transfer, model):
    rng = np.random.default_rng(6)
    psi, jaw = (
        rng.normal(size=(5, EXPRESSIONS)).astype(np.float32),
        np.abs(rng.normal(0, 0.1, (5, 3))).astype(np.float32),
    )
    back_psi, back_jaw = transfer.likeness(*transfer.flame(psi, jaw))
    face = model.masks["face"] > 0.5
    for a, b, c, d in zip(psi, jaw, back_psi, back_jaw, strict=True):
        error = 1e3 * np.linalg.norm(posed(model, a, b) - posed(model, c, d), axis=1)[face]
        assert error.mean() < 0.3


def test_transfers_are_files(transfer, tmp_path):
    transfer.save(tmp_path / "transfer.npz")
    loaded = FlameTransfer.load(tmp_path / "transfer.npz")
    np.testing.assert_array_equal(loaded.to_likeness, transfer.to_likeness)
    np.savez(tmp_path / "other.npz", x=1)
    with pytest.raises(InputError, match=r"other\.npz is not a FLAME registration"):
        FlameTransfer.load(tmp_path / "other.npz")


def test_what_is_no_head_is_one_sentence(flame, model):
    rng = np.random.default_rng(0)
    far = rng.normal(size=flame[0].v_template.shape).astype(np.float32)
    with pytest.raises(InputError, match="could not be registered"):
        flame_transfer(FlameModel(**{**flame[0].__dict__, "v_template": far}), model)


@pytest.fixture
def clip():
    rng = np.random.default_rng(0)
    return Clip(
        25,
        psi=rng.normal(size=(6, 50)).astype(np.float32),
        theta=rng.normal(0, 0.1, (6, 5, 3)).astype(np.float32),
        eyelids=rng.random((6, 2)).astype(np.float32),
        basis=FLAME,
        source="smirk.npz",
    )


IDENTITY = FlameTransfer(to_likeness=np.concatenate([np.eye(100, 53), np.eye(3, 53, 50)]), to_flame=np.zeros((53, 103)))
"""The first 50 of FLAME's psi as they are, and the jaw as it is."""


def test_without_a_flame_file_jaw_neck_eyes_and_eyelids_drive_the_head(clip, model):
    ours = retarget(clip, model)
    assert ours.psi is None
    assert ours.eyelids is None
    assert "choose your FLAME model file" in ours.warnings[0]
    np.testing.assert_allclose(ours.theta[:, 2:], clip.theta[:, 2:])
    np.testing.assert_allclose(ours.arkit[:, [INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]], clip.eyelids)
    assert np.count_nonzero(ours.arkit.any(0)) == 2


def test_with_a_flame_file_psi_and_jaw_are_mapped(clip, model):
    ours = retarget(clip, model, IDENTITY)
    assert ours.warnings == ()
    np.testing.assert_allclose(ours.psi, clip.psi, atol=1e-6)
    np.testing.assert_allclose(ours.theta[:, 2], clip.theta[:, 2], atol=1e-6)


def test_the_heads_rotation_goes_to_the_neck(clip, model):
    ours = retarget(clip, model)
    assert not ours.theta[:, 0].any()
    both = rotation_matrix(clip.theta[:, 0]) @ rotation_matrix(clip.theta[:, 1])
    np.testing.assert_allclose(rotation_matrix(ours.theta[:, 1]), both, atol=1e-5)


def test_a_head_that_was_filmed_from_behind_starts_straight(clip, model):
    clip.theta[:, 0] += [0, 3.1, 0]
    clip.theta[:, 1] = 0
    ours = retarget(clip, model)
    np.testing.assert_allclose(ours.theta[0, 1], 0, atol=1e-5)
    assert np.abs(ours.theta[:, 1]).max() < 0.8
    assert any("relative to the first frame" in warning for warning in ours.warnings)


def test_our_own_clips_stay_as_they_are(model):
    clip = Clip(30, arkit=np.zeros((2, 52), np.float32))
    assert retarget(clip, model) is clip


def test_more_components_than_flame_has(clip, model):
    wide = Clip(25, psi=np.zeros((2, 120), np.float32), basis=FLAME)
    with pytest.raises(InputError, match="120 expression components"):
        retarget(wide, model, IDENTITY)
