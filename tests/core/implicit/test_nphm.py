"""NPHM's fields: what of the code each of the ensembles reads."""

import pytest
import torch

from likeness.core.errors import InputError
from likeness.core.implicit.ensemble import EnsembleConfig
from likeness.core.implicit.latents import HAIR, IDENTITY, LatentSpace
from likeness.core.implicit.nphm import NPHM, NPHMHair

CONFIG = EnsembleConfig(octaves=2, width=8, depth=2, code=6, free=3)
POINTS = 0.2 * (torch.rand(2, 50, 3, generator=torch.Generator().manual_seed(0)) - 0.5)


@pytest.fixture
def nphm() -> NPHM:
    torch.manual_seed(1)
    made = NPHM(CONFIG, LatentSpace(torch.zeros(1, HAIR), CONFIG.local_size))
    for field in made.ensemble.fields:
        torch.nn.init.normal_(field.last.weight, std=0.3)
    return made


@pytest.mark.parametrize(("first", "last", "matters"), [
    (0, IDENTITY, True), (IDENTITY, IDENTITY + HAIR, False), (IDENTITY + HAIR, None, True),
])  # fmt: skip
def test_identity_and_local_codes_matter_and_hair_does_not(
    nphm: NPHM, first: int, last: int | None, matters: bool
) -> None:
    z_id = torch.randn(2, nphm.latents.size)
    other = z_id.clone()
    other[:, first:last] = torch.randn_like(other[:, first:last])
    assert torch.equal(nphm(POINTS, z_id), nphm(POINTS, other)) != matters


def test_a_code_of_another_size_is_refused(nphm: NPHM) -> None:
    with pytest.raises(InputError, match="132 values where this model takes"):
        nphm(torch.zeros(1, 5, 3), torch.zeros(1, IDENTITY + HAIR))


def test_untrained_hair_is_nowhere() -> None:
    assert not NPHMHair(CONFIG)(POINTS, torch.randn(2, HAIR)).any()
