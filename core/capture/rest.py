"""A person's own face at rest: how far eyes are open and where the mouth's corners lie that a photo shows in a smile.

The fit takes all that narrows an eye for the smile's squint, and all that lifts the corners of the mouth for the smile:
without, every eye would stare and every mouth be stern. Which share of it is the person's no photo tells; a share of
the least that any photo shows stays.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from ..parametric.arkit import INDEX
from ..parametric.assembly import arkit_deltas
from ..parametric.head import SHAPES, HeadModel
from .landmark_fit import LandmarkFit

SQUINTS = {f"{name}Squint{side}": 0.5 for name in ("cheek", "eye") for side in ("Left", "Right")}
"""Share of the least of each that stays at rest, on the lids alone."""
SMILES = {f"mouthSmile{side}": 0.2 for side in ("Left", "Right")}
"""The same of what stays everywhere."""
REACH = 0.012
"""Metres from the lids over which the squint fades: cheeks rest."""


def own_rest(model: HeadModel, fits: Sequence[LandmarkFit]) -> tuple[HeadModel, list[LandmarkFit]]:
    """The `model` with the face at rest of the person that `fits` fit, and the fits with as much less expression."""
    rest = np.zeros(len(fits[0].arkit))
    for name, share in {**SQUINTS, **SMILES}.items():
        rest[INDEX[name]] = share * min(fit.arkit[INDEX[name]] for fit in fits)
    deltas = arkit_deltas(model, np.zeros(SHAPES, np.float32))
    squint, smile = (sum(rest[INDEX[name]] * deltas[name] for name in names) for names in (SQUINTS, SMILES))
    moved = _near_lids(model)[:, None] * squint + smile
    own = replace(model, v_template=(model.v_template + moved).astype(np.float32))
    return own, [replace(fit, arkit=fit.arkit - rest) for fit in fits]


def _near_lids(model: HeadModel) -> np.ndarray:
    """[V] 1 on the lids, 0 beyond REACH."""
    lids = model.v_template[model.masks["eyelids"] > 0.5]
    near = np.clip(1 - cKDTree(lids).query(model.v_template)[0] / REACH, 0, 1)
    return near * near * (3 - 2 * near)
