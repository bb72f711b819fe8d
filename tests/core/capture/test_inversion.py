"""Inversion of a field whose codes are known, and the implicit gradient of canonical points."""

import pytest
import torch
from torch import Tensor

from likeness.core.capture.canonical_points import CanonicalPoints
from likeness.core.capture.inversion import invert
from likeness.core.errors import InputError
from likeness.core.implicit.field import HeadField
from likeness.core.parametric.arkit import INDEX

from .stand_in import stand_in_field, surface_points


@pytest.fixture(scope="module")
def field() -> HeadField:
    return stand_in_field()


@pytest.fixture(scope="module")
def z_id(field: HeadField) -> Tensor:
    return field.latents.of_beta(0.8 * torch.randn(1, 100, generator=torch.Generator().manual_seed(0)))[0]


@pytest.fixture(scope="module")
def head(field: HeadField, z_id: Tensor) -> tuple[Tensor, Tensor]:
    """Points and normals of the canonical surface."""
    return surface_points(field, z_id, 3000)[:2]


def distance_mm(field: HeadField, points: Tensor, z_id: Tensor) -> float:
    with torch.no_grad():
        return 1e3 * float(field.sdf(points[None], z_id[None]).abs().mean())


def test_a_known_head_is_recovered_among_strays(field: HeadField, z_id: Tensor, head: tuple[Tensor, Tensor]) -> None:
    points, normals = head
    generator = torch.Generator().manual_seed(1)
    low, high = points.amin(0) - 0.05, points.amax(0) + 0.05
    strays = low + (high - low) * torch.rand(300, 3, generator=generator)
    noisy = torch.cat([points + 5e-4 * torch.randn(points.shape, generator=generator), strays])
    start = z_id[:100] + 0.4 * torch.randn(100, generator=generator)
    turned = torch.cat([normals, torch.nn.functional.normalize(strays, dim=1)])
    inversion = invert(field, noisy, turned, beta=start)
    before = distance_mm(field, points, field.latents.of_beta(start[None])[0])
    after = distance_mm(field, points, inversion.z_id)
    assert before > 0.6
    assert after < 0.25 * before
    assert inversion.residual_mm < 0.5  # the median of the noise is 0.34


def test_hair_is_found(field: HeadField, z_id: Tensor) -> None:
    code = z_id.clone()
    code[100] = 1.0
    points, _, _ = surface_points(field, code, 2000)
    inversion = invert(field, points, beta=z_id[:100])
    assert inversion.z_id[100] == pytest.approx(1.0, abs=0.25)
    assert distance_mm(field, points, inversion.z_id) < 0.3


def test_what_shows_no_hair_stays_bald(field: HeadField, z_id: Tensor, head: tuple[Tensor, Tensor]) -> None:
    generator = torch.Generator().manual_seed(3)
    noisy = head[0] + 1e-3 * torch.randn(head[0].shape, generator=generator)
    shelf = torch.tensor([0.3, 0.1, 0.3]) * torch.rand(400, 3, generator=generator) - torch.tensor([0.15, 0.28, 0.15])
    inversion = invert(field, torch.cat([noisy, shelf]), beta=z_id[:100])
    assert not field.latents.hair(inversion.z_id[None]).any()


def test_hair_is_as_far_from_bald_as_known_hair(field: HeadField, z_id: Tensor) -> None:
    code = z_id.clone()
    code[100] = 1.8
    inversion = invert(field, surface_points(field, code, 2000)[0], beta=z_id[:100])
    assert float(field.latents.hair(inversion.z_id[None]).norm()) <= 1.0 + 1e-5


def test_an_expression_is_found(field: HeadField, z_id: Tensor, head: tuple[Tensor, Tensor]) -> None:
    points, _ = head
    z_ex = torch.zeros(52)
    z_ex[[INDEX["jawOpen"], INDEX["mouthSmileLeft"]]] = torch.tensor([0.6, 0.8])
    posed = field.deform(points[None], z_ex[None], z_id[None])[0]
    start = (z_ex + 0.25 * torch.rand(52, generator=torch.Generator().manual_seed(2))).clamp(0, 1)
    inversion = invert(field, posed, beta=z_id[:100], z_ex=start, canonical=points)
    assert distance_mm(field, points, inversion.z_id) < 0.3
    away = (field.deform(points[None], inversion.z_ex[None], z_id[None])[0] - posed).norm(dim=1)
    before = (field.deform(points[None], start[None], z_id[None])[0] - posed).norm(dim=1)
    assert away.mean() < 0.6 * before.mean()
    assert (inversion.z_ex[z_ex == 0] == 0).float().mean() > 0.5


def test_canonical_points_are_roots_with_the_implicit_gradient(
    field: HeadField, z_id: Tensor, head: tuple[Tensor, Tensor]
) -> None:
    """Against finite differences of the search itself."""
    points = head[0][:300]
    z_ex = torch.zeros(52)
    z_ex[INDEX["jawOpen"]] = 0.5
    posed = field.deform(points[None], z_ex[None], z_id[None])[0]
    traced = CanonicalPoints.of(posed, None, points).traced(field, z_id, z_ex)
    rest = field.expression.rest
    found = traced.found
    assert found.float().mean() > 0.9
    assert (traced.canonical(z_ex + rest) - points).norm(dim=1)[found].median() < 2e-5
    step = torch.zeros(52)
    step[INDEX["mouthSmileLeft"]] = 0.02
    slope = torch.func.jvp(lambda w: traced.canonical(w + rest), (z_ex,), (step,))[1]
    again = CanonicalPoints.of(posed, None, points).traced(field, z_id, z_ex + step)
    difference = again.canonical(z_ex + step + rest) - traced.canonical(z_ex + rest)
    both = found & again.found
    assert (slope - difference).norm(dim=1)[both].median() < 0.1 * difference.norm(dim=1)[both].max()
    assert (slope - difference).norm(dim=1)[both].mean() < 0.25 * difference.norm(dim=1)[both].mean()


def test_points_that_are_not_finite_are_refused(field: HeadField) -> None:
    with pytest.raises(InputError, match="not finite"):
        invert(field, torch.full((100, 3), torch.nan), beta=torch.zeros(100))
