"""The Avatar of a body: its armature, what it wears, what its clothes hide."""

from pathlib import Path

import numpy as np
import pytest

from likeness.core.avatar import Avatar, Material, Part
from likeness.core.bodies.avatar import body_avatar, body_joints
from likeness.core.bodies.posing import posed, posed_joints
from likeness.core.bodies.shape import random_beta
from likeness.core.errors import UsageError
from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.joint_names import JOINT_NAMES, ROOT
from likeness.core.parametric.parts import INFLUENCES
from likeness.core.parametric.smpl_joints import INDEX, PARENTS


@pytest.fixture(scope="module")
def beta(model: BodyModel) -> np.ndarray:
    return random_beta(3, model)


@pytest.fixture(scope="module")
def body(model: BodyModel, beta: np.ndarray) -> Avatar:
    return body_avatar(model, beta)


def sleeve(model: BodyModel, beta: np.ndarray, **options: object) -> Part:
    """The skin of the left elbow, a centimetre farther out."""
    faces = model.faces[(model.lbs_weights[:, INDEX["left_elbow"]][model.faces] > 0.3).all(1)]
    members, faces = np.unique(faces, return_inverse=True)
    faces = faces.reshape(-1, 4).astype(np.int32)
    skin = model.shaped(beta)[members]
    out = (skin - skin.mean(0)) * (0, 1, 1)
    defaults = {
        "weights": np.zeros((len(members), 0), np.float32),
        "binding": np.stack([members] * 3, 1).astype(np.int32),
        "binding_weights": np.full((len(members), 3), 1 / 3, np.float32),
    }
    return Part(
        name="sleeve",
        vertices=(skin + 0.01 * out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32),
        faces=faces,
        uv=np.zeros((len(members), 2), np.float32),
        faces_uv=faces,
        face_material=np.zeros(len(faces), np.int32),
        **{**defaults, **options},  # type: ignore[arg-type]
    )


def test_the_soles_are_on_the_floor_and_the_root_between_them(body: Avatar) -> None:
    lowest = min(part.vertices[:, 1].min() for part in body.parts)
    assert lowest == pytest.approx(0, abs=1e-6)
    assert body.joints[0].name == ROOT
    np.testing.assert_array_equal(body.joints[0].head, 0)
    assert body.joints[1].parent == ROOT
    assert all(np.linalg.norm(joint.tail - joint.head) > 0.02 for joint in body.joints)


def test_joints_are_the_models(body: Avatar, model: BodyModel, beta: np.ndarray) -> None:
    rest = body_joints(body)
    np.testing.assert_allclose(rest - rest[0], model.joints(beta) - model.joints(beta)[0], atol=1e-6)


def test_four_influences_that_sum_to_one(body: Avatar) -> None:
    for part in body.parts:
        assert part.weights.shape[1] == len(body.joints) == 25
        assert (part.weights > 0).sum(1).max() <= INFLUENCES
        np.testing.assert_allclose(part.weights.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("scheme", JOINT_NAMES)
def test_names_of_joints_are_those_of_a_tool_and_change_nothing_else(
    model: BodyModel, beta: np.ndarray, body: Avatar, scheme: str
) -> None:
    named = body_avatar(model, beta, joint_names=scheme)
    names = [joint.name for joint in named.joints]
    assert len(set(names)) == 25
    assert names[1:] == list(JOINT_NAMES[scheme])
    assert [names.index(joint.parent or "") - 1 for joint in named.joints[1:]] == list(PARENTS)
    np.testing.assert_array_equal(body_joints(named), body_joints(body))
    assert {corrective.joint for corrective in named.correctives.values()} <= set(names)
    theta = np.random.default_rng(0).normal(0, 0.2, (24, 3))
    np.testing.assert_array_equal(posed(named, theta, np.zeros(3)), posed(body, theta, np.zeros(3)))


def test_well_known_names() -> None:
    index = INDEX["left_elbow"]
    assert [names[index] for names in JOINT_NAMES.values()] == [
        *("left_elbow", "mixamorig:LeftForeArm", "lowerarm_l", "leftLowerArm")
    ]


def test_unknown_names_are_a_mistake(model: BodyModel, beta: np.ndarray) -> None:
    with pytest.raises(UsageError, match="There are no joint names 'biped'; choose of smpl, mixamo, unreal, vrm."):
        body_avatar(model, beta, joint_names="biped")


def test_a_bound_part_moves_with_the_skin_under_it(model: BodyModel, beta: np.ndarray) -> None:
    dressed = body_avatar(model, beta, extra_parts=[sleeve(model, beta)])
    part = dressed.part("sleeve")
    assert part.correctives.keys() >= {"corrective_left_elbow_1"}
    theta = np.zeros((24, 3))
    theta[INDEX["left_elbow"], 1] = -1.5
    moved = posed(dressed, theta, np.zeros(3))
    own = moved[-len(part.vertices) :]
    under = moved[: len(dressed.part("skin").vertices)][np.asarray(part.binding)[:, 0]]
    assert np.linalg.norm(own - under, axis=1).max() < 0.0101


def test_a_part_with_weights_of_its_own_keeps_four_of_them(model: BodyModel, beta: np.ndarray) -> None:
    count = len(sleeve(model, beta).vertices)
    weights = np.full((count, 24), 0.01, np.float32)
    weights[:, INDEX["head"]] = 0.77
    part = sleeve(model, beta, weights=weights, binding=None, binding_weights=None)
    dressed = body_avatar(model, beta, extra_parts=[part]).part("sleeve")
    assert (dressed.weights > 0).sum(1).max() <= INFLUENCES
    np.testing.assert_allclose(dressed.weights[:, 1 + INDEX["head"]], 0.77 / 0.8, atol=1e-5)
    assert not dressed.correctives


def test_a_part_that_follows_nothing_is_a_mistake(model: BodyModel, beta: np.ndarray) -> None:
    with pytest.raises(ValueError, match="follows no joint"):
        body_avatar(model, beta, extra_parts=[sleeve(model, beta, binding=None, binding_weights=None)])


def test_shoes_lift_the_body(model: BodyModel, beta: np.ndarray, body: Avatar) -> None:
    part = sleeve(model, beta)
    low = part.vertices.copy()
    low[:, 1] += model.shaped(beta)[:, 1].min() - 0.03 - low[:, 1].min()
    shod = body_avatar(model, beta, extra_parts=[sleeve(model, beta)])
    np.testing.assert_allclose(body_joints(shod), body_joints(body), atol=1e-6)
    heels = body_avatar(model, beta, extra_parts=[Part(**{**vars(part), "vertices": low})])
    np.testing.assert_allclose(body_joints(heels) - body_joints(body), [[0, 0.03, 0]] * 24, atol=1e-5)


def test_faces_of_hidden_skin_are_left_out_and_no_other(model: BodyModel, beta: np.ndarray, body: Avatar) -> None:
    hidden = model.lbs_weights[:, INDEX["left_knee"]] > 0.5
    skin = body_avatar(model, beta, hidden=hidden).part("skin")
    full = body.part("skin")
    left = ~hidden[full.faces].all(1)
    assert 0 < left.sum() < len(full.faces)
    assert len(skin.faces) == len(skin.faces_uv) == len(skin.face_material) == left.sum()
    np.testing.assert_array_equal(skin.vertices[skin.faces], full.vertices[full.faces[left]])
    np.testing.assert_array_equal(skin.uv[skin.faces_uv], full.uv[full.faces_uv[left]])


def test_materials_by_part(model: BodyModel, beta: np.ndarray) -> None:
    cloth = Material("wool", normal_texture=b"png")
    dressed = body_avatar(model, beta, extra_parts=[sleeve(model, beta)], materials={"sleeve": cloth})
    names = [material.name for material in dressed.materials]
    assert dressed.materials[dressed.part("sleeve").face_material[0]] is cloth
    assert {names[i] for i in np.unique(dressed.part("left_eye").face_material)} == {"eyes", "iris", "pupil"}


def test_a_body_is_one_file(body: Avatar, tmp_path: Path) -> None:
    body.save(tmp_path / "body.npz")
    loaded = Avatar.load(tmp_path / "body.npz")
    assert (loaded.kind, loaded.joint_names, loaded.model) == ("body", "smpl", body.model)
    assert loaded.correctives.keys() == body.correctives.keys()
    theta = np.random.default_rng(0).normal(0, 0.2, (24, 3))
    np.testing.assert_array_equal(posed(loaded, theta, np.ones(3)), posed(body, theta, np.ones(3)))


def test_posed_joints_are_the_models(body: Avatar, model: BodyModel, beta: np.ndarray) -> None:
    theta = np.zeros((24, 3))
    theta[0, 1] = np.pi / 2
    moved = posed_joints(body, theta, np.array([1.0, 0, 0]))
    rest = body_joints(body)
    np.testing.assert_allclose(moved[0], rest[0] + (1, 0, 0), atol=1e-6)
    wrist = INDEX["left_wrist"]
    np.testing.assert_allclose(moved[wrist] - moved[0], (rest[wrist] - rest[0])[[2, 1, 0]] * (1, 1, -1), atol=1e-6)
