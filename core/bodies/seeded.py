"""The body of a seed, and what it has to remember to be made again with another shape or another detail."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial

import numpy as np

from ..avatar import Avatar
from ..parametric.body import BodyModel
from ..version import VERSION
from .avatar import body_avatar
from .dressing import Dresser
from .shape import checked_seed, given_beta, random_beta
from .sliders import RANGES, BodySliders

SEXES, EITHER = (0.1, 0.9), 0.07
"""The sex of women and men of a seed, on the slider, and its deviation: betas alone make most people neither."""
YOUNGEST, YEARS, YOUNG = 18.0, 60.0, (1.1, 2.2)
"""Ages of a seed's people: from the youngest over so many years, by a beta distribution that favours the young."""
BUILD = 0.15
"""Deviation of weight and muscle from the mean's 0.5."""


def seeded_body(
    model: BodyModel,
    seed: int,
    *,
    shape_seed: int | None = None,
    detail_seed: int | None = None,
    beta: Sequence[float] | None = None,
    wanted: Mapping[str, float] | None = None,
    resolution: int = 256,
    joint_names: str = "smpl",
    dresser: Dresser | None = None,
) -> Avatar:
    """The body whose shape is of `shape_seed` and whose detail is of `detail_seed`, each the seed where it is None.

    A `dresser` gives it clothes of the same two seeds, at `resolution` cells a body's height; without one it is bare.

    `beta`, up to 16 numbers, takes the place of the seed's shape; `wanted` are values of `sliders.RANGES`, the others
    are the shape's own. All of it is in the Avatar's parameters: the three seeds, `resolution`, every slider, `chosen`
    (1 where it was wanted, in the order of `RANGES`), and `given_beta` where there is one. Raises UsageError for a
    negative seed, InputError for a shape that nobody has.
    """
    seeds = {
        "seed": checked_seed(seed),
        "shape_seed": checked_seed(seed if shape_seed is None else shape_seed),
        "detail_seed": checked_seed(seed if detail_seed is None else detail_seed),
    }
    sliders, wanted = BodySliders.load(), wanted or {}
    if beta is None:
        shape = random_shape(seeds["shape_seed"], sliders, model, wanted)
    else:
        shape = sliders.changed(given_beta(beta, model), wanted, model)
    told = {**asdict(sliders.of(shape, model)), **wanted}
    stored = {**seeds, "resolution": resolution, **told, "chosen": [float(name in wanted) for name in RANGES]}
    if beta is not None:
        stored["given_beta"] = beta
    make = partial(body_avatar, model, shape, name=f"Body {seed}", joint_names=joint_names, version=VERSION)
    if dresser is None:
        return make(parameters=stored)
    worn = dresser.dressed(
        shape, shape_seed=seeds["shape_seed"], detail_seed=seeds["detail_seed"], resolution=resolution
    )
    return make(
        extra_parts=worn.parts, hidden=worn.hidden, materials=worn.materials, parameters=stored | worn.parameters
    )


def random_shape(
    seed: int, sliders: BodySliders, model: BodyModel, wanted: Mapping[str, float] | None = None
) -> np.ndarray:
    """`[16]` float32 of an adult, woman or man; what is `wanted` of them is as wanted, and the rest as without it.

    Raises UsageError for a negative seed, InputError for what nobody is.
    """
    rng = np.random.default_rng([checked_seed(seed), 5])
    drawn = {
        "sex": rng.choice(SEXES) + EITHER * rng.standard_normal(),
        "age": YOUNGEST + YEARS * rng.beta(*YOUNG),
        "weight": 0.5 + BUILD * rng.standard_normal(),
        "muscle": 0.5 + BUILD * rng.standard_normal(),
    }
    person = {name: float(np.clip(value, *RANGES[name])) for name, value in drawn.items()}
    return sliders.changed(random_beta(seed, model), person | dict(wanted or {}), model)
