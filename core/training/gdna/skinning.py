"""gDNA's W: the skinning weights of the space about the mean body, from those of skin and clothes."""

import numpy as np
import torch
from lightning_fabric import Fabric

from ...implicit.gdna import LAYERS
from ...implicit.skinning import SkinningField
from ..implicit.trainer import Losses, Outcome, Schedule, train
from .samples import LayerSamples

SCHEDULE = Schedule(1500, 2e-3, muon=5.0)
CLOTHES, SKIN = 4000, 2000
"""Points per step."""
JITTER = 0.004
"""Metres."""


def train_skinning(field: SkinningField, samples: LayerSamples, persons: int, seed: int, run: Fabric) -> Outcome:
    """Minimise |w - w*|_1 over what the first `persons` of the training figures wear, and over the skin."""
    found = [samples.row("train", index) for index in range(persons)]
    worn = [(p[f"{layer}_surface"], p[f"{layer}_weights"]) for p in found for layer in LAYERS if f"{layer}_points" in p]
    points, weights = (np.concatenate(column) for column in zip(*worn, strict=True))
    skin, of_skin = samples.warp.mean.astype(np.float32), samples.skin_weights

    def losses(step: int) -> Losses:
        rng = np.random.default_rng([seed, 5, step])
        chosen, near = rng.integers(len(points), size=CLOTHES), rng.integers(len(skin), size=SKIN)
        place = np.concatenate([points[chosen], skin[near]]) + rng.normal(0, JITTER, (CLOTHES + SKIN, 3))
        truth = np.concatenate([weights[chosen].astype(np.float32), of_skin[near]])
        at, true = (torch.from_numpy(a.astype(np.float32)).to(run.device) for a in (place, truth))
        return {"weights": (field(at) - true).abs().sum(1).mean()}

    return train("gdna-skinning", field, losses, SCHEDULE, run)
