from dataclasses import replace

import numpy as np
import pytest

from likeness.core.training.figures.cloth import Cloth
from likeness.core.training.figures.garments import nearest_on

BENDING, WEIGHT, GAP = 1e-6, 0.1, 2e-3
LIMB, ROOM = 0.05, 0.01
"""Metres: the radius of a limb along y, and how far the sleeve stands off it."""


def tube(radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Of 40 cm along y, without ends."""
    around, high = 36, 41
    angle, y = np.meshgrid(2 * np.pi * np.arange(around) / around, np.linspace(-0.2, 0.2, high))
    points = np.stack([radius * np.sin(angle), y, radius * np.cos(angle)], -1).reshape(-1, 3)
    row, column = np.meshgrid(np.arange(high - 1), np.arange(around), indexing="ij")
    a, b = row * around + column, row * around + (column + 1) % around
    triangles = np.stack([a, b, b + around, a, b + around, a + around], -1).reshape(-1, 3)
    return points, triangles


@pytest.fixture
def sleeve() -> Cloth:
    """Its ends are held."""
    points, triangles = tube(LIMB + ROOM)
    count = len(points)
    free = np.abs(points[:, 1]) < 0.195
    return Cloth(points, triangles, np.zeros((count, 3, 3)), free, np.full(count, GAP), np.full(count, 0.03))


def longer(sleeve: Cloth, share: float) -> Cloth:
    return replace(sleeve, strain=np.tile(np.diag([0, share, 0]), (len(sleeve.points), 1, 1)))


def relaxed(sleeve: Cloth, seed: int = 0) -> np.ndarray:
    rng, limb = np.random.default_rng(seed), tube(LIMB)
    start = sleeve.points + 1e-4 * rng.standard_normal(sleeve.points.shape)
    return sleeve.relaxed(start, lambda points: nearest_on(points, *limb), BENDING, WEIGHT)


def stretch(cloth: Cloth, points: np.ndarray) -> np.ndarray:
    """[E] length of each edge over what it should be."""
    first, second = np.unique(np.sort(cloth.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), 1), axis=0).T
    edge = cloth.points[second] - cloth.points[first]
    square = (edge**2).sum(1)
    wanted = np.sqrt(square) * (1 + np.einsum("ei,ij,ej->e", edge, cloth.strain[0], edge) / square)
    return np.linalg.norm(points[first] - points[second], axis=1) / wanted


def test_cloth_of_the_right_length_keeps_it(sleeve: Cloth) -> None:
    ratio = stretch(sleeve, relaxed(sleeve))
    assert np.median(ratio) == pytest.approx(1, abs=5e-3)
    assert np.percentile(np.abs(ratio - 1), 90) < 0.05


def test_what_is_too_long_buckles_and_becomes_as_long_as_it_should(sleeve: Cloth) -> None:
    folded = relaxed(longer(sleeve, 0.1))
    ratio = stretch(longer(sleeve, 0.1), folded)
    assert np.median(ratio) == pytest.approx(1, abs=0.025)
    assert np.percentile(np.abs(ratio - 1), 90) < 0.1
    radius = np.linalg.norm(folded[:, [0, 2]], axis=1)
    assert 2e-3 < radius.std() < 0.012 and radius.max() < LIMB + ROOM + 0.031


def test_nothing_goes_under_the_skin_and_what_is_held_stays(sleeve: Cloth) -> None:
    folded = relaxed(longer(sleeve, 0.1))
    nearest, outward = nearest_on(folded, *tube(LIMB))
    assert ((folded - nearest) * outward).sum(1).min() > GAP / 2
    held = ~sleeve.free
    np.testing.assert_allclose(folded[held], sleeve.points[held], atol=5e-4)


def test_a_seed_folds_the_same_again(sleeve: Cloth) -> None:
    cloth = longer(sleeve, 0.1)
    np.testing.assert_array_equal(relaxed(cloth), relaxed(cloth))
    assert np.abs(relaxed(cloth) - relaxed(cloth, seed=1)).max() > 1e-3
