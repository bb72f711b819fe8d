"""Suite `gdna`: random people in random clothes: how like the training's kind they are, what is wrong with them, and
whether shape and detail are independent.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from rich.progress import track
from torch import Tensor

from ..bodies.dressing import Dresser
from ..implicit.gdna import LAYERS, Gdna
from ..implicit.gdna_detail import load_details
from ..parametric.body import BodyModel
from ..training.figures.figure import PARTS
from ..training.figures.fold_rows import HALF, SIZE, FoldRows
from ..training.figures.views import seen_from
from ..training.gdna.features import MapFeatures, as_maps, load_map_features
from ..training.gdna.recipe import layer_samples
from ..weights import weights_path
from .figures import poking
from .frechet import frechet_distance
from .gdna_checks import fold_correlations, limbs
from .gdna_people import Folds, NormalMap, Person, dressed_person, of_single_gaussians, random_folds

PEOPLE = 60
"""Of every row: as many as are held out."""
RESOLUTION = 256
"""The product's."""
BODIES = 400
"""The first of the training persons whose bodies random people have; what they wear is drawn."""
PAIRS, TIMED = 6, 1
CLOTHES = [LAYERS.index("top"), LAYERS.index("bottom")]
HELD_OUT = "held-out persons"
SIDES = ("front", "back")

Maps = tuple[np.ndarray, np.ndarray]
"""Of a person from `SIDES`: normals [2, S, S, 3] int8 (times 127), and [2, S, S] bool where tops and bottoms are."""
Features = dict[str, list[Tensor]]
"""Of what is seen (`whole figure`, `clothes alone`), `[2, 64]` for each person."""


def evaluate_gdna(data: Path) -> dict[str, Any]:
    """Frechet distances of normal maps to the held-out persons', shares of people with flaws, correlations of folds."""
    samples = layer_samples(data)
    dresser = Dresser.load(BodyModel.load())
    betas = [samples.row("train", BODIES + k)["beta"] for k in range(PEOPLE)]
    single = of_single_gaussians(dresser.field)
    people = {"full model": _people(dresser, betas, dresser.field)}
    people["one Gaussian of codes"] = _people(dresser, betas, single)
    naked = [dressed_person(dresser.body, dresser.field, beta, {}) for beta in betas]
    folds = FoldRows(samples.dresser, samples.poses)
    return {
        "Frechet distance of normal maps to those of held-out persons": _distances(dresser, folds, people, naked),
        "Flaws of random people": {name: _flaws(dresser, persons) for name, persons in people.items()},
        "Independence of shape and detail": {"tops": _independence(dresser, people["full model"])},
        "Seconds of one core": {"clothes of likeness body": _seconds(dresser, betas)},
    }


def _people(dresser: Dresser, betas: Sequence[np.ndarray], field: Gdna) -> list[Person]:
    """By their seeds, in the bodies `betas`, in what `field` draws for them; as `likeness body` has it drawn."""
    numbered = enumerate(track(betas, "Random people"))
    worn = ((beta, field.sample(beta, np.random.default_rng([seed, 1]))) for seed, beta in numbered)
    return [dressed_person(dresser.body, dresser.field, beta, codes) for beta, codes in worn]


def _distances(
    dresser: Dresser, folds: FoldRows, people: dict[str, list[Person]], naked: list[Person]
) -> dict[str, dict[str, float | str]]:
    field, details, cosine = dresser.field, dresser.details, load_details(path=weights_path("gdna_detail_cosine"))
    sets = Sets(load_map_features())
    for index in track(range(PEOPLE), "True maps"):
        sets.add(HELD_OUT, _true_maps(folds, "test_person", index))
        sets.add("training persons", _true_maps(folds, "train", index))
    full, single = people.items()
    for seed, person in enumerate(track(full[1], "Maps")):
        maps = _maps(person, field)
        sets.add(full[0], _shown(maps, random_folds(details, seed)))
        sets.add("without detail", _shown(maps))
        sets.add("without the adversarial loss", _shown(maps, random_folds(cosine, seed)))
    for seed, person in enumerate(track(single[1], "Maps")):
        sets.add(single[0], _shown(_maps(person, field), random_folds(details, seed)))
    for person in naked:
        sets.add("naked bodies", _shown(_maps(person, field)))
    return sets.distances(HELD_OUT)


def _flaws(dresser: Dresser, people: list[Person]) -> dict[str, float]:
    """Shares in per cent."""
    there = [limbs(dresser.field, person.codes, dresser.body) for person in people]
    figures: dict[str, list[Any]] = {
        "with floating parts, %": [person.spare[1] > 0 for person in people],
        "before specks are left out, %": [person.spare[0] > 0 for person in people],
        "with hands, %": [limb["hands"] for limb in there],
        "with feet, %": [limb["feet"] for limb in there],
        "skin through clothes, % of their pixels": [poking(person.surface) for person in people],
    }
    return {"people": len(people), **{name: 100 * float(np.mean(found)) for name, found in figures.items()}}


def _independence(dresser: Dresser, people: list[Person]) -> dict[str, float]:
    """Another detail turns the normals and moves nothing; another shape leaves the folds where they are."""
    turned, correlations = [], []
    for number, (one, other) in enumerate(track(list(pairwise(people[: PAIRS + 1])), "Independence")):
        folds = random_folds(dresser.details, 2 * number), random_folds(dresser.details, 2 * number + 1)
        correlations.append(fold_correlations(dresser.field, dresser.body, (one.codes, other.codes), folds))
        front = _maps(one, dresser.field)[0]
        first, second = (front.normals(each)[np.isin(front.layer, CLOTHES)] for each in folds)
        turned.append(np.degrees(np.arccos(np.clip((first * second).sum(1), -1, 1))).mean())
    means = {f"r, {name}": float(np.mean([found[name] for found in correlations])) for name in correlations[0]}
    return {"another detail turns normals, degrees": float(np.mean(turned)), **means}


class Sets:
    """Features of sets of maps, by name."""

    def __init__(self, network: MapFeatures) -> None:
        self.network = network
        self._features: dict[str, Features] = {}

    def add(self, name: str, maps: Maps) -> None:
        """A person's."""
        normals, clothes = maps
        own = self._features.setdefault(name, {"whole figure": [], "clothes alone": []})
        own["whole figure"].append(self.network(as_maps(normals)))
        if clothes.any():
            own["clothes alone"].append(self.network(as_maps(normals * clothes[..., None])))

    def distances(self, true: str) -> dict[str, dict[str, float | str]]:
        """Name -> distances to the set `true`, and of how many maps."""
        rows: dict[str, dict[str, float | str]] = {}
        for name in self._features:
            if name != true:
                both = [self._features[each] for each in (name, true)]
                rows[name] = {seen: _distance(*(features[seen] for features in both)) for seen in both[0]}
                rows[name]["maps"] = len(SIDES) * len(both[0]["whole figure"])
        return rows


def _distance(one: list[Tensor], other: list[Tensor]) -> float | str:
    if not one:
        return "none worn"
    first, second = (np.concatenate([features.numpy() for features in found]) for found in (one, other))
    return frechet_distance(first, second)


def _true_maps(folds: FoldRows, split: str, index: int) -> Maps:
    row = folds.row(split, index)
    return row["normals"][: len(SIDES)], row["parts"][: len(SIDES)] == PARTS.index("suit")


def _maps(person: Person, field: Gdna) -> list[NormalMap]:
    """From `SIDES`, in the scale of the true ones."""
    return [person.normal_map(seen_from(side, person.surface, HALF, SIZE), field) for side in SIDES]


def _shown(maps: list[NormalMap], folds: Folds | None = None) -> Maps:
    normals = np.stack([np.round(127 * each.normals(folds)).astype(np.int8) for each in maps])
    return normals, np.stack([np.isin(each.layer, CLOTHES) for each in maps])


def _seconds(dresser: Dresser, betas: Sequence[np.ndarray]) -> dict[str, float]:
    """Of a person's clothes as the product makes them: quads, charts, weights, baked normals."""
    start = process_time()
    for seed in track(range(TIMED), "Product"):
        dresser.dressed(betas[seed], shape_seed=seed, detail_seed=seed, resolution=RESOLUTION)
    return {"s": (process_time() - start) / TIMED}
