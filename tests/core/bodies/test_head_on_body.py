"""A head of its own on a body: the seam, the joints, what the head brings along, what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from likeness.core.avatar import Avatar, Material, Part
from likeness.core.bodies.avatar import body_avatar, body_joints
from likeness.core.bodies.head_on_body import with_head
from likeness.core.bodies.head_placement import NATURAL, NeckPlane
from likeness.core.bodies.posing import posed
from likeness.core.bodies.shape import random_beta
from likeness.core.errors import InputError
from likeness.core.geometry.borders import boundary_edges
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.assembly import MATERIALS, head_avatar
from likeness.core.parametric.body import BodyModel
from likeness.core.parametric.head import HeadModel
from likeness.core.parametric.joint_limits import random_turns
from likeness.core.parametric.joint_names import FACE_JOINTS, JOINT_NAMES
from likeness.core.parametric.model_files import triangles
from likeness.core.parametric.parts import INFLUENCES
from likeness.core.parametric.smpl_joints import INDEX, JOINTS
from likeness.core.rendering.image_files import decode, encode
from likeness.core.rendering.shading import linear_to_srgb

ADULT, CHILD = 4, np.array([-4.0, 2.0, 0, 0], np.float32)


def head_of(seed: int) -> Avatar:
    """A head with a skin of two colours: red on top, brown below."""
    model = HeadModel.load()
    rows = np.linspace(0, 1, 256)[:, None, None] ** 4
    image = (1 - rows) * [0.9, 0.2, 0.2] + rows * [0.5, 0.35, 0.25] + np.zeros((256, 256, 3))
    skin = replace(MATERIALS["skin"], color_texture=encode(image), normal_texture=encode(image))
    beta = np.random.default_rng(seed).standard_normal(100).astype(np.float32) * 0.7
    return head_avatar(model, beta, name="Ada", materials={"skin": skin}, extra_parts=[strand(model, beta)])


def strand(model: HeadModel, beta: np.ndarray) -> Part:
    """Hair: the skin of the scalp, a centimetre higher, with a triangle that hangs down over the nape."""
    chosen = (model.masks["scalp"][model.faces] > 0.5).all(1)
    members, faces = np.unique(model.faces[chosen], return_inverse=True)
    faces = faces.reshape(-1, 4).astype(np.int32)
    return Part(
        name="hair",
        vertices=(model.shaped(beta)[members] + [0, 0.01, 0]).astype(np.float32),
        faces=faces,
        uv=np.zeros((len(members), 2), np.float32),
        faces_uv=faces,
        face_material=np.zeros(len(faces), np.int32),
        weights=np.zeros((len(members), 0), np.float32),
        binding=np.repeat(members[:, None], 3, 1).astype(np.int32),
        binding_weights=np.full((len(members), 3), 1 / 3, np.float32),
    )


@pytest.fixture(scope="module")
def body(model: BodyModel) -> Avatar:
    return body_avatar(model, random_beta(ADULT, model))


@pytest.fixture(scope="module")
def head() -> Avatar:
    return head_of(0)


@pytest.fixture(scope="module")
def joined(body: Avatar, head: Avatar) -> Avatar:
    return with_head(body, head)


def seam_of(avatar: Avatar) -> np.ndarray:
    """Vertices that faces of the body and faces of the head have in common."""
    skin = avatar.part("skin")
    of_body = skin.face_material == [material.name for material in avatar.materials].index("body_skin")
    return np.intersect1d(skin.faces[of_body], skin.faces[~of_body])


@pytest.mark.parametrize(("body_seed", "head_seed"), [(4, 0), (1, 1), (6, 2), (8, 3)])
def test_the_skin_has_no_open_edge_and_no_fold_at_the_seam(model: BodyModel, body_seed: int, head_seed: int) -> None:
    avatar = with_head(body_avatar(model, random_beta(body_seed, model)), head_of(head_seed))
    skin = avatar.part("skin")
    faces = triangles(skin.faces)
    assert not len(boundary_edges(faces))
    assert len(np.unique(skin.faces)) == len(skin.vertices)
    corners = skin.vertices[faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert np.linalg.norm(normals, axis=1).min() > 0
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    beside = np.flatnonzero(np.isin(faces, seam_of(avatar)).any(1))
    edges = {tuple(edge): f for f in beside for edge in zip(faces[f], np.roll(faces[f], -1), strict=True)}
    bends = [normals[f] @ normals[edges[b, a]] for (a, b), f in edges.items() if (b, a) in edges]
    assert len(bends) > 300
    assert np.degrees(np.arccos(min(bends))) < 25


def test_the_seam_is_one_ring_with_the_bodys_weights_and_no_key(joined: Avatar, body: Avatar) -> None:
    skin, seam = joined.part("skin"), seam_of(joined)
    assert len(seam) > 60
    assert (np.abs(NeckPlane.of(body).height(skin.vertices[seam])) < 0.02).all()
    assert not skin.weights[seam][:, [joint.name in FACE_JOINTS["smpl"] for joint in joined.joints]].any()
    assert max(np.abs(delta[seam]).max() for delta in skin.keys.values()) < 5e-4


def test_nothing_tears_in_random_poses(joined: Avatar) -> None:
    skin, rng = joined.part("skin"), np.random.default_rng(1)
    faces = triangles(skin.faces)
    plane = NeckPlane.of(joined)
    near = plane.near(skin.vertices, 0.05)[faces].all(1)
    edges = np.unique(np.sort(np.concatenate([faces[near][:, [0, 1]], faces[near][:, [1, 2]]])), axis=0)

    def lengths(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)

    rest = lengths(skin.vertices)
    for _ in range(20):
        theta = np.stack([np.zeros(3), *(random_turns(joint, 1, rng)[0] for joint in JOINTS[1:])])
        moved = lengths(posed(joined, theta, np.zeros(3))[: len(skin.vertices)])
        assert np.percentile(moved / rest, 99) < 2.5
    jump = np.abs(skin.weights[edges[:, 0]] - skin.weights[edges[:, 1]]).max(1)
    assert np.percentile(jump / rest, 95) < 30  # a weight goes from 0 to 1 over three centimetres or more


def test_four_influences_that_sum_to_one(joined: Avatar) -> None:
    for part in joined.parts:
        assert part.weights.shape[1] == len(joined.joints) == 28
        assert (part.weights > 0).sum(1).max() <= INFLUENCES
        np.testing.assert_allclose(part.weights.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("scheme", JOINT_NAMES)
def test_the_face_has_joints_under_the_bodys_head(model: BodyModel, head: Avatar, scheme: str) -> None:
    body = body_avatar(model, random_beta(ADULT, model), joint_names=scheme)
    joined = with_head(body, head)
    assert [joint.name for joint in joined.joints[:25]] == [joint.name for joint in body.joints]
    assert tuple(joint.name for joint in joined.joints[25:]) == FACE_JOINTS[scheme]
    assert {joint.parent for joint in joined.joints[25:]} == {JOINT_NAMES[scheme][INDEX["head"]]}
    assert {c.joint for c in joined.correctives.values()} <= {joint.name for joint in joined.joints}
    np.testing.assert_array_equal(body_joints(joined), body_joints(body))
    for side, joint in zip(("left", "right"), joined.joints[26:], strict=True):
        assert np.linalg.norm(joined.part(f"{side}_eye").vertices.mean(0) - joint.head) < 0.004


def test_keys_and_correctives_of_both_are_alive(joined: Avatar, head: Avatar, body: Avatar) -> None:
    skin = joined.part("skin")
    assert set(skin.keys) == set(ARKIT_NAMES)
    assert set(joined.correctives) == {*body.correctives, *head.correctives}
    assert set(skin.correctives) <= set(joined.correctives)
    for name in ("jawOpen", "mouthSmileLeft", "eyeBlinkRight", "browInnerUp"):
        before, after = (np.linalg.norm(avatar.part("skin").keys[name], axis=1).max() for avatar in (head, joined))
        assert after == pytest.approx(before, rel=0.02)
    assert joined.part("teeth_lower").weights[:, 25].min() > 0.99
    assert joined.part("left_eye").weights[:, 26].min() > 0.99


def test_the_head_comes_whole_and_the_bodys_is_gone(joined: Avatar, head: Avatar, body: Avatar) -> None:
    assert [part.name for part in joined.parts] == [part.name for part in head.parts]
    shift = joined.part("hair").vertices - head.part("hair").vertices
    high = joined.part("hair").vertices[:, 1] > joined.part("left_eye").vertices[:, 1].mean()
    np.testing.assert_allclose(shift[high], np.broadcast_to(shift[high][:1], shift[high].shape), atol=1e-5)
    crown = joined.joints[[joint.name for joint in joined.joints].index("head")].tail[1]
    assert crown == pytest.approx(joined.part("skin").vertices[:, 1].max(), abs=0.002)


def test_an_adult_keeps_the_heads_size_and_a_child_does_not(model: BodyModel, head: Avatar, joined: Avatar) -> None:
    def gap(avatar: Avatar) -> float:
        left, right = (avatar.part(f"{side}_eye").vertices.mean(0) for side in ("left", "right"))
        return float(np.linalg.norm(left - right))

    assert gap(joined) == pytest.approx(gap(head), rel=1e-4)
    small = body_avatar(model, CHILD)
    assert 1 / 1.5 < gap(with_head(small, head)) / gap(head) < 1 / 1.02
    assert gap(with_head(small, head)) < gap(small) * NATURAL * 1.2


def test_one_tone_at_the_seam(joined: Avatar) -> None:
    materials = {material.name: material for material in joined.materials}
    assert len(materials) == len(joined.materials)
    skin = joined.part("skin")
    image = decode(materials["skin"].color_texture or b"")
    own = skin.faces[skin.face_material == list(materials).index("skin")], skin.faces_uv
    uv = skin.uv[own[1][skin.face_material == list(materials).index("skin")][np.isin(own[0], seam_of(joined))]]
    column, row = (np.stack([uv[:, 0], 1 - uv[:, 1]]) * (len(image) - 1)).round().astype(int)
    tone = linear_to_srgb(np.array(materials["body_skin"].color[:3]))
    np.testing.assert_allclose(image[row, column], np.broadcast_to(tone, (len(uv), 3)), atol=0.03)
    assert not materials["body_skin"].normal_texture


def test_a_collar_follows_the_neck(model: BodyModel, head: Avatar, body: Avatar) -> None:
    beta = random_beta(ADULT, model)
    plane = NeckPlane.of(body)
    up = body.part("skin").vertices[0, 1] - model.shaped(beta)[0, 1]
    members = np.flatnonzero(plane.near(model.shaped(beta) + [0, up, 0], 0.025))
    faces = np.flatnonzero(np.isin(model.faces, members).all(1))
    index = np.searchsorted(members, model.faces[faces]).astype(np.int32)
    collar = Part(
        name="collar",
        vertices=model.shaped(beta)[members] * np.float32(1.0),
        faces=index,
        uv=np.zeros((len(members), 2), np.float32),
        faces_uv=index,
        face_material=np.zeros(len(index), np.int32),
        weights=np.zeros((len(members), 0), np.float32),
        binding=np.repeat(members[:, None], 3, 1).astype(np.int32),
        binding_weights=np.full((len(members), 3), 1 / 3, np.float32),
    )
    dressed = with_head(body_avatar(model, beta, extra_parts=[collar]), head)
    skin = dressed.part("skin").vertices
    worn = dressed.part("collar")
    distance = np.linalg.norm(worn.vertices[:, None] - skin[plane.near(skin, 0.06)][None], axis=-1).min(1)
    assert distance.max() < 0.006  # it lay on the skin
    assert worn.weights.shape[1] == 28
    assert dressed.materials[worn.face_material[0]] == Material("collar")


def test_what_is_refused(model: BodyModel, body: Avatar, head: Avatar, joined: Avatar) -> None:
    with pytest.raises(InputError, match="Body is a body, which cannot be put on a body; choose a head."):
        with_head(body, body)
    with pytest.raises(InputError, match="Ada is a head, on which no head can be put; choose a body."):
        with_head(head, head)
    with pytest.raises(InputError, match="Body has a head of its own already"):
        with_head(joined, head)
    older = "Ada is a head of an older Likeness; make it again from its photo."
    with pytest.raises(InputError, match=older):
        with_head(body, replace(head, joints=[joint for joint in head.joints if joint.name != "head"]))
    with pytest.raises(InputError, match=older):
        with_head(body, replace(head, parts=[replace(part, keys={}) for part in head.parts]))
    hidden = NeckPlane.of(body).near(body.part("skin").vertices, 0.08)[: len(model.v_template)]
    covered = body_avatar(
        model, random_beta(ADULT, model), hidden=np.pad(hidden, (0, len(model.v_template) - len(hidden)))
    )
    with pytest.raises(InputError, match="neck is not bare all around"):
        with_head(covered, head)


def test_it_is_saved_and_loaded(joined: Avatar, tmp_path: Path) -> None:
    joined.save(tmp_path / "joined.npz")
    again = Avatar.load(tmp_path / "joined.npz")
    np.testing.assert_array_equal(again.part("skin").vertices, joined.part("skin").vertices)
    assert again.parameters["head_beta"] == joined.parameters["head_beta"]
