"""The recipes of `likeness train`.

A recipe is a function `(data: Path, out: Path, seed: int) -> None`: it reads the training data from `data`, writes the
weights `out/<name>.safetensors` and their card `out/<name>.json` (see `likeness.core.weights`), and shows its progress.
"""

from collections.abc import Callable
from pathlib import Path

from ..registry import find

RECIPES = {
    "head-model": "head_model:train_head_model",
    "head-template": "implicit.template:train_head_template",
    "npm": "implicit.head_fields:train_npm",
    "nphm": "implicit.nphm:train_nphm",
    "triplane": "implicit.head_fields:train_triplane",
    "triplane-ablation": "implicit.ablation:train_ablation",
    "imavatar": "implicit.imavatar:train_imavatar",
    "landmarks": "landmarks:train_landmarks",
    "albedo": "albedo:train_albedo",
    "albedo-basis": "photo.albedo_basis:train_albedo_basis",
    "displacement-prior": "photo.displacement_prior:train_displacement_prior",
    "fine-net": "photo.fine_net:train_fine_net",
    "body-model": "body_model.recipe:train_body_model",
    "gdna": "gdna.recipe:train_gdna",
    "gdna-detail": "gdna.detail:train_gdna_detail",
    "gdna-detail-cosine": "gdna.detail:train_gdna_detail_cosine",
    "gdna-features": "gdna.features:train_gdna_features",
    "body-sliders": "body_model.sliders:train_body_sliders",
    "coarse-net": "photo.coarse_net:train_coarse_net",
    "encoder": "photo.encoder:train_encoder",
    "snarf": "implicit.snarf:train_snarf",
}


def recipe(name: str) -> Callable[[Path, Path, int], None]:
    """The recipe of that name. Raises UsageError."""
    return find("recipe", RECIPES, name, __package__)
