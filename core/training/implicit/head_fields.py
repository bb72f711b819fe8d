"""Recipes `npm` and `triplane`, and what every implicit head's recipe shares: identity first, then expression."""

from collections.abc import Callable
from dataclasses import dataclass
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
from .hair import HairLibrary
from .heads import HeadSampler
from .objective import IdentityBatch, IdentityWeights, expression_losses, identity_losses
from .samples import SampleSet, samples, samples_folder
from .trainer import Losses, Outcome, Schedule, fabric, train

HEADS, SURFACE, SPACE = 64, 128, 160
"""Per step. Many heads with few points each: identity is what there is most to learn of."""
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
    expression: Schedule
    weights: IdentityWeights = IdentityWeights()
    extra: Callable[[HeadField, IdentityBatch, int], Losses] | None = None
    """Further terms of the model's own: (field, batch, step)."""


def train_npm(data: Path, out: Path, seed: int) -> None:
    """The global MLP; writes `npm.safetensors` and its card to `out`. Raises InputError when the data are missing."""
    train_head_field(FieldRecipe("npm", NPMConfig(), Schedule(4000, 1.5e-3), Schedule(1200, 2e-3)), data, out, seed)


def train_triplane(data: Path, out: Path, seed: int) -> None:
    """The tri-plane model; writes `triplane.safetensors` and its card to `out`. Raises InputError without the data."""
    recipe = FieldRecipe("triplane", TriPlaneConfig(), Schedule(4000, 3e-3), Schedule(1200, 2e-3))
    train_head_field(recipe, data, out, seed)


def train_head_field(recipe: FieldRecipe, data: Path, out: Path, seed: int) -> None:
    """Train identity, then expression, and write weights and card. Raises InputError when the data are missing."""
    heads = samples(data, "train")
    sampler = HeadSampler.load(data)
    torch.manual_seed(seed)
    field = untrained_field(recipe.config)
    run = fabric()
    identity = train_identity(recipe, field, heads, seed, run)
    expression = train_expression(recipe, field, heads, sampler, seed, run)
    publish_field(recipe, field, out, {"identity": identity, "expression": expression})


def untrained_field(config: Any) -> HeadField:
    """A field of that config on the shipped template and the hair codes of the samples."""
    rest = torch.zeros(KEYS)
    rest[INDEX["jawOpen"]] = -CANONICAL_JAW
    codes = torch.tensor(HairLibrary.cached_codes(samples_folder()))
    return build_head_field(config, ExpressionConfig(), Template.load(weights_path("head_template")), codes, rest)


def train_identity(recipe: FieldRecipe, field: HeadField, heads: SampleSet, seed: int, run: Fabric) -> Outcome:
    """Everything but the expression field, on the samples' surfaces, distances and correspondences."""

    def losses(module: nn.Module, step: int) -> Losses:
        batch = identity_batch(field.latents, heads, np.random.default_rng([seed, step]), run.device)
        terms = identity_losses(field, batch, recipe.weights, ORIENTED)
        return terms | (recipe.extra(field, batch, step) if recipe.extra else {})

    return train(f"{recipe.name}-identity", field.backbone, losses, recipe.identity, run)


def train_expression(
    recipe: FieldRecipe, field: HeadField, heads: SampleSet, sampler: HeadSampler, seed: int, run: Fabric
) -> Outcome:
    """The expression field, at the template points that the trained identity field itself finds."""
    shapes = torch.tensor(np.moveaxis(sampler.expression, 0, 1)).to(run.device)
    triangles = torch.tensor(sampler.triangles).to(run.device)

    def losses(module: nn.Module, step: int) -> Losses:
        rng = np.random.default_rng([seed, 1, step])
        rows = heads.batch(rng, heads=16, surface=192, space=1)
        points, z_id = _tensor(rows["surface_points"], run), field.latents.extended(_tensor(rows["z"], run))
        triangle = torch.tensor(rows["surface_triangle"]).to(run.device).long()
        moved = shapes[triangles[triangle.clamp(min=0)]]
        truth = torch.einsum("bnv,bnvkc->bnkc", _tensor(rows["surface_barycentric"], run), moved)
        with torch.no_grad():
            near = points + 5e-4 * torch.randn(points.shape, generator=torch.Generator().manual_seed(step)).to(points)
            template = field.template_points(near, z_id)
        skin = triangle >= 0
        return expression_losses(field, template, truth, z_id, skin)

    return train(f"{recipe.name}-expression", field.expression, losses, recipe.expression, run)


def identity_batch(
    latents: LatentSpace, heads: SampleSet, rng: np.random.Generator, device: torch.device
) -> IdentityBatch:
    """Random heads with random points of each."""
    rows = heads.batch(rng, HEADS, SURFACE, SPACE)
    names = ("surface_points", "surface_normals", "surface_template", "space_points", "space_sdf")
    arrays = [torch.tensor(rows[name].astype(np.float32)).to(device) for name in names]
    return IdentityBatch(latents.extended(torch.tensor(rows["z"]).to(device)), *arrays)


def publish_field(recipe: FieldRecipe, field: HeadField, out: Path, outcomes: dict[str, Outcome]) -> None:
    """Write the weights in half precision, and a card that says how they came about."""
    tensors, metadata = head_field_tensors(field)
    first = next(iter(outcomes.values()))
    card = {
        "recipe": f"likeness train {recipe.name}",
        "data": DATA,
        "licence": "GPL-3.0-or-later",
        "device": first.device,
        "training": {
            stage: {"steps": o.steps, "minutes": o.minutes, "losses_mm": o.losses} for stage, o in outcomes.items()
        },
        "parameters": {
            "identity": sum(p.numel() for p in field.backbone.parameters()),
            "expression": sum(p.numel() for p in field.expression.parameters()),
        },
    }
    publish(recipe.name, out, tensors, card, metadata)


def _tensor(array: np.ndarray, run: Fabric) -> Tensor:
    return torch.tensor(array).to(run.device)
