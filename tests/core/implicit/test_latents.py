"""Latent codes: what lies between two heads."""

import pytest
import torch

from likeness.core.implicit.latents import HAIR, IDENTITY, LatentSpace

LOCAL = 3


@pytest.fixture(scope="module")
def latents() -> LatentSpace:
    """Two styles beside the bald head."""
    return LatentSpace(torch.stack([torch.zeros(HAIR), torch.ones(HAIR), torch.full((HAIR,), -3.0)]), LOCAL)


def head(latents: LatentSpace, value: float, style: int) -> torch.Tensor:
    """z_id `[1, D]`: identity and local codes are `value` throughout."""
    beta = torch.full((1, IDENTITY), value)
    z_id = latents.of_beta(beta, latents.hair_codes[style][None])
    z_id[:, IDENTITY + HAIR :] = value
    return z_id


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_everything_of_two_heads_with_hair_is_mixed(latents: LatentSpace, share: float) -> None:
    first, second = head(latents, 1.0, 1), head(latents, 2.0, 2)
    torch.testing.assert_close(latents.mixed(first, second, share), (1 - share) * first + share * second)


@pytest.mark.parametrize(("styles", "share", "style"), [
    ((0, 1), 0.0, 0), ((0, 1), 0.49, 0), ((0, 1), 0.5, 1), ((0, 1), 1.0, 1),
    ((2, 0), 0.0, 2), ((2, 0), 0.49, 2), ((2, 0), 0.5, 0), ((0, 0), 0.3, 0),
])  # fmt: skip
def test_hair_is_the_nearer_head_s_where_one_is_bald(
    latents: LatentSpace, styles: tuple[int, int], share: float, style: int
) -> None:
    """No code lies between none and some, and the rest is mixed all the same."""
    mixed = latents.mixed(head(latents, 1.0, styles[0]), head(latents, 2.0, styles[1]), share)
    assert torch.equal(latents.hair(mixed)[0], latents.hair_codes[style])
    rest = torch.cat([mixed[:, :IDENTITY], mixed[:, IDENTITY + HAIR :]], 1)
    torch.testing.assert_close(rest, torch.full_like(rest, 1 + share))


def test_each_head_of_a_batch_has_its_own_hair(latents: LatentSpace) -> None:
    first = torch.cat([head(latents, 1.0, 1), head(latents, 1.0, 0)])
    second = torch.cat([head(latents, 2.0, 2), head(latents, 2.0, 2)])
    hair = latents.hair(latents.mixed(first, second, 0.5))
    torch.testing.assert_close(hair, torch.stack([torch.full((HAIR,), -1.0), latents.hair_codes[2]]))
