"""The shipped head: its topology, its symmetry, its chart, and that its levels of detail follow it."""

import numpy as np
import pytest

from likeness.core.parametric.arkit import ARKIT_NAMES, MIRROR
from likeness.core.parametric.head import EXPRESSIONS, SHAPES, HeadModel

REFLECT = np.array([-1, 1, 1])


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return HeadModel.load()


@pytest.fixture(scope="module")
def skin(model: HeadModel) -> np.ndarray:
    return model.faces[model.face_part == model.parts.index("skin")]


def edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    directed = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    return np.unique(np.sort(directed, 1), axis=0, return_counts=True)


def test_skin_is_all_quads_of_the_size_promised(model, skin):
    assert (np.sort(skin, 1)[:, 1:] != np.sort(skin, 1)[:, :-1]).all()
    assert 10_000 <= (model.vertex_part == 0).sum() <= 15_000


def test_skin_is_manifold_and_open_at_the_shoulders_alone(model, skin):
    pairs, count = edges(skin)
    assert count.max() == 2
    rim = np.unique(pairs[count == 1])
    assert len(rim) == (count == 1).sum()
    assert model.v_template[rim, 1].max() < -0.12


def test_loops_run_around_eyes_and_lips(model, skin):
    """Most vertices of lids and lips are regular: four edges meet."""
    pairs, _ = edges(skin)
    valence = np.bincount(pairs.ravel(), minlength=len(model.v_template))
    for region in ("eyelids", "lips"):
        inside = model.masks[region] > 0.5
        assert (valence[inside] == 4).mean() > 0.97, region


def test_template_and_topology_are_symmetric(model, skin):
    assert np.array_equal(model.mirror[model.mirror][skin], skin)
    assert np.abs(model.v_template[model.mirror] * REFLECT - model.v_template).max() < 1e-6
    ours = {frozenset(face) for face in skin.tolist()}
    assert {frozenset(face) for face in model.mirror[skin].tolist()} == ours


def test_chart_fills_the_unit_square_without_overlap(model):
    """Painted at 1024 pixels, no pixel centre lies in two quads of the skin."""
    quads = model.uv[model.faces_uv[model.face_part == 0]].astype(np.float64)
    assert quads.min() >= 0 and quads.max() <= 1
    painted = np.zeros((1024, 1024), np.int32)
    for triangle in np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]) * 1024:
        low, high = np.floor(triangle.min(0)).astype(int), np.ceil(triangle.max(0)).astype(int)
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        a, b, c = triangle
        side = [(q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]) for p, q in ((a, b), (b, c), (c, a))]
        inside = (side[0] > 1e-6) & (side[1] > 1e-6) & (side[2] > 1e-6)
        painted[y[inside].astype(int), x[inside].astype(int)] += 1
    assert painted.max() == 1
    assert (painted > 0).mean() > 0.45


def test_chart_stretches_little_on_the_face(model, skin):
    """The larger over the smaller singular value of the map from UV to the surface, quad by quad."""
    face = (model.masks["narrow_face"][skin] > 0.5).all(1)
    points = model.v_template[skin[face]]
    uv = model.uv[model.faces_uv[model.face_part == 0][face]]
    surface = np.stack([points[:, 1] - points[:, 0], points[:, 3] - points[:, 0]], -1)
    chart = np.stack([uv[:, 1] - uv[:, 0], uv[:, 3] - uv[:, 0]], -1)
    values = np.linalg.svd(surface @ np.linalg.inv(chart), compute_uv=False)
    stretch = values[:, 0] / values[:, 1]
    assert np.median(stretch) < 1.5 and np.percentile(stretch, 90) < 2.1


def test_parts_and_bases_have_flames_sizes(model):
    assert model.shapedirs.shape[2] == SHAPES + EXPRESSIONS
    assert model.posedirs.shape == (36, model.v_template.size)
    assert np.allclose(model.lbs_weights.sum(1), 1, atol=1e-5) and model.lbs_weights.min() >= 0
    for name in ("left_eye", "right_cornea", "teeth_upper", "teeth_lower", "gums_upper", "tongue", "lashes"):
        assert name in model.parts


def test_triangles_repeat_their_last_index(model):
    """The one way in which a face may name a vertex twice, in faces and chart alike."""
    for faces in (model.faces, *(detail.faces for detail in model.details)):
        twice = (np.sort(faces, 1)[:, 1:] == np.sort(faces, 1)[:, :-1]).any(1)
        assert np.array_equal(twice, faces[:, 2] == faces[:, 3])


def posed(model: HeadModel, psi: np.ndarray, theta: np.ndarray) -> np.ndarray:
    return model.vertices(np.zeros(SHAPES, np.float32), psi, theta)


@pytest.mark.parametrize("name", ARKIT_NAMES)
def test_every_arkit_name_moves_the_face_and_mirrors(model, name):
    index = ARKIT_NAMES.index(name)
    shape = posed(model, model.arkit_psi[index], model.arkit_theta[index])
    assert np.abs(shape - model.v_template).max() > 1e-3
    twin = posed(model, model.arkit_psi[MIRROR[index]], model.arkit_theta[MIRROR[index]])
    skin = model.vertex_part == 0
    assert np.abs(shape[model.mirror] * REFLECT - twin)[skin].max() < 2.5e-4


def test_gaze_turns_eyeballs_and_takes_the_lids_along(model):
    index = ARKIT_NAMES.index("eyeLookDownLeft")
    moved = posed(model, model.arkit_psi[index], model.arkit_theta[index]) - model.v_template
    pupil = np.flatnonzero(model.vertex_part == model.parts.index("left_eye"))[0]
    assert moved[pupil, 1] < -4e-3
    assert moved[(model.masks["eyelids"] > 0.5) & (model.v_template[:, 0] > 0), 1].min() < -2e-3


def height_at(triangles: np.ndarray, x: float, y: float) -> float:
    """The greatest z of triangles [T, 3, 3] over a point of the frontal plane; -inf where there is none."""
    a, b, c = (triangles[:, i, :2] for i in range(3))
    system = np.stack([b - a, c - a], -1)
    keep = np.abs(np.linalg.det(system)) > 1e-12
    s, t = np.linalg.solve(system[keep], (np.array([x, y]) - a[keep])[..., None])[..., 0].T
    hit = (s >= 0) & (t >= 0) & (s + t <= 1)
    z = triangles[keep][:, :, 2]
    return float((z[:, 0] + s * (z[:, 1] - z[:, 0]) + t * (z[:, 2] - z[:, 0]))[hit].max(initial=-np.inf))


def test_blinking_lids_cover_the_eyeball(model):
    """From the front, at least 97 % of the eyeball's disc lies behind the lids of eyeBlink."""
    index = ARKIT_NAMES.index("eyeBlinkLeft")
    closed = posed(model, model.arkit_psi[index], model.arkit_theta[index])
    eye = model.parts.index("left_eye")
    centre = closed[model.vertex_part == eye].mean(0)
    disc = [(x, y) for x in np.linspace(-8e-3, 8e-3, 17) for y in np.linspace(-7e-3, 7e-3, 29)]

    def covered(vertices: np.ndarray) -> np.ndarray:
        split = [
            vertices[np.concatenate([f[:, [0, 1, 2]], f[:, [0, 2, 3]]])]
            for f in (model.faces[(model.face_part == part)] for part in (0, eye))
        ]
        near = [t[(np.abs(t.mean(1) - centre) < [0.02, 0.02, 0.03]).all(1)] for t in split]
        points = [centre[:2] + offset for offset in disc]
        return np.array([height_at(near[0], *point) > height_at(near[1], *point) for point in points])

    assert covered(closed).mean() > 0.97
    assert covered(model.v_template).mean() < 0.6


@pytest.mark.parametrize("level", [0, 1])
def test_levels_of_detail_follow_the_head(model, level):
    detail = model.details[level]
    beta = np.random.default_rng(level).standard_normal(SHAPES).astype(np.float32)
    full, coarse = model.shaped(beta), detail.carry(model.shaped(beta))
    skin = np.unique(detail.faces[detail.face_part == 0])
    assert len(skin) < (model.vertex_part == 0).sum() / 2
    assert np.abs(coarse.min(0) - full.min(0)).max() < 2e-3 and np.abs(coarse.max(0) - full.max(0)).max() < 2e-3
    _, count = edges(detail.faces[detail.face_part == 0])
    assert count.max() == 2


@pytest.mark.slow
@pytest.mark.needs_data
def test_held_out_heads_and_faces_are_reproduced(data):
    from likeness.core.evaluation.head_model import evaluate_head_model

    figures = evaluate_head_model(data)
    assert figures["identity_face_median_mm"] < 0.5
    assert figures["expression_face_median_mm"] < 0.5
    assert figures["jaw_open_rms_mm"] < 0.5
    assert figures["identity_face_median_mm"] < figures["identity_face_mean_head_median_mm"] / 4
