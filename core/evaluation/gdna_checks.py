"""What can be wrong with a random person of gDNA's, and whether its two codes are independent."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..bodies.garments import HIDDEN, Codes, distance, whole_layer
from ..bodies.mean_body import MeanBody
from ..implicit.field import field_gradient
from ..implicit.gdna import STEP, Gdna
from ..implicit.gdna_detail import Details
from ..parametric.smpl_joints import INDEX
from .gdna_people import CELLS, Folds

LIMBS = {"hands": ("wrist", "hand"), "feet": ("ankle", "foot")}
SIDES = ("left", "right")
BARE = 0.9
"""Share of a hand or foot that must be there."""
PROJECTIONS = 4
"""Newton's steps from one surface to another."""
SAME, FARTHEST = 1e-3, 0.04
"""Metres from the other surface at which a point has come there, and how far it may have come."""


def limbs(field: Gdna, codes: Codes, body: MeanBody) -> dict[str, bool]:
    """Whether `hands` are bare, and `feet` bare or in shoes and out of all else, left and right."""
    found = {}
    for limb, joints in LIMBS.items():
        over = {layer: z for layer, z in codes.items() if not (limb == "feet" and layer == "shoes")}
        bare = np.ones(len(body.skin), bool)
        for layer in over.keys() & HIDDEN.keys():
            bare[body.skin] &= distance(field, layer, body.vertices, over) >= -HIDDEN[layer]
        shares = [body.model.lbs_weights[:, [INDEX[f"{side}_{joint}"] for joint in joints]].sum(1) for side in SIDES]
        found[limb] = all(bare[share > 0.9].mean() > BARE for share in shares)
    return found


def fold_correlations(field: Gdna, body: MeanBody, worn: Sequence[Codes], folds: Sequence[Folds]) -> dict[str, float]:
    """Pearson's r of two details' `folds` on two tops `worn`, at points that correspond: over the components of what a
    detail adds to the unit normal; of one detail on both tops, of two on either, and of two on one and the same.
    """
    one, other = worn
    points = torch.from_numpy(_outside(field, one, body)).float()
    there = points
    for _ in range(PROJECTIONS):
        distance = field.distance("top", there[None], other["top"])[0]
        towards = field_gradient(lambda at: field.distance("top", at, other["top"]), there[None], STEP)[0]
        there = there - distance[:, None] * towards / towards.square().sum(1, keepdim=True).clamp_min(0.1)
    left = field.distance("top", there[None], other["top"])[0].abs()
    come = (left < SAME) & ((there - points).norm(dim=1) < FARTHEST)
    come &= torch.from_numpy(body.height(there.numpy()) > 0)
    points, there = points[come], there[come]
    here = [_added(field, points, one["top"], *each) for each in folds]
    away = [_added(field, there, other["top"], *each) for each in folds]
    pairs = {
        "same detail, two shapes": ((here[0], away[0]), (here[1], away[1])),
        "two details, two shapes": ((here[0], away[1]), (here[1], away[0])),
        "two details, same shape": ((here[0], here[1]), (away[0], away[1])),
    }
    return {name: float(np.mean([np.corrcoef(*pair)[0, 1] for pair in both])) for name, both in pairs.items()}


def _added(field: Gdna, points: Tensor, z: Tensor, details: Details, z_detail: Tensor) -> np.ndarray:
    """[3 N] what a detail adds to the normals of a top at points [N, 3]."""
    added = details.normals(field, "top", points[None], z, z_detail) - field.normals("top", points[None], z)
    return added.numpy().ravel()


def _outside(field: Gdna, codes: Codes, body: MeanBody) -> np.ndarray:
    """[N, 3] vertices of a top that are out of the skin and of all else."""
    vertices, _ = whole_layer(field, "top", codes, CELLS)
    points = torch.from_numpy(vertices).float()[None]
    outside = [(field.distance(layer, points, z)[0] > 0).numpy() for layer, z in codes.items() if layer != "top"]
    return vertices[np.all([body.height(vertices) > 0, *outside], axis=0)]
