"""Recipe `triplane-ablation`: the tri-plane model with parts of its objective, all on the same short schedule.

The rows of the slides: the 3D loss alone (surface and normals), with regularisation (distance around the surface,
eikonal, correspondence, small corrections), the 2D loss with regularisation, and all of it. They are for comparison
only, and are kept in the cache.
"""

from dataclasses import replace
from pathlib import Path

from ...implicit.heads import head_field_tensors
from ...implicit.triplane import TriPlaneConfig
from ..publish import publish
from .adversarial import ImageWeights
from .head_fields import FieldRecipe, train_surface
from .objective import IdentityWeights
from .samples import samples
from .trainer import Schedule, cache_folder, fabric

SKIN, HAIR = Schedule(500, 6e-3, muon=3.0), Schedule(300, 6e-3, muon=3.0)
IMAGES = Schedule(120, 3e-3, muon=3.0, warmup=20, average=0.95)
REGULAR = IdentityWeights(surface=0, normal=0)
ROWS = {
    "3d": (IdentityWeights(distance=0, eikonal=0, correspondence=0, carried=0, correction=0), None),
    "3d-regularised": (IdentityWeights(), None),
    "2d-regularised": (REGULAR, ImageWeights()),
    "full": (IdentityWeights(), ImageWeights()),
}
"""Row -> its losses in space and, if it has any, on normal maps."""


def ablation_folder() -> Path:
    """Where the rows' weights lie, `<row>.safetensors`."""
    return cache_folder() / "ablation"


def train_ablation(data: Path, out: Path, seed: int) -> None:  # noqa: ARG001 nothing to ship
    """Train every row's identity field. Raises InputError when the data are missing."""
    heads = samples(data, "train")
    for row, (weights, image_weights) in ROWS.items():
        recipe = FieldRecipe(f"ablation-{row}", TriPlaneConfig(), SKIN, HAIR, weights=weights)
        if image_weights:
            recipe = replace(recipe, images=IMAGES, image_weights=image_weights)
        field, _ = train_surface(recipe, data, heads, seed, fabric())
        tensors, metadata = head_field_tensors(field)
        publish(row, ablation_folder(), tensors, {"recipe": "likeness train triplane-ablation"}, metadata)
