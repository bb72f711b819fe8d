"""Which side of a scanned surface places are on, and surfaces that have no points."""

import pytest
import torch
from torch import Tensor

from likeness.core.capture.surroundings import Surroundings

RADIUS = 0.1


def sphere(half: bool = False) -> tuple[Tensor, Tensor]:
    normals = torch.nn.functional.normalize(torch.randn(4000, 3, generator=torch.Generator().manual_seed(0)), dim=1)
    normals = normals[normals[:, 2] > 0] if half else normals
    return RADIUS * normals, normals


def around(half: bool = False) -> Surroundings:
    return Surroundings.of(*sphere(half), 8000, torch.Generator().manual_seed(1))


def test_places_know_their_height() -> None:
    found = around()
    truth = found.places.norm(dim=1) - RADIUS
    assert len(found.places) > 4000
    assert (found.height.sign() == truth.sign())[truth.abs() > 1e-3].all()
    assert (found.height - truth).abs().max() < 4e-3
    assert (found.height > 0).float().mean() > 0.3
    assert (found.height < 0).float().mean() > 0.1


def test_nothing_is_known_behind_an_open_scan() -> None:
    found = around(half=True)
    behind = found.places[:, 2] < -0.02
    assert behind.sum() < 0.02 * len(found.places)


@pytest.mark.parametrize("gap", [0.02, 0.04])
def test_a_second_surface_is_as_far_as_it_is(gap: float) -> None:
    found = around()
    radius = found.places.norm(dim=1)
    assert found.distance(radius - RADIUS) < 3e-3  # half a band
    assert found.distance(radius - RADIUS - gap) == pytest.approx(gap, abs=3e-3)


def test_what_fits_is_not_misplaced() -> None:
    found = around()
    height = found.places.norm(dim=1) - RADIUS
    assert found.misplaced(height).mean() < 1e-4
    assert found.misplaced(height - 0.03).mean() > 0.01
