"""Heads of a field in both topologies. The field is a stand-in: the head model's own shapes, nearly."""

from pathlib import Path

import numpy as np
import pytest
import torch

from likeness.core.avatar import Avatar, Part
from likeness.core.capture.coded_head import given_code, mixed_code, random_code
from likeness.core.capture.hair_layer import TUCK, hair_layer
from likeness.core.capture.head_points import skin_distance, template_points_of
from likeness.core.capture.implicit_avatar import ImplicitHead, implicit_avatar
from likeness.core.capture.skin_drive import SkinDrive
from likeness.core.capture.template_registration import canonical_vertices, register_template
from likeness.core.errors import InputError, UsageError
from likeness.core.geometry.borders import boundary_edges
from likeness.core.geometry.intersections import intersecting_triangles
from likeness.core.geometry.pieces import pieces
from likeness.core.implicit.field import HeadField
from likeness.core.implicit.latents import HAIR, IDENTITY, LatentSpace
from likeness.core.parametric.arkit import ARKIT_NAMES
from likeness.core.parametric.assembly import head_avatar
from likeness.core.parametric.head import HeadModel
from likeness.core.parametric.parts import carried
from likeness.core.rendering.rasterise import triangulate

from .stand_in import stand_in_field

EXPRESSIONS: tuple[dict[str, float], ...] = (
    {},
    {"jawOpen": 0.5},
    {"jawOpen": 1.0},
    {"eyeBlinkLeft": 0.5, "eyeBlinkRight": 0.5},
    {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
)


@pytest.fixture(scope="module")
def field() -> HeadField:
    return stand_in_field()


@pytest.fixture(scope="module")
def z_id(field: HeadField) -> torch.Tensor:
    return random_code(1, hair=False)(field.latents)


@pytest.fixture(scope="module")
def quads(field: HeadField, z_id: torch.Tensor, model: HeadModel) -> Avatar:
    return implicit_avatar(ImplicitHead(field, "npm", z_id), model, parameters={"z_ex": [0.0] * 52})


@pytest.fixture(scope="module")
def extracted(field: HeadField, z_id: torch.Tensor, model: HeadModel) -> Avatar:
    return implicit_avatar(ImplicitHead(field, "npm", z_id, "implicit", 96), model)


def expressed(part: Part, weights: dict[str, float]) -> np.ndarray:
    return part.vertices + sum((value * part.keys[name] for name, value in weights.items()), np.zeros(3))


def near(model: HeadModel, part: Part, mask: str) -> np.ndarray:
    """Triangles [T, 3] of a skin about a region of the model."""
    carriers = part.model_vertices if part.binding is None else part.binding[:, 0]
    triangles, _ = triangulate(part.faces)
    return triangles[(model.masks[mask] > 0.5)[carriers][triangles].any(1)]


def test_quads_lie_on_the_surface(field: HeadField, z_id: torch.Tensor, model: HeadModel) -> None:
    registration = register_template(field, z_id, model)
    before = canonical_vertices(model, registration.beta)[model.vertex_part == 0]
    outside = (model.masks["eye_sockets"] < 0.5)[: len(before)]
    distances = [
        1e3 * field.sdf(torch.from_numpy(points[outside])[None], z_id[None])[0].abs().median().item()
        for points in (before, registration.canonical)
    ]
    assert distances[1] < 0.05
    assert distances[1] < distances[0]
    assert np.linalg.norm(registration.offset, axis=1).max() < 5e-3


@pytest.mark.parametrize("topology", ["quads", "extracted"])
def test_weights_and_keys_are_whole(topology: str, request: pytest.FixtureRequest, model: HeadModel) -> None:
    avatar = request.getfixturevalue(topology)
    skin = avatar.part("skin")
    assert tuple(skin.keys) == ARKIT_NAMES
    assert all(np.isfinite(key).all() for key in skin.keys.values())
    for part in avatar.parts:
        np.testing.assert_allclose(part.weights.sum(1), 1, atol=1e-5)
        assert ((part.weights > 0).sum(1) <= 4).all()
        assert part.uv[part.faces_uv].shape == (*part.faces.shape, 2)
        assert part.face_material.max() < len(avatar.materials)


@pytest.mark.parametrize("region", ["lips", "eyelids"])
def test_registration_makes_no_intersections(quads: Avatar, model: HeadModel, region: str) -> None:
    """Lips and lids of the parametric head touch where they are shut, and nowhere else; so do the registered ones."""
    plain = head_avatar(model, np.array(quads.parameters["beta"], np.float32)).part("skin")
    skin = quads.part("skin")
    triangles = near(model, skin, region)
    for weights in EXPRESSIONS:
        before, after = (len(intersecting_triangles(expressed(part, weights), triangles)) for part in (plain, skin))
        assert after <= 1.1 * before, weights


def test_lips_and_lids_meet(quads: Avatar, model: HeadModel) -> None:
    """Where the parametric head's lips and lids meet, neutral and in a blink, the registered ones do."""
    plain = head_avatar(model, np.array(quads.parameters["beta"], np.float32)).part("skin")
    lips, lids = ([61, 62, 63], [67, 66, 65]), ([43, 44], [47, 46])
    for weights, (upper, lower) in (({}, lips), ({"eyeBlinkLeft": 1.0}, lids)):
        gaps = []
        for part in (plain, quads.part("skin")):
            vertices = expressed(part, weights)[model.landmarks68]  # the skin's vertices are the model's first
            gaps.append(np.linalg.norm(vertices[upper] - vertices[lower], axis=1))
        assert (gaps[1] < gaps[0] + 3e-4).all(), weights


def test_extracted_skin_is_open_at_the_neck_alone(extracted: Avatar) -> None:
    skin = extracted.part("skin")
    edges = boundary_edges(skin.faces[:, :3])
    following = dict(edges.tolist())
    start = vertex = int(edges[0, 0])
    for _ in range(len(edges)):
        vertex = following[vertex]
        if vertex == start:
            break
    assert len(following) == len(edges)
    assert vertex == start
    assert skin.vertices[np.unique(edges), 1].max() < -0.1


def test_no_triangle_straddles_a_seam(extracted: Avatar) -> None:
    skin = extracted.part("skin")
    corners, uv = skin.vertices[skin.faces[:, :3]], skin.uv[skin.faces_uv[:, :3]]
    longest = np.linalg.norm(uv - np.roll(uv, 1, 1), axis=2).max(1)
    assert longest.max() < 0.12
    assert np.median(longest / np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)) < 5  # UV per metre


def test_a_jaw_that_opens(extracted: Avatar, quads: Avatar) -> None:
    for avatar in (extracted, quads):
        assert np.linalg.norm(avatar.part("skin").keys["jawOpen"], axis=1).max() > 0.015


def test_saved_and_loaded(quads: Avatar, z_id: torch.Tensor, tmp_path: Path) -> None:
    quads.save(tmp_path / "head.npz")
    again = Avatar.load(tmp_path / "head.npz")
    assert (again.implicit, again.topology) == ("npm", "quads")
    assert again.parameters == quads.parameters
    assert len(again.parameters["z_ex"]) == 52
    assert again.parameters["resolution"] == [256.0]
    np.testing.assert_allclose(again.parameters["z_id"], z_id)


@pytest.mark.parametrize("topology", ["quads", "implicit"])
def test_hair_is_a_layer_over_the_whole_skin(field: HeadField, model: HeadModel, topology: str) -> None:
    z_id = random_code(1, hair=True)(field.latents)
    bald = field.latents.without_hair(z_id[None])[0]
    avatar, bare = (implicit_avatar(ImplicitHead(field, "npm", z, topology, 64), model) for z in (z_id, bald))
    np.testing.assert_array_equal(avatar.part("skin").vertices, bare.part("skin").vertices)
    assert "hair" not in [part.name for part in bare.parts]
    hair, top = avatar.part("hair"), bare.part("skin").vertices[:, 1].max()
    assert top + 0.004 < hair.vertices[:, 1].max() < top + 0.03
    material = avatar.materials[hair.face_material[0]]
    assert material.name == "hair"
    assert material.color_texture is not None
    rise = avatar.part("skin").keys["browInnerUp"]
    moved = hair.keys.get("browInnerUp", np.zeros(3))
    assert np.abs(moved).max() < 0.5 * np.abs(rise).max()  # as the scalp moves, not the brows below a fringe


def test_hair_goes_under_the_skin_and_nothing_of_it_lies_within(field: HeadField, model: HeadModel) -> None:
    z_id = random_code(1, hair=True)(field.latents)
    part, _ = hair_layer(field, z_id, 128, model, register_template(field, z_id, model))
    triangles = triangulate(part.faces)[0]
    shell = triangles[pieces(triangles) == pieces(triangles)[0]]  # tufts are pieces of their own
    depth = skin_distance(field, z_id)(torch.from_numpy(part.vertices)).numpy()
    edge = np.unique(boundary_edges(shell))
    assert len(edge) > 0
    assert depth[edge].max() < -0.5 * TUCK
    assert depth[np.unique(shell)].min() > -2 * TUCK


def test_fields_drive_as_the_model_does(
    field: HeadField, z_id: torch.Tensor, extracted: Avatar, model: HeadModel
) -> None:
    """I M Avatar's weights and correctives are the head model's, learned."""
    skin = extracted.part("skin")
    template_points = template_points_of(field, z_id, torch.from_numpy(skin.vertices)).numpy()
    drive = SkinDrive.of_fields(field, z_id, template_points, skin, model)
    own = SkinDrive.of_model(skin, model, z_id[:IDENTITY].numpy())
    outside = carried(skin, (model.masks["mouth_socket"] + model.masks["eye_sockets"])[:, None])[:, 0] == 0
    assert drive.correctives.keys() == own.correctives.keys()
    assert np.abs(drive.weights - own.weights)[outside].mean() < 0.005
    for name, corrective in own.correctives.items():
        wrong = np.linalg.norm(drive.correctives[name] - corrective, axis=1)[outside]
        assert wrong.mean() < 2e-4, name


def test_codes(field: HeadField) -> None:
    latents = LatentSpace(field.latents.hair_codes, local=6)
    assert torch.equal(random_code(3, True)(latents), random_code(3, True)(latents))
    assert not torch.equal(random_code(3, True)(latents), random_code(4, True)(latents))
    beta, short = [0.5] * IDENTITY, [0.5] * IDENTITY + [1.0] * HAIR
    assert given_code(beta)(latents)[IDENTITY:].abs().max() == 0
    assert given_code(short)(latents)[-7:].tolist() == [1.0] + [0.0] * 6
    whole = [0.25] * latents.size
    assert given_code(whole)(latents).tolist() == whole
    assert torch.equal(mixed_code(beta, whole, 0.0)(latents), given_code(beta)(latents))
    assert torch.equal(mixed_code(beta, whole, 1.0)(latents), given_code(whole)(latents))
    with pytest.raises(InputError, match="7 values"):
        given_code([0.0] * 7)(latents)
    with pytest.raises(InputError, match="finite"):
        given_code([float("nan")] * latents.size)(latents)


def test_bad_requests(field: HeadField, z_id: torch.Tensor) -> None:
    for resolution in (0, 10_000):
        with pytest.raises(InputError, match=f"resolution is {resolution}"):
            ImplicitHead(field, "npm", z_id, "implicit", resolution)
    with pytest.raises(UsageError, match="no topology 'ngons'"):
        ImplicitHead(field, "npm", z_id, "ngons")
