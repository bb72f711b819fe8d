"""Haircuts: on the head, out of the face, closed; and the codes of the cached ones."""

import numpy as np
import pytest
import trimesh

from likeness.core.training.ict import LANDMARKS
from likeness.core.training.implicit import hair_hulls
from likeness.core.training.implicit.hair import KINDS, SEEN, STYLES, UNSEEN, HairLibrary
from likeness.core.training.implicit.hair_fit import fitted_styles, similarity
from likeness.core.training.implicit.hair_hulls import Cut, HullMaker, vary
from likeness.core.training.implicit.template import signed_distance
from likeness.core.training.makehuman import load_body, load_hair

EYES_NOSE_MOUTH = LANDMARKS[27:]
PLAIN = Cut(0, 1, 4e-3, 0, 0.04, 0, 0.02, -0.18, mirrored=False, seed=0)


@pytest.fixture(scope="module")
def styles(data, sampler):
    return fitted_styles(data, sampler)


@pytest.fixture(scope="module")
def maker(sampler):
    """At half the resolution."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hair_hulls, "VOXEL", 8e-3)
        yield HullMaker(sampler)


def test_similarity_is_found():
    rng = np.random.default_rng(0)
    points, rotation = rng.standard_normal((20, 3)), np.linalg.qr(rng.standard_normal((3, 3)))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    found = similarity(points, 1.3 * points @ rotation.T + [1, 2, 3])
    for value, truth in zip(found, (rotation, 1.3, [1, 2, 3]), strict=True):
        assert np.allclose(value, truth)


def test_splits_share_no_haircut():
    variants = [variant for kind in KINDS.values() for variant in kind]
    assert len(set(variants)) == len(variants) == 347
    assert UNSEEN not in SEEN and set(STYLES) == {*SEEN, UNSEEN}


def test_a_plain_cut_is_the_style_and_a_mirrored_one_its_image():
    points = np.random.default_rng(0).uniform(-0.1, 0.1, (50, 3))
    assert np.allclose(vary(points, PLAIN), points)
    mirrored = Cut(**{**vars(PLAIN), "mirrored": True})
    assert np.allclose(vary(points, mirrored), points * [-1, 1, 1])
    short = vary(points, Cut(**{**vars(PLAIN), "length": 0.5}))
    assert np.allclose(short[:, 1], np.where(points[:, 1] < 0, 0.5, 1) * points[:, 1])


@pytest.mark.needs_data
def test_makehumans_hair_hangs_on_its_body(data):
    body = load_body(data)
    assert 1.4 < np.ptp(body.vertices[:13380, 1]) < 1.8  # metres
    hair = load_hair(data, "short01", body)
    assert hair.quads.max() < len(hair.vertices)
    skull = body.vertices[:13380][body.vertices[:13380, 1] > 0.65]
    assert 0 < hair.vertices[:, 1].max() - skull[:, 1].max() < 0.03
    assert abs(np.ptp(hair.vertices[:, 0]) - np.ptp(skull[:, 0])) < 0.02


@pytest.mark.needs_data
def test_every_style_sits_on_the_scalp(styles, sampler):
    for style, strips in styles.items():
        distance = signed_distance(strips.vertices, sampler.mean, sampler.triangles)
        assert distance.min() > 0, style
        crown = (np.abs(strips.vertices[:, 0]) < 0.04) & (strips.vertices[:, 1] > 0.12)
        assert crown.any() and np.percentile(distance[crown], 10) < 0.012, style


@pytest.mark.needs_data
@pytest.mark.parametrize("style", ["short01", "long01", "bob01"])
def test_a_hull_is_one_closed_piece_that_leaves_the_face_free(styles, maker, sampler, style):
    for cut in (PLAIN, Cut.random(5)):
        vertices, triangles = maker.mesh(maker.field(styles[style], cut))
        mesh = trimesh.Trimesh(vertices, triangles, process=False)
        assert mesh.is_watertight and mesh.volume > 2e-4
        ahead = sampler.mean[EYES_NOSE_MOUTH] + np.linspace(1e-3, 0.05, 10)[:, None, None] * [0, 0, 1]
        assert signed_distance(ahead.reshape(-1, 3), vertices, triangles).min() > 0
        crown = sampler.mean[[sampler.mean[:, 1].argmax()]]
        assert signed_distance(crown, vertices, triangles)[0] < 0


@pytest.mark.parametrize("axis", range(3))
def test_a_hull_is_closed_where_it_touches_the_edge_of_its_grid(axis, monkeypatch):
    """A block of hair through the grid along one axis; its hull ends within a voxel of the grid's ends."""
    monkeypatch.setattr(hair_hulls, "VOXEL", 8e-3)
    maker = HullMaker(None)
    centre = 0.5 * (hair_hulls.LOW + hair_hulls.HIGH)
    across = np.delete(np.abs(maker._grid - centre), axis, -1).max(-1)
    vertices, triangles = maker.mesh(across - 0.05)
    mesh = trimesh.Trimesh(vertices, triangles, process=False)
    assert mesh.is_watertight
    length = np.ptp(maker._grid[..., axis])
    assert length <= np.ptp(vertices[:, axis]) < length + 2 * 8e-3
    assert mesh.volume == pytest.approx(0.1**2 * length, rel=0.1)


@pytest.mark.needs_data
def test_hair_moves_with_the_skin(styles, maker, sampler, tmp_path):
    vertices, triangles = maker.mesh(maker.field(styles["short01"], PLAIN))
    library = HairLibrary(tmp_path, sampler)
    np.savez(library._path(0), vertices=vertices.astype(np.float32), triangles=triangles)
    grown, faces, mean = library.carried(0, 0.1 * sampler.mean + [0, 0.01, 0])
    assert np.array_equal(faces, triangles) and np.allclose(mean, vertices, atol=1e-7)
    assert np.allclose(grown, 1.1 * vertices + [0, 0.01, 0], atol=1e-6)
    skin = np.tensordot(sampler.weights("test", 0), sampler.identity, 1)
    root = np.abs(signed_distance(vertices, sampler.mean, sampler.triangles)) < 1e-3
    carried = library.carried(0, skin)[0][root]
    assert np.abs(signed_distance(carried, sampler.mean + skin, sampler.triangles)).mean() < 1.5e-3


def test_codes_are_about_the_bald_head_and_mirror(random_library):
    library = random_library
    codes, mirror = HairLibrary.cached_codes(library.folder.parent), HairLibrary.cached_mirror(library.folder.parent)
    assert codes.shape == (348, 32) and not codes[0].any()
    assert np.allclose((codes[1:298] ** 2).mean(0)[mirror > 0].max(), 1, atol=0.6)
    # Variants 0 and 1 are mirror images of one another.
    assert np.allclose(codes[1], codes[2] * mirror, atol=1e-3)
    assert set(np.unique(mirror)) == {-1.0, 1.0}


@pytest.fixture
def random_library(tmp_path):
    """A library of random smooth fields, the second the mirror image of the first."""
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((40, 6, 5, 4)) * np.linspace(1, 0.1, 40)[:, None, None, None]
    library = HairLibrary(tmp_path / "hair", None)
    library.folder.mkdir()
    fields = np.tensordot(rng.standard_normal((347, 40)), basis, 1).astype(np.float16)
    fields[1] = fields[0][::-1]
    for variant, field in enumerate(fields):
        np.savez(library._path(variant), field=field)
    library._encode()
    return library
