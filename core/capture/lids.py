"""A person's own lids: how far eyes are open at rest that a photo shows with a smile.

The fit takes all that narrows an eye for the smile's squint, and without the smile every eye would be wide open. Which
share of it is the person's no photo tells; the least that any photo shows is halved.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from ..parametric.arkit import INDEX
from ..parametric.assembly import arkit_deltas
from ..parametric.head import SHAPES, HeadModel
from .landmark_fit import LandmarkFit

SQUINTS = ("cheekSquintLeft", "cheekSquintRight", "eyeSquintLeft", "eyeSquintRight")
AT_REST = 0.5
"""Share of the least squint that stays at rest."""
REACH = 0.012
"""Metres from the lids over which it fades: cheeks rest."""


def own_lids(model: HeadModel, fits: Sequence[LandmarkFit]) -> tuple[HeadModel, list[LandmarkFit]]:
    """The `model` with the resting lids of the person that `fits` fit, and the fits with as much less of a squint."""
    names = [INDEX[name] for name in SQUINTS]
    rest = np.zeros(len(fits[0].arkit))
    rest[names] = AT_REST * np.min([fit.arkit[names] for fit in fits], 0)
    deltas = arkit_deltas(model, np.zeros(SHAPES, np.float32))
    moved = sum(rest[INDEX[name]] * deltas[name] for name in SQUINTS)
    lids = model.v_template[model.masks["eyelids"] > 0.5]
    near = np.clip(1 - cKDTree(lids).query(model.v_template)[0] / REACH, 0, 1)
    share = (near * near * (3 - 2 * near))[:, None]
    own = replace(model, v_template=(model.v_template + share * moved).astype(np.float32))
    return own, [replace(fit, arkit=fit.arkit - rest) for fit in fits]
