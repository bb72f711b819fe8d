"""Suite `figures`: clothed figures as training data: do clothes cover the skin, is what is covered inside, do clothes
fold, how long.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
from rich.progress import track

from ..rendering.rasterise import rasterise
from ..training.body_model.poses import authored_poses, random_theta
from ..training.figures.figure import PARTS, Dresser, Figure, Surface
from ..training.figures.fold_rows import maps
from ..training.figures.folds import Fabric, draped
from ..training.figures.garments import GAP, nearest_on
from ..training.figures.occupancy import occupancy_samples, occupied
from ..training.figures.poses import Poses
from ..training.figures.rows import Rows
from ..training.figures.views import FAR, HALF, SIZE, normal_maps
from ..training.makehuman import SKIN
from .figure_pictures import draw_figures

FIGURES, FOLDED, TIMED, SEED = 60, 12, 12, 3
IN_FRONT = 0.015
"""Metres that skin which pokes through lies at most in front of cloth; a hand before the hip lies further."""
DEEP = 0.01
"""Metres under covered skin where a figure must be solid."""


def evaluate_figures(data: Path) -> dict[str, Any]:
    """Shares in per cent, in the T-pose, in MakeHuman's poses and in random ones; before and after the push. Of folds,
    degrees between normals with and without them, over the pixels of cloth from four sides.
    """
    dresser = Dresser.load(data)
    authored = list(authored_poses(data, dresser.rig).values())
    rows: dict[str, list[dict[str, float]]] = {}
    for index in track(range(FIGURES), "Figures"):
        rng = np.random.default_rng([SEED, index])
        start = process_time()
        figure = dresser.draw(rng)
        drawn = process_time() - start
        thetas = {"T-pose": None, "artists' poses": authored[index % len(authored)], "random poses": random_theta(rng)}
        for name, theta in thetas.items():
            start = process_time()
            surface = figure.rest() if theta is None else figure.posed(theta)
            occupancy_samples(surface, rng)
            normal_maps(surface)
            seconds = process_time() - start
            rows.setdefault(name, []).append(_checked(figure, theta, surface) | {"make_s": seconds, "draw_s": drawn})
    draw_figures(dresser)
    return {
        "figures": FIGURES,
        "row_s": _seconds_a_row(dresser),
        "Clothed figures": {
            name: {key: float(np.mean([row[key] for row in found])) for key in found[0]} for name, found in rows.items()
        },
        f"Folds of {FOLDED} figures in the T-pose": _folds(dresser),
    }


def _folds(dresser: Dresser) -> dict[str, dict[str, float]]:
    """Means over figures whose suits are smooth, and with folds."""
    rows: dict[str, list[dict[str, float]]] = {"smooth": [], "with folds": []}
    for index in track(range(FOLDED), "Folds"):
        rng = np.random.default_rng([SEED, index])
        figure = dresser.draw(rng)
        start = process_time()
        pair = draped(figure, Fabric.drawn(rng), rng)
        seconds = process_time() - start
        smooth, folded = (worn.rest() for worn in pair)
        made = maps(smooth, folded)
        cloth = made["parts"] == PARTS.index("suit")
        normals, before = (made[name][cloth] / 127 for name in ("normals", "smooth_normals"))
        angle = np.degrees(np.arccos(np.clip((normals * before).sum(1), -1, 1)))
        moved = np.linalg.norm(pair[1].garments["suit"].points - pair[0].garments["suit"].points, axis=1)
        change = {
            "normals, degrees": angle.mean(),
            "90th percentile": np.percentile(angle, 90),
            "moved, mm": 1e3 * moved.mean(),
            "fold_s": seconds,
        }
        unchanged = dict.fromkeys(change, 0.0)
        for name, surface, changed in (("smooth", smooth, unchanged), ("with folds", folded, change)):
            rows[name].append(
                changed
                | {
                    "poking pixels, %": 100 * poking(surface),
                    "cloth under skin, %": 100 * sunk(surface, figure.skin),
                }
            )
    return {
        name: {key: float(np.mean([row[key] for row in found])) for key in found[0]} for name, found in rows.items()
    }


def _seconds_a_row(dresser: Dresser) -> float:
    """Of one core's time: person, clothes, samples in the T-pose and in a pose, maps, file."""
    with TemporaryDirectory() as folder:
        rows = Rows(dresser, Poses.split({}, random=50), folder=Path(folder))
        rows.row("train", 0)
        start = process_time()
        rows.make("test_person", TIMED)
    return (process_time() - start) / TIMED


def _checked(figure: Figure, theta: np.ndarray | None, surface: Surface) -> dict[str, float]:
    loose = figure.rest(push=False) if theta is None else figure.posed(theta, push=False)
    return {
        "poking pixels, no push, %": 100 * poking(loose),
        "poking pixels, %": 100 * poking(surface),
        "cloth under skin, no push, %": 100 * sunk(loose, figure.skin),
        "cloth under skin, %": 100 * sunk(surface, figure.skin),
        "covered skin inside, %": 100 * solid(figure, surface),
    }


def poking(surface: Surface) -> float:
    """Share of the pixels of cloth, seen from front and back, in front of which skin lies within 15 mm."""
    local = surface.vertices - np.mean(surface.bounds(), 0)
    found = cloth = 0
    for sign in (1, -1):
        pixels = np.c_[(np.c_[sign * local[:, 0], -local[:, 1]] / HALF + 1) * SIZE / 2, FAR - sign * local[:, 2]]
        skin, worn = surface.of("skin"), surface.of("suit", "shoes")
        a, b, c = (local[worn[:, k]] for k in range(3))
        worn = worn[sign * np.cross(b - a, c - a)[:, 2] > 0]
        bare, dressed = (rasterise(pixels, triangles, (SIZE, SIZE)) for triangles in (skin, worn))
        both = bare.covered & dressed.covered
        ahead = np.where(both, dressed.depth, 0) - np.where(both, bare.depth, 0)
        found += int(((ahead > 0) & (ahead < IN_FRONT)).sum())
        cloth += int(dressed.covered.sum())
    return found / cloth


def sunk(surface: Surface, skin: np.ndarray) -> float:
    """Share of the vertices of suit and shoes that lie less than half the gap above the skin, or within 4 cm under."""
    worn = surface.vertices[np.unique(surface.of("suit", "shoes"))]
    nearest, outward = nearest_on(worn, surface.vertices, skin)
    height = ((worn - nearest) * outward).sum(1)
    return float(((height < GAP / 2) & (height > -0.04)).mean())


def solid(figure: Figure, surface: Surface) -> float:
    """Share of the points 1 cm under covered skin that are inside the figure."""
    bare = np.zeros(SKIN, bool)
    bare[surface.of("skin")] = True
    points = surface.vertices[:SKIN][~bare]
    outward = nearest_on(points, surface.vertices, figure.skin)[1]
    return float(occupied(surface, points - DEEP * outward).mean())
