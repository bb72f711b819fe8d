"""Recipes `npm` and `triplane`, and what every implicit head's recipe shares: identity first, then expression."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ...implicit.expression import KEYS, ExpressionConfig
from ...implicit.field import CANONICAL_JAW, HeadField
from ...implicit.heads import build_head_field, head_field_tensors
from ...implicit.latents import LatentSpace
from ...implicit.npm import NPMConfig
from ...implicit.template import Template
from ...implicit.triplane import TriPlaneConfig
from ...parametric.arkit import INDEX
from ...weights import weights_path
from ..publish import publish
from .adversarial import ImageObjective, ImageWeights
from .hair import KINDS, HairLibrary
from .heads import REGIONS, HeadSampler
from .objective import MM, HairBatch, IdentityWeights, SkinBatch, expression_losses, hair_losses, identity_losses
from .samples import SampleSet, samples
from .sampling import samples_folder
from .trainer import Losses, Outcome, Schedule, fabric, train

HAIR, EXPRESSION = Schedule(1000, 1e-3), Schedule(1200, 1e-3)
HEADS, SURFACE, SPACE = 64, 128, 160
"""Per step. Many heads with few points each: identity is what there is most to learn of."""
CARRIED = 16, 48
"""Heads with hair per step of the skin's training, and points of their hair."""
HAIRY = 24, 256, 384
"""Per step of the hair's training: heads, points on the hair, points around it."""
ORIENTED = 24
"""Surface points of each head on which the normal is asked for."""

DATA = (
    "ICT-FaceKit light model, USC Institute for Creative Technologies (Li et al., CVPR 2020), MIT licence; "
    "hair of MakeHuman's assets, CC0"
)


@dataclass(frozen=True)
class FieldRecipe:
    """How one model is trained."""

    name: str
    config: Any
    """One of `likeness.core.implicit.heads.CONFIGS`."""
    identity: Schedule
    hair: Schedule = HAIR
    expression: Schedule = EXPRESSION
    images: Schedule | None = None
    """A further stage of identity with the 2D objective."""
    weights: IdentityWeights = field(default_factory=IdentityWeights)
    image_weights: ImageWeights = field(default_factory=ImageWeights)
    prepare: Callable[[HeadField], None] | None = None
    """What the untrained field is given before the first step."""


def train_npm(data: Path, out: Path, seed: int) -> None:
    """The global MLPs; writes `npm.safetensors` and its card to `out`. Raises InputError when the data are missing."""
    # Slow output weights: those of a wide network overshoot together while they find the hair's mean distance.
    recipe = FieldRecipe("npm", NPMConfig(), identity=Schedule(3000, 1e-3), hair=Schedule(1200, 1e-4, muon=100.0))
    train_head_field(recipe, data, out, seed)


def train_triplane(data: Path, out: Path, seed: int) -> None:
    """The tri-plane model; writes `triplane.safetensors` and its card to `out`. Raises InputError without the data."""
    recipe = FieldRecipe(
        "triplane",
        TriPlaneConfig(),
        identity=Schedule(3600, 6e-3, muon=3.0),
        hair=Schedule(1500, 6e-3, muon=3.0),
        images=Schedule(240, 1.5e-3, muon=3.0, warmup=20),
    )
    train_head_field(recipe, data, out, seed)


def train_head_field(recipe: FieldRecipe, data: Path, out: Path, seed: int) -> None:
    """Train skin, hair and expression, and write weights and card. Raises InputError when the data are missing."""
    heads = samples(data, "train")
    run = fabric()
    head, outcomes = train_surface(recipe, data, heads, seed, run)
    outcomes["expression"] = train_expression(recipe, head, heads, HeadSampler.load(data), seed, run)
    publish_field(recipe, head, out, outcomes, held_out_error(head, samples(data, "test")))


def train_surface(
    recipe: FieldRecipe, data: Path, heads: SampleSet, seed: int, run: Fabric
) -> tuple[HeadField, dict[str, Outcome]]:
    """A head with all but its expression trained: the skin, the hair, then, where the recipe says so, normal maps."""
    torch.manual_seed(seed)
    head = untrained_field(recipe.config)
    if recipe.prepare:
        recipe.prepare(head)
    head.to(run.device)

    def skin(step: int) -> Losses:
        rng = np.random.default_rng([seed, step])
        batch, hair = (
            skin_batch(head.latents, heads, rng, run.device),
            hair_batch(head.latents, heads, rng, run.device, *CARRIED, 1),
        )
        return identity_losses(head, batch, hair, recipe.weights, ORIENTED)

    def hair(step: int) -> Losses:
        batch = hair_batch(head.latents, heads, np.random.default_rng([seed, 2, step]), run.device, *HAIRY)
        return hair_losses(head, batch, ORIENTED)

    outcomes = {
        "skin": train(f"{recipe.name}-skin", head.backbone, skin, recipe.identity, run),
        "hair": train(f"{recipe.name}-hair", head.hair, hair, recipe.hair, run),
    }
    if recipe.images:
        objective = ImageObjective(data, heads, recipe.image_weights, seed, run)
        trained = nn.ModuleList([head.backbone, head.hair, objective.discriminator])

        def images(step: int) -> Losses:
            solid = skin(recipe.identity.steps + step)
            return (
                solid
                | {f"hair_{key}": term for key, term in hair(recipe.hair.steps + step).items()}
                | objective(head, step)
            )

        outcomes["images"] = train(f"{recipe.name}-images", trained, images, recipe.images, run)
    return head, outcomes


def untrained_field(config: Any) -> HeadField:
    """A field of that config on the shipped template and the hair codes of the samples."""
    rest = torch.zeros(KEYS)
    rest[INDEX["jawOpen"]] = -CANONICAL_JAW
    codes = torch.tensor(HairLibrary.cached_codes(samples_folder())[: 1 + len(KINDS["train"])])
    return build_head_field(config, ExpressionConfig(), Template.load(weights_path("head_template")), codes, rest)


def train_expression(
    recipe: FieldRecipe, head: HeadField, heads: SampleSet, sampler: HeadSampler, seed: int, run: Fabric
) -> Outcome:
    """The expression field, at the template points that the trained identity itself finds."""
    shapes = torch.tensor(np.moveaxis(sampler.expression, 0, 1)).to(run.device)
    triangles = torch.tensor(sampler.triangles).to(run.device)

    def losses(step: int) -> Losses:
        rng = np.random.default_rng([seed, 1, step])
        rows = heads.skin_batch(rng, heads=16, surface=192, space=1)
        points, z_id = _tensor(rows["surface_points"], run), head.latents.extended(_tensor(rows["z"], run))
        triangle = torch.tensor(rows["surface_triangle"]).to(run.device).long()
        moved = shapes[triangles[triangle]]
        truth = torch.einsum("bnv,bnvkc->bnkc", _tensor(rows["surface_barycentric"], run), moved)
        with torch.no_grad():
            near = points + 5e-4 * torch.randn(points.shape, generator=torch.Generator().manual_seed(step)).to(points)
            template = head.template_points(near, z_id)
        return expression_losses(head, template, truth, z_id)

    return train(f"{recipe.name}-expression", head.expression, losses, recipe.expression, run)


def skin_batch(latents: LatentSpace, heads: SampleSet, rng: np.random.Generator, device: torch.device) -> SkinBatch:
    """Random heads with random points of each."""
    rows = heads.skin_batch(rng, HEADS, SURFACE, SPACE)
    names = ("surface_points", "surface_normals", "surface_template", "space_points", "space_sdf")
    return SkinBatch(*_on(device, latents, rows, names))


def hair_batch(
    latents: LatentSpace,
    heads: SampleSet,
    rng: np.random.Generator,
    device: torch.device,
    count: int,
    surface: int,
    space: int,
) -> HairBatch:
    """`count` random heads that have hair, with random points on it and around it."""
    rows = heads.hair_batch(rng, count, surface, space)
    names = ("hull_points", "hull_normals", "hull_template", "hair_points", "hair_sdf")
    return HairBatch(*_on(device, latents, rows, names))


def _on(
    device: torch.device, latents: LatentSpace, rows: dict[str, np.ndarray], names: tuple[str, ...]
) -> list[Tensor]:
    """z_id and the arrays of those names as float32 tensors."""
    z_id = latents.extended(torch.tensor(rows["z"]))
    return [tensor.to(device) for tensor in (z_id, *(torch.tensor(rows[name].astype(np.float32)) for name in names))]


@torch.no_grad()
def held_out_error(head: HeadField, heads: SampleSet) -> dict[str, float]:
    """Mean |f| in mm on the skin, by region, and on the hair of heads not trained on, at their true codes."""
    device = next(head.parameters()).device
    found: dict[str, list[Tensor]] = {}
    for index in range(len(heads)):
        rows = heads.head(index)
        z_id = head.latents.extended(torch.tensor(heads.z[index : index + 1])).to(device)
        error = head(torch.tensor(rows["surface_points"])[None].to(device), z_id)[0][0].abs().cpu()
        for number, region in enumerate(REGIONS[:-1]):
            found.setdefault(region, []).append(error[torch.tensor(rows["surface_region"] == number)])
        if "hull_points" in rows:
            template = head.template_points(torch.tensor(rows["hull_points"])[None].to(device), z_id)
            found.setdefault(REGIONS[-1], []).append(head.hair(template, head.latents.hair(z_id))[0].abs().cpu())
    return {f"held_out_{region}_mm": round(MM * float(torch.cat(e).mean()), 3) for region, e in found.items()}


def publish_field(
    recipe: FieldRecipe, head: HeadField, out: Path, outcomes: dict[str, Outcome], metrics: dict[str, float]
) -> None:
    """Write the weights in half precision, and a card that says how they came about."""
    tensors, metadata = head_field_tensors(head)
    first = next(iter(outcomes.values()))
    card = {
        "recipe": f"likeness train {recipe.name}",
        "data": DATA,
        "licence": "GPL-3.0-or-later",
        "device": first.device,
        "metrics": metrics,
        "training": {
            stage: {"steps": o.steps, "minutes": o.minutes, "losses_mm": o.losses} for stage, o in outcomes.items()
        },
        "parameters": {
            "identity": sum(p.numel() for part in (head.backbone, head.hair) for p in part.parameters()),
            "expression": sum(p.numel() for p in head.expression.parameters()),
        },
    }
    publish(recipe.name, out, tensors, card, metadata)


def _tensor(array: np.ndarray, run: Fabric) -> Tensor:
    return torch.tensor(array).to(run.device)
