"""The latent code of a head: identity, hair, and what a model adds."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError

IDENTITY, HAIR = 100, 32
"""Identity is the head model's `beta`; hair the whitened principal components of the training hair's fields."""


@dataclass(frozen=True)
class LatentSpace:
    """z_id = identity [100], hair [32], local codes [`local`]; identity and local codes are ~N(0, 1)."""

    hair_codes: Tensor
    """[K, 32] codes of the training hair; the first is the bald head's."""
    local: int = 0

    @property
    def size(self) -> int:
        return IDENTITY + HAIR + self.local

    @property
    def bald(self) -> Tensor:
        """[32] the hair code of no hair."""
        return self.hair_codes[0]

    def hair(self, z_id: Tensor) -> Tensor:
        """The hair code `[B, 32]` of z_id `[B, D]`; all zeros is bald."""
        return z_id[:, IDENTITY : IDENTITY + HAIR]

    def without_hair(self, z_id: Tensor) -> Tensor:
        """z_id `[B, D]` with the bald head's hair code."""
        return torch.cat([z_id[:, :IDENTITY], self.bald.expand(len(z_id), -1), z_id[:, IDENTITY + HAIR :]], 1)

    def of_beta(self, beta: Tensor, hair: Tensor | None = None) -> Tensor:
        """z_id `[B, D]` of shapes `[B, 100]` and hair codes `[B, 32]` (bald where None), local codes at rest."""
        hair = self.bald.expand(len(beta), -1) if hair is None else hair
        return self.extended(torch.cat([beta, hair], 1))

    def extended(self, z: Tensor) -> Tensor:
        """Identity and hair `[B, 132]` as z_id `[B, D]`, with the local codes at rest."""
        return torch.cat([z, z.new_zeros(len(z), self.local)], 1)

    def mixed(self, first: Tensor, second: Tensor, share: float) -> Tensor:
        """z_id `[B, D]` between two: `first` at share 0, `second` at 1.

        Hair mixes with hair alone: half a style is none. Where one head is bald, the hair is the nearer head's.
        """
        between = torch.lerp(first, second, share)
        both = self.hair(first).any(1) & self.hair(second).any(1)
        hair = torch.where(both[:, None], self.hair(between), self.hair(first if share < 0.5 else second))
        return torch.cat([between[:, :IDENTITY], hair, between[:, IDENTITY + HAIR :]], 1)

    def sample(self, generator: torch.Generator, hair: bool) -> Tensor:
        """A random head `[1, D]`. Hair is a blend of two training styles: between styles lies hair, around them not.

        Identity is drawn a little narrower than it was trained, as NPHM does, so that no head is a caricature.
        """
        beta = 0.85 * torch.randn(1, IDENTITY, generator=generator)
        if not hair or len(self.hair_codes) < 3:
            return self.of_beta(beta.to(self.bald))
        chosen = 1 + torch.randperm(len(self.hair_codes) - 1, generator=generator)[:2]
        share = 0.25 * torch.rand(1, generator=generator)
        first, second = self.hair_codes[chosen.to(self.bald.device)]
        return self.of_beta(beta.to(self.bald), torch.lerp(first, second, share.to(self.bald))[None])

    def checked(self, z_id: Tensor) -> Tensor:
        """z_id `[D]` or `[B, D]` as `[B, D]`. Raises InputError for another size or values that are not finite."""
        if z_id.ndim not in (1, 2) or z_id.shape[-1] != self.size:
            shape = " x ".join(map(str, z_id.shape))
            raise InputError(f"The latent has {shape} values where this model takes {self.size}; use one it made.")
        if not torch.isfinite(z_id).all():
            raise InputError("The latent holds values that are not finite numbers; use one that a model made.")
        return z_id.reshape(-1, self.size)
