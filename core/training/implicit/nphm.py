"""Recipe `nphm`: where the anchors of the ensemble lie, and its schedules."""

from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree

from ...implicit.ensemble import PAIRS, EnsembleConfig
from ...implicit.field import CANONICAL_JAW, HeadField
from ...implicit.latents import HAIR, IDENTITY
from ...implicit.nphm import NPHM, NPHMHair
from ...parametric.arkit import INDEX
from ...parametric.head import HeadModel
from .hair import HairLibrary
from .head_fields import FieldRecipe, train_head_field
from .sampling import samples_folder
from .trainer import Schedule

LANDMARKS = {
    "outer corner of the eye": 45,
    "inner corner of the eye": 42,
    "brow": 24,
    "wing of the nose": 35,
    "corner of the mouth": 54,
    "jaw": 12,
}
"""Anchors of the left side that the Multi-PIE markup has."""
PLACES = {
    "cheek": (0.052, 0.0, 0.085),
    "upper ear": (0.085, 0.05, 0.005),
    "ear lobe": (0.078, -0.01, 0.015),
    "temple": (0.072, 0.06, 0.045),
    "forehead": (0.045, 0.09, 0.075),
    "neck": (0.055, -0.1, 0.0),
    "parietal": (0.075, 0.08, -0.02),
    "crown": (0.045, 0.13, -0.01),
    "occiput": (0.05, 0.06, -0.08),
    "nape": (0.045, -0.03, -0.06),
}
"""And those that it has not: metres on the mean head, each moved to the nearest vertex of the skin."""
MIDLINE_LANDMARKS = {"tip of the nose": 30, "lips": 62, "chin": 8}
MIDLINE_PLACES = {
    "glabella": (0.0, 0.085, 0.1),
    "top": (0.0, 0.145, 0.0),
    "back": (0.0, 0.05, -0.092),
    "throat": (0.0, -0.13, 0.05),
}
REACH, LEAST_RADIUS = 1.5, 0.03
"""An anchor reaches `REACH` times as far as its nearest neighbour, but no less than 3 cm."""


def train_nphm(data: Path, out: Path, seed: int) -> None:
    """The ensemble; writes `nphm.safetensors` and its card to `out`. Raises InputError when the data are missing."""
    recipe = FieldRecipe("nphm", EnsembleConfig(), Schedule(1500, 1e-3), prepare=place_anchors)
    train_head_field(recipe, data, out, seed)


def place_anchors(field: HeadField) -> None:
    """Give the field's ensemble its anchors, which are vertices of the head model in the canonical pose.

    The true anchors of a head are linear in its `beta` (at a given pose, skinning is), so the predictor is exact and
    there is nothing to train.
    """
    model = HeadModel.load()
    betas = np.concatenate([np.zeros((1, IDENTITY)), np.eye(IDENTITY)]).astype(np.float32)
    jaw = INDEX["jawOpen"]
    pose = [
        np.repeat(CANONICAL_JAW * arkit[None, jaw], len(betas), 0) for arkit in (model.arkit_psi, model.arkit_theta)
    ]
    vertices = model.vertices(betas, *pose)
    chosen = anchor_vertices(model, vertices[0])
    mean, moved = vertices[0, chosen], vertices[1:, chosen] - vertices[0, chosen]
    assert isinstance(field.backbone, NPHM)
    assert isinstance(field.hair, NPHMHair)
    reach = radii(mean)
    still = np.zeros((*mean.shape, HAIR))
    for ensemble, basis, mirror in (
        (field.backbone.ensemble, moved.transpose(1, 2, 0), identity_mirror(model)),
        (field.hair.ensemble, still, HairLibrary.cached_mirror(samples_folder())),
    ):
        ensemble.place(*(torch.tensor(array, dtype=torch.float32) for array in (mean, basis, reach, mirror)))


def anchor_vertices(model: HeadModel, vertices: np.ndarray) -> list[int]:
    """[23] vertices of the skin: the left side's anchors, then the midline's. `vertices` [V, 3] of the mean head."""
    skin = np.flatnonzero(model.vertex_part == model.parts.index("skin"))
    tree = cKDTree(vertices[skin])
    chosen: list[int] = []
    for landmarks, places in ((LANDMARKS, PLACES), (MIDLINE_LANDMARKS, MIDLINE_PLACES)):
        chosen += [int(model.landmarks68[index]) for index in landmarks.values()]
        chosen += [int(skin[tree.query(place)[1]]) for place in places.values()]
    return chosen


def radii(mean: np.ndarray) -> np.ndarray:
    """[23] metres that the anchors `mean` [23, 3] reach: far where they are sparse."""
    both = np.concatenate([mean, mean[:PAIRS] * np.array([-1, 1, 1], mean.dtype)])
    return np.maximum(REACH * cKDTree(both).query(mean, 2)[0][:, 1], LEAST_RADIUS)


def identity_mirror(model: HeadModel) -> np.ndarray:
    """[100] +1 for the shape components that are symmetric, -1 for those that are antisymmetric."""
    shapes = model.shapedirs[:, :, :IDENTITY]
    reflected = shapes[model.mirror] * np.array([-1, 1, 1], shapes.dtype)[:, None]
    return np.sign((shapes * reflected).sum((0, 1)))
