from pathlib import Path

import numpy as np
import pytest

from likeness.core.rendering.shading import vertex_normals
from likeness.core.training.figures.figure import PARTS, Dresser, Figure, Surface
from likeness.core.training.figures.fold_rows import FINENESS, HALF, SIZE, FoldRows, maps
from likeness.core.training.figures.folds import Fabric, draped
from likeness.core.training.figures.garments import GAP, nearest_on
from likeness.core.training.figures.poses import Poses
from likeness.core.training.figures.rows import Rows
from likeness.core.training.figures.views import SIDES, seen_from


@pytest.fixture(scope="module")
def dresser(data: Path) -> Dresser:
    pytest.importorskip("anny")
    return Dresser.load(data)


@pytest.fixture(scope="module")
def pair(dresser: Dresser) -> tuple[Figure, Figure]:
    """A figure, smooth and with folds."""
    return draped(dresser.draw(np.random.default_rng([0, 8])), fabric(), np.random.default_rng(1))


def fabric() -> Fabric:
    return Fabric(length=0.15, width=-0.03, slant=0.6, patches=0.5, bending=6e-7, weight=0.1)


@pytest.mark.needs_data
def test_folds_turn_the_cloth_and_nothing_else(pair: tuple[Figure, Figure]) -> None:
    smooth, folded = (figure.rest() for figure in pair)
    np.testing.assert_array_equal(smooth.triangles, folded.triangles)
    one, other = (vertex_normals(surface.vertices, surface.triangles) for surface in (smooth, folded))
    angle = np.degrees(np.arccos(np.clip((one * other).sum(1), -1, 1)))
    assert 5 < angle[np.unique(folded.of("suit"))].mean() < 25
    assert angle[np.unique(folded.of("skin", "shoes", "hair"))].max() < 0.1


@pytest.mark.needs_data
def test_cloth_stays_off_the_skin_and_near_the_suit(pair: tuple[Figure, Figure]) -> None:
    smooth, folded = pair
    suit = folded.garments["suit"]
    moved = np.linalg.norm(suit.points - smooth.garments["suit"].points, axis=1)
    assert 2e-3 < np.median(moved) < 0.02 and moved.max() < 0.05
    surface = folded.rest()
    points = surface.vertices[np.unique(surface.of("suit"))]
    nearest, outward = nearest_on(points, surface.vertices, folded.skin)
    assert (((points - nearest) * outward).sum(1) > GAP / 2).mean() > 0.999
    np.testing.assert_allclose(suit.weights.sum(1), 1, atol=1e-6)


@pytest.mark.needs_data
def test_a_row_of_folds_follows_from_its_number(dresser: Dresser, tmp_path: Path) -> None:
    poses = Poses.split({}, random=10)
    row = FoldRows(dresser, poses, folder=tmp_path).row("train", 8)
    np.testing.assert_array_equal(row["sliders"], Rows(dresser, poses).figure("train", 32)[0].sliders)
    again = FoldRows(dresser, poses, folder=tmp_path / "b").row("train", 8)
    for name in row:
        np.testing.assert_array_equal(row[name], again[name])
    assert next(tmp_path.glob("train/*.npz")).stat().st_size < 2e6


@pytest.fixture
def bent() -> tuple[Surface, Surface]:
    """A sheet of cloth that faces the front; half of it is then bent back by a right angle."""
    flat = np.array([[0, 0, 0], [0.2, 0, 0], [0.2, 0.2, 0], [0, 0.2, 0], [0.4, 0, 0], [0.4, 0.2, 0]], float)
    triangles = np.array([[0, 1, 2], [0, 2, 3], [1, 4, 5], [1, 5, 2]])
    turned = flat.copy()
    turned[4:] = [[0.2, 0, -0.2], [0.2, 0.2, -0.2]]
    suit = np.full(4, PARTS.index("suit"))
    return Surface(flat, triangles, suit), Surface(turned, triangles, suit)


def test_maps_show_where_on_the_smooth_surface_a_pixel_is(bent: tuple[Surface, Surface]) -> None:
    made = maps(*bent)
    left = list(SIDES).index("left")
    seen = made["parts"][left] >= 0
    assert seen.sum() == pytest.approx((0.2 / (2 * HALF) * SIZE) ** 2, rel=0.05)
    points = FINENESS * made["smooth_points"][left][seen]
    assert points[:, 0].min() > 0.199 and points[:, 0].max() < 0.401
    assert (made["smooth_normals"][left][seen] == [0, 0, 127]).all()
    assert (made["normals"][left][seen][:, 0] > 50).all()
    assert not made["normals"][left][~seen].any()


def test_front_and_back_mirror_each_other(bent: tuple[Surface, Surface]) -> None:
    front, back = (seen_from(side, bent[0], HALF, SIZE).covered for side in ("front", "back"))
    np.testing.assert_array_equal(front, back[:, ::-1])
