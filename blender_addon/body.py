"""A body in the scene: what its shape and its detail are of, and what its sliders want until it is made again.

A body is made by the engine, too slowly for each step of a drag: sliders and seeds are a draft in its metadata. What
the artist chose of sex, age and build stays as chosen; the seed says the rest.
"""

import json
from typing import Any

import bpy
from bpy.props import FloatProperty

from ..core.bodies.sliders import RANGES
from . import heads
from .build import METADATA

SEEDS = {"SHAPE": "shape_seed", "DETAIL": "detail_seed"}
"""Code that is resampled -> the parameter that its seed is."""
LABELS = {
    "sex": ("Female / Male", "0 is a woman's body, 1 a man's, and what lies between lies between"),
    "age": ("Age", "Years"),
    "weight": ("Weight", "0 is thin, 0.5 the mean of people of that sex and age, 1 heavy"),
    "muscle": ("Muscle", "0 is slack, 0.5 the mean of people of that sex and age, 1 muscular"),
    "height": ("Height", "From the soles to the top of the head; without it, a body is as tall as its sex and age ask"),
}
"""Slider -> its name and its tooltip."""
MEAN = {"sex": 0.5, "age": 30.0, "weight": 0.5, "muscle": 0.5, "height": 1.7}
"""Slider -> where it starts when nobody has a body yet."""
_SHOWN: dict[str, dict[str, Any]] = {
    "age": {"precision": 0, "step": 100},
    "height": {"precision": 3, "unit": "LENGTH"},
}
_OTHER_HEAD = "head_beta"
"""Parameter of a body on which a head was put."""
_DRAFT = "draft"
"""Field of the metadata: what is wanted and not made yet, None for what is to be the seed's again."""


def slider(name: str, **options: Any) -> Any:
    """The property of a slider. Its limits are soft: a script that goes beyond is told so by the body's maker."""
    label, tooltip = LABELS[name]
    low, high = RANGES[name]
    options |= _SHOWN.get(name, {})
    return FloatProperty(name=label, description=tooltip, soft_min=low, soft_max=high, **options)


def is_of_seed(rig: bpy.types.Object) -> bool:
    """Whether the body can be made again: its seeds are known, and it has its own head."""
    parameters = heads.metadata(rig)["parameters"].keys()
    return set(SEEDS.values()) <= parameters and _OTHER_HEAD not in parameters


def value(rig: bpy.types.Object, name: str) -> float:
    """What the draft has of a slider or a seed; what the body has where the draft has nothing."""
    stored = heads.metadata(rig)
    drafted = stored.get(_DRAFT, {}).get(name)
    return stored["parameters"][name][0] if drafted is None else drafted


def want(rig: bpy.types.Object, name: str, wanted: float | None) -> None:
    """Put a slider or a seed in the draft; None gives a slider back to the seed."""
    stored = heads.metadata(rig)
    stored[_DRAFT] = {**stored.get(_DRAFT, {}), name: wanted}
    rig[METADATA] = json.dumps(stored)


def is_chosen(rig: bpy.types.Object, name: str) -> bool:
    """Whether the artist said what the slider is; else it is the seed's."""
    return name in _chosen(heads.metadata(rig))


def is_ahead(rig: bpy.types.Object) -> bool:
    """Whether sliders and seeds want another body than there is."""
    stored = heads.metadata(rig)
    return _request(stored) != _request({**stored, _DRAFT: {}})


def request(rig: bpy.types.Object, **seeds: int) -> dict[str, Any]:
    """What the engine's method `body` takes, to make the body as the draft says, with other `seeds` than its."""
    stored = heads.metadata(rig)
    return _request({**stored, _DRAFT: {**stored.get(_DRAFT, {}), **seeds}})


def _request(stored: dict[str, Any]) -> dict[str, Any]:
    parameters, draft = stored["parameters"], stored.get(_DRAFT, {})
    seeds = {name: int(draft.get(name, parameters[name][0])) for name in SEEDS.values()}
    kept = {name: int(parameters[name][0]) for name in ("seed", "resolution")}
    params = {**kept, **seeds, **_chosen(stored), "joint_names": stored["joint_names"]}
    if "given_beta" in parameters and seeds["shape_seed"] == parameters["shape_seed"][0]:
        params["beta"] = parameters["given_beta"]
    return params


def _chosen(stored: dict[str, Any]) -> dict[str, float]:
    """Slider -> what the artist chose, the draft included."""
    parameters = stored["parameters"]
    made = {name: parameters[name][0] for name, chosen in zip(RANGES, parameters["chosen"], strict=True) if chosen}
    drafted = {name: wanted for name, wanted in stored.get(_DRAFT, {}).items() if name in RANGES}
    return {name: wanted for name, wanted in {**made, **drafted}.items() if wanted is not None}
