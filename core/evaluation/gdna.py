"""Suite `gdna`: random people in random clothes: how like the training's kind they are, what is wrong with them, and
whether shape and detail are independent.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from rich.progress import track
from torch import Tensor

from ..bodies.dressing import Dresser
from ..bodies.mean_body import MeanBody
from ..implicit.gdna import LAYERS, Gdna
from ..implicit.gdna_detail import Details, load_details
from ..parametric.body import BodyModel
from ..training.figures.figure import PARTS
from ..training.figures.fold_rows import HALF, SIZE, FoldRows
from ..training.figures.views import SIDES, seen_from
from ..training.gdna.features import MapFeatures, as_maps, load_map_features
from ..training.gdna.recipe import layer_samples
from ..weights import weights_path
from .figures import poking
from .frechet import frechet_distance
from .gdna_checks import floating, fold_correlations, limbs
from .gdna_people import Folds, NormalMap, Person, dressed_person, random_codes, random_folds, single_gaussians

PEOPLE = 60
"""Of every row: as many as are held out."""
BODIES = 400
"""The first of the training persons whose bodies random people have; what they wear is drawn."""
PAIRS, TIMED = 10, 2
CLOTHES = [LAYERS.index("top"), LAYERS.index("bottom")]
HELD_OUT = "held-out persons"

Maps = tuple[np.ndarray, np.ndarray]
"""Of a person from `SIDES`: normals [4, S, S, 3] int8 (times 127), and [4, S, S] bool where tops and bottoms are."""
Features = dict[str, list[Tensor]]
"""Of what is seen (`whole figure`, `clothes alone`), `[4, 64]` for each person."""


def evaluate_gdna(data: Path) -> dict[str, Any]:
    """Frechet distances of normal maps to the held-out persons', shares of people with flaws, correlations of folds."""
    samples = layer_samples(data)
    dresser = Dresser.load(BodyModel.load())
    betas = [samples.person("train", BODIES + k)["beta"] for k in range(PEOPLE)]
    folds = FoldRows(samples.rows.dresser, samples.rows.poses)
    random = RandomPeople(dresser.body, dresser.field, betas)
    return {
        "Frechet distance of normal maps to the held-out persons'": _distances(folds, random, dresser.details),
        "Random people": {"full model": random.flaws()},
        "Independence of shape and detail": {"tops": random.independence(dresser.details)},
        "Seconds of one core": {"clothes of likeness body": _seconds(dresser, betas)},
    }


class RandomPeople:
    """People by their seeds, in the bodies `betas`."""

    def __init__(self, body: MeanBody, field: Gdna, betas: Sequence[np.ndarray]) -> None:
        self.body, self.field, self.betas = body, field, betas
        self.codes = [random_codes(field.outfits, beta, seed) for seed, beta in enumerate(betas)]

    def dressed(self) -> Iterator[Person]:
        """In what they wear."""
        for beta, codes in zip(self.betas, track(self.codes, "Random people"), strict=True):
            yield dressed_person(self.body, self.field, beta, codes)

    def of_one_gaussian(self) -> Iterator[Person]:
        """In clothes of codes from a single Gaussian a layer."""
        outfits = single_gaussians(self.field.outfits)
        for seed, beta in enumerate(track(self.betas, "Of one Gaussian")):
            yield dressed_person(self.body, self.field, beta, random_codes(outfits, beta, seed))

    def naked(self) -> Iterator[Person]:
        """In nothing."""
        for beta in self.betas:
            yield dressed_person(self.body, self.field, beta, {})

    def flaws(self) -> dict[str, float]:
        """Shares in per cent."""
        pieces, kept, hands, feet, skin = [], [], [], [], []
        for person in self.dressed():
            every, left = floating(self.field, person.codes, self.body)
            pieces.append(every > 0)
            kept.append(left > 0)
            there = limbs(self.field, person.codes, self.body)
            hands.append(there["hands"])
            feet.append(there["feet"])
            skin.append(poking(person.surface))
        return {
            "people": len(skin),
            "with floating parts, %": 100 * float(np.mean(kept)),
            "before specks are left out, %": 100 * float(np.mean(pieces)),
            "with hands, %": 100 * float(np.mean(hands)),
            "with feet, %": 100 * float(np.mean(feet)),
            "skin through clothes, % of their pixels": 100 * float(np.mean(skin)),
        }

    def independence(self, details: Details) -> dict[str, float]:
        """Another detail turns the normals and moves nothing; another shape leaves the folds where they are."""
        turned, correlations = [], []
        pairs = list(pairwise(range(PAIRS + 1)))
        for number, (one, other) in enumerate(track(pairs, "Independence")):
            folds = random_folds(details, 2 * number), random_folds(details, 2 * number + 1)
            worn = self.codes[one], self.codes[other]
            correlations.append(fold_correlations(self.field, self.body, worn, folds))
            person = dressed_person(self.body, self.field, self.betas[one], worn[0])
            front = _maps(person, self.field)[0]
            first, second = (front.normals(each)[np.isin(front.layer, CLOTHES)] for each in folds)
            turned.append(np.degrees(np.arccos(np.clip((first * second).sum(1), -1, 1))).mean())
        means = {f"r, {name}": float(np.mean([found[name] for found in correlations])) for name in correlations[0]}
        return {"another detail turns normals, degrees": float(np.mean(turned)), **means}


def _distances(folds: FoldRows, random: RandomPeople, details: Details) -> dict[str, dict[str, float | str]]:
    field, cosine = random.field, load_details(path=weights_path("gdna_detail_cosine"))
    sets = Sets(load_map_features())
    for index in track(range(PEOPLE), "True maps"):
        sets.add(HELD_OUT, _true_maps(folds, "test_person", index))
        sets.add("training persons", _true_maps(folds, "train", index))
    for seed, person in enumerate(random.dressed()):
        maps = _maps(person, field)
        sets.add("full model", _shown(maps, random_folds(details, seed)))
        sets.add("without detail", _shown(maps))
        sets.add("without the adversarial loss", _shown(maps, random_folds(cosine, seed)))
    for seed, person in enumerate(random.of_one_gaussian()):
        sets.add("one Gaussian of codes", _shown(_maps(person, field), random_folds(details, seed)))
    for person in random.naked():
        sets.add("naked bodies", _shown(_maps(person, field)))
    return sets.distances(HELD_OUT)


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
    return row["normals"], row["parts"] == PARTS.index("suit")


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
        dresser.dressed(betas[seed], shape_seed=seed, detail_seed=seed)
    return {"s": (process_time() - start) / TIMED}
