from pathlib import Path

import numpy as np
import pytest

from likeness.core.training.body_model.poses import theta_of
from likeness.core.training.figures.figure import Dresser, Figure
from likeness.core.training.figures.occupancy import occupied
from likeness.core.training.figures.poses import Poses, clips
from likeness.core.training.figures.rows import Rows
from likeness.core.training.figures.wardrobe import HAIR, SHOES, SUITS, random_outfit


def test_clothes_suit_the_sex() -> None:
    rng = np.random.default_rng(0)
    for gender, sex in ((0.0, "male"), (1.0, "female")):
        outfits = [random_outfit(gender, rng) for _ in range(200)]
        assert {outfit.suit for outfit in outfits} == {f"{sex}_{suit}" for suit in SUITS[sex]}
        assert {outfit.shoes for outfit in outfits} == {"", *SHOES}
        assert {outfit.hair for outfit in outfits} == {"", *HAIR[sex]}


def test_poses_are_held_out_by_clip() -> None:
    clips = {f"clip {k}": np.full((5, 24, 3), float(k)) for k in range(10)}
    poses, again = Poses.split(clips, random=20), Poses.split(clips, random=20)
    np.testing.assert_array_equal(poses.test, again.test)
    train, test = ({float(theta[1, 0]) for theta in part} for part in (poses.train, poses.test))
    assert not train & test - {0.0}
    assert (len(poses.train), len(poses.test)) == (8 * 5 + 16, 2 * 5 + 4)
    assert not poses.train[:, 0].any() and not poses.test[:, 0].any()


@pytest.fixture(scope="module")
def dresser(data: Path) -> Dresser:
    pytest.importorskip("anny")
    return Dresser.load(data)


@pytest.fixture(scope="module")
def figure(dresser: Dresser) -> Figure:
    return dresser.draw(np.random.default_rng(5))


@pytest.mark.needs_data
def test_a_figure_has_no_hollows(figure: Figure) -> None:
    """Points on the line between joints of limbs are inside."""
    at, ends = figure.body.joints, [(1, 4), (4, 7), (2, 5), (16, 18), (18, 20), (17, 19), (19, 21), (0, 3), (6, 9)]
    points = np.concatenate([at[a] + np.linspace(0, 1, 9)[:, None] * (at[b] - at[a]) for a, b in ends])
    assert occupied(figure.rest(), points).all()


@pytest.mark.needs_data
def test_clothes_follow_a_bent_limb(figure: Figure) -> None:
    rest, bent = figure.rest(), figure.posed(theta_of(left_hip=(-90, 0, 0)))
    suit = np.unique(rest.of("suit"))
    moved = np.linalg.norm(bent.vertices[suit] - rest.vertices[suit], axis=1)
    right = figure.weights()[suit][:, [2, 5, 8]].sum(1) > 0.95
    left = figure.weights()[suit][:, 1] > 0.95
    assert moved[right].max(initial=0) < 0.02
    assert not left.any() or moved[left].min() > 0.05


@pytest.mark.needs_data
def test_motions_and_authored_poses_are_clips(data: Path, dresser: Dresser) -> None:
    found = clips(data, dresser.rig)
    assert {"tpose", "run01", "02_01_walk"} <= set(found)
    assert np.abs(found["tpose"][0, 1:]).max() < 0.7
    assert all(theta.shape[1:] == (24, 3) and np.isfinite(theta).all() for theta in found.values())
    assert 10 < len(found["02_01_walk"]) < 25


@pytest.mark.needs_data
def test_a_row_follows_from_its_number(dresser: Dresser, tmp_path: Path) -> None:
    poses = Poses.split({}, random=10)
    rows = Rows(dresser, poses, poses_each=2, folder=tmp_path / "a")
    row = rows.row("train", 3)
    again = Rows(dresser, poses, poses_each=2, folder=tmp_path / "b").row("train", 3)
    kept = rows.row("train", 3)
    for name in row:
        np.testing.assert_array_equal(row[name], again[name])
        np.testing.assert_array_equal(row[name], kept[name])
    same = rows.figure("train", 2)[0]
    np.testing.assert_array_equal(same.sliders, row["sliders"])
    other = rows.figure("test_person", 3)[0]
    assert not np.allclose(other.sliders, row["sliders"])
    assert rows.figure("test_pose", 3)[1].tolist() in poses.test.tolist()
    assert row["normals"].shape == (2, 256, 256, 3)
