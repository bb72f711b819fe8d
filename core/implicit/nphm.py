"""NPHM's fields: ensembles of local MLPs (Giebenhain et al., "Neural Parametric Head Models", CVPR 2023)."""

from torch import Tensor, nn

from .ensemble import EnsembleConfig, LocalEnsemble
from .latents import HAIR, IDENTITY, LatentSpace


class NPHM(nn.Module):
    """The backbone: Delta and delta from identity and the local codes."""

    def __init__(self, config: EnsembleConfig, latents: LatentSpace) -> None:
        super().__init__()
        self.latents = latents
        self.ensemble = LocalEnsemble(config, IDENTITY, 4)

    def forward(self, points: Tensor, z_id: Tensor) -> Tensor:
        """points `[B, N, 3]`, z_id `[B, D]` to `[B, N, 4]` metres. Raises InputError for a z_id of another size."""
        identity, _, local = self.latents.checked(z_id).split([IDENTITY, HAIR, self.latents.local], 1)
        return self.ensemble(points, identity, local)


class NPHMHair(nn.Module):
    """The hair layer, around the anchors of the mean head."""

    def __init__(self, config: EnsembleConfig) -> None:
        super().__init__()
        self.ensemble = LocalEnsemble(config, HAIR, 1)

    def forward(self, template_points: Tensor, z_hair: Tensor) -> Tensor:
        """template_points `[B, N, 3]`, z_hair `[B, 32]` to `[B, N]` metres."""
        return self.ensemble(template_points, z_hair)[..., 0]
