"""Dressing a body: from its shape and seeds to clothes, shoes and hair on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..avatar import Material, Part
from ..geometry.isosurface import check_resolution
from ..implicit.gdna import Gdna, load_gdna
from ..implicit.gdna_detail import Details, load_details
from ..parametric.body import BodyModel
from ..rendering.image_files import encode
from .avatar import MATERIALS
from .clothes import baked_normals, layer_mesh, layer_part
from .colors import cloth_material, person_colors
from .garments import Codes, Garments
from .mean_body import MeanBody

TEXELS = {"top": 1536, "bottom": 1536, "shoes": 512, "hair": 1024}

OnProgress = Callable[[str, float], None]


@dataclass(frozen=True)
class Dressed:
    """What a body wears."""

    parts: list[Part]
    materials: dict[str, Material]
    hidden: np.ndarray
    """[Vm] bool: the model's vertices that it covers."""
    parameters: dict[str, list[float]]
    """`z_top`, `z_bottom`, `z_shoes`, `z_hair` of what is worn, and `z_detail`."""


@dataclass(frozen=True)
class Dresser:
    """gDNA's fields about the mean body."""

    body: MeanBody
    field: Gdna
    details: Details
    progress: OnProgress

    @classmethod
    def load(cls, model: BodyModel, progress: OnProgress = lambda _stage, _share: None) -> "Dresser":
        """`progress` is told what is made. Raises EngineError when weights are missing or damaged."""
        return cls(MeanBody(model), load_gdna(), load_details(), progress)

    def codes(self, beta: np.ndarray, seed: int) -> Codes:
        """What a body `beta` [16] wears by the seed of its shape code."""
        return self.field.sample(beta, np.random.default_rng([seed, 1]))

    def dressed(
        self,
        beta: np.ndarray,
        *,
        shape_seed: int,
        detail_seed: int,
        resolution: int,
    ) -> Dressed:
        """The body `beta` [16] dressed: garments by one seed, their folds by another. `resolution` cells are the mean
        body's height. Raises InputError for a resolution that is out of bounds, EngineError.
        """
        check_resolution(resolution)
        codes = self.codes(beta, shape_seed)
        z_detail = self.details.sample(torch.Generator().manual_seed(detail_seed))
        shaped = self.body.model.shaped(beta)[self.body.skin].astype(np.float64)
        colors = person_colors(shape_seed)
        self.progress("Cutting the clothes", 0)
        garments = Garments.made(self.field, codes, self.body, resolution)
        parts, materials = [], {"skin": replace(MATERIALS["skin"], color=colors["skin"])}
        for number, layer in enumerate(codes):
            self.progress(f"Making the {layer}", number / len(codes))
            mesh = layer_mesh(garments, layer, resolution)
            parts.append(layer_part(self.field, layer, mesh, self.body, shaped))
            normals = baked_normals(self.field, self.details, layer, mesh, codes, z_detail, TEXELS[layer])
            materials[layer] = cloth_material(layer, colors[layer], encode(normals))
        stored = {f"z_{layer}": z[0].tolist() for layer, z in codes.items()}
        return Dressed(
            parts,
            materials,
            garments.covered_skin(),
            stored | {"z_detail": z_detail[0].tolist()},
        )
