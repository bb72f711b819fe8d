"""Recipe `gdna`: what is worn as fields of shape codes, W, and distributions of the codes."""

from pathlib import Path

import numpy as np
import torch

from ...implicit.gdna import LAYER_CONFIGS, LAYERS, Gdna, gdna_tensors
from ...implicit.outfits import CodeDistribution, Outfits
from ..figures.figure import Dresser
from ..figures.poses import Poses
from ..implicit.trainer import Outcome, fabric
from ..publish import publish
from .coarse import Batches, ShapeCodes, Wearers, near_error, train_layer
from .samples import LayerSamples
from .skinning import train_skinning

PERSONS, HELD_OUT = 480, 60
DATA = "MakeHuman's base mesh, clothes and hair (CC0) on bodies that the library Anny draws (code Apache-2.0, data CC0)"


def layer_samples(data: Path) -> LayerSamples:
    """Of the figures in clothes from the folder `data`. Raises InputError."""
    return LayerSamples(Dresser.load(data), Poses.split({}, random=10))


def train_gdna(data: Path, out: Path, seed: int) -> None:
    """Write `gdna.safetensors` and its card to `out`. Raises InputError without the data or the library anny."""
    samples, run = layer_samples(data), fabric()
    samples.make("train", PERSONS)
    samples.make("test_person", HELD_OUT)
    torch.manual_seed(seed)
    persons = [samples.row("train", index) for index in range(PERSONS)]
    gender, beta = (np.stack([person[key] for person in persons]) for key in ("sliders", "beta"))
    wearers = {layer: Wearers.read(samples, "train", layer, PERSONS) for layer in LAYERS}
    outfits, encoders = outfits_of(wearers, gender[:, 0], beta, seed)
    field = Gdna(LAYER_CONFIGS, outfits)
    outcomes: dict[str, Outcome] = {}
    errors: dict[str, float] = {}
    for name in LAYERS:
        layer, worn = field.layer(name), wearers.pop(name)
        batches = Batches(worn, encoders[name].code(worn.probed), samples.probes[name], layer.bounds.numpy(), seed)
        outcomes[name] = train_layer(name, layer, batches, run)
        held_out = Wearers.read(samples, "test_person", name, HELD_OUT)
        errors[name] = near_error(layer, held_out, encoders[name].code(held_out.probed))
    outcomes["skinning"] = train_skinning(field.skinning, samples, PERSONS, seed, run)
    card = {
        "recipe": "likeness train gdna",
        "data": DATA,
        "licence": "GPL-3.0-or-later",
        "device": outcomes["skinning"].device,
        "metrics": {"persons": PERSONS, "held_out_near_surface_mm": errors},
        "training": {
            stage: {"steps": o.steps, "minutes": o.minutes, "losses": o.losses} for stage, o in outcomes.items()
        },
        "parameters": sum(parameter.numel() for parameter in field.parameters()),
    }
    tensors, metadata = gdna_tensors(field)
    publish("gdna", out, tensors, card, metadata)


def shape_codes(samples: LayerSamples, layer: str) -> ShapeCodes:
    """What makes codes of a layer: the components of the training figures' garments."""
    return ShapeCodes.of(Wearers.read(samples, "train", layer, PERSONS).probed, LAYER_CONFIGS[layer].code)


def outfits_of(
    wearers: dict[str, Wearers], gender: np.ndarray, beta: np.ndarray, seed: int
) -> tuple[Outfits, dict[str, ShapeCodes]]:
    """Distributions of the layers' codes, and what makes codes; of persons of `gender` [P] and `beta` [P, 16]."""
    encoders = {layer: ShapeCodes.of(worn.probed, LAYER_CONFIGS[layer].code) for layer, worn in wearers.items()}
    distributions = {
        layer: CodeDistribution.fit(encoders[layer].code(worn.probed), gender[worn.persons], seed=seed)
        for layer, worn in wearers.items()
    }
    bare = {layer: 1 - len(worn.persons) / len(gender) for layer, worn in wearers.items()}
    looks = np.linalg.lstsq(np.c_[beta, np.ones(len(beta))], gender, rcond=None)[0]
    return Outfits(distributions, bare, looks), encoders
