"""Suite `fine`: relief and albedo by fine inverse rendering, on heads of known relief and on held-out portraits."""

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.progress import track

from ..capture.albedo import skin_triangles
from ..capture.embedding import LandmarkEmbedding
from ..capture.fine import SHADE, Folds
from ..capture.fit import fit_shots, head_fit
from ..capture.hidden_relief import completed
from ..capture.shots import take_shots
from ..capture.skin_photo import BLEND, ReliefBy
from ..capture.skin_tone import SkinTone
from ..capture.skin_views import SkinView
from ..capture.texture import SkinOptions, SkinTextures, skin_textures
from ..errors import InputError
from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas, build_atlas
from ..rendering.shading import srgb_to_linear, vertex_normals
from ..training.portraits import HELD_OUT, portrait_paths
from ..weights import weights_path
from .fine_heads import OCCLUDERS, FineHead, bent_normals, fine_head, relief_height

METHODS = {"coarse": ReliefBy.NOTHING, "network": ReliefBy.NETWORK, "solver": ReliefBy.SOLVER}
HEADS = 2
"""Synthetic heads with each occluder."""
PORTRAITS = 12
TEXTURE = 1024
SEEN, HIDDEN = 0.7, 0.02
"""Sight from which a texel counts as seen, and below which as hidden."""
FLAT = 4.0
"""Degrees that the known relief turns a normal where it counts as relief."""


def evaluate_fine(data: Path) -> dict[str, Any]:
    """Tables by what makes the relief, of synthetic heads by occluder and of `PORTRAITS` of the held-out portraits of
    `data`/portraits, and of how well hidden sides of these are told."""
    model = HeadModel.load(weights_path("head"))
    atlas = build_atlas(model, "skin", TEXTURE)
    rows = {}
    for kind in OCCLUDERS:
        found = [_measured(model, atlas, fine_head(model, seed, kind)) for seed in track(range(HEADS), kind)]
        for name in METHODS:
            own = [figures[name] for figures in found]
            rows[f"{kind}, {name}"] = {key: float(np.mean([figures[key] for figures in own])) for key in own[0]}
    return {"Known relief": rows, **_portraits(model, atlas, data)}


def _captures(model: HeadModel, neutral: np.ndarray, view: SkinView) -> dict[str, tuple[SkinTextures, float]]:
    """By method: the textures, and the seconds that a processor took for them."""
    found = {}
    for name, method in METHODS.items():
        start = time.process_time()
        skin = skin_textures(model, neutral, [view], SkinOptions(TEXTURE, method))
        found[name] = skin, time.process_time() - start
    return found


def _measured(model: HeadModel, atlas: Atlas, head: FineHead) -> dict[str, dict[str, float]]:
    """By method: what is found of a head's relief and albedo against the truth, where the solver looks for it."""
    view = SkinView(head.vertices, head.camera, head.pixels, head.masks)
    skins = _captures(model, head.vertices, view)
    solved, _ = skins["solver"]
    if solved.relief is None:
        raise InputError(f"No relief was found where there is some: {' '.join(solved.doubts)}")
    points = atlas.gather(head.vertices)
    normals = atlas.gather(vertex_normals(head.vertices, skin_triangles(model)))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    truth = relief_height(points, head.marks)
    bent = bent_normals(normals, points, head.marks)
    turned = _degrees(normals, bent)
    inside = atlas.gather(model.masks["narrow_face"]) > 0.9
    seen = atlas.gather(solved.relief.folds.sight) > SEEN
    relief, flat = seen & (turned > FLAT), seen & inside & (turned < 0.5)
    pixels = head.camera.project(points)[:, :2]
    hidden = inside & (head.masks.sample("skin", pixels) < HIDDEN)
    hidden |= inside & (head.masks.sample("beard", pixels) > 1 - HIDDEN)

    def figures(skin: SkinTextures, seconds: float) -> dict[str, float]:
        height, made = _total(atlas, skin, "height"), _total(atlas, skin, "shade")
        found, off = _bent(atlas, normals, points, height), _log_color(atlas, skin) - head.log_albedo(atlas)
        return {
            "normals_deg": float(_degrees(found, bent)[relief].mean()),
            "flat_deg": float(_degrees(found, normals)[flat].mean()),
            "correlation": float(np.corrcoef(height[relief], truth[relief])[0, 1]) if skin.relief else 0.0,
            "under_occluder_mm": float(1000 * np.abs(height[hidden]).max(initial=0.0)),
            "albedo": _spread(off[relief]),
            "albedo_unblended": _spread((off - BLEND * made[:, None] * SHADE)[relief]),
            "cpu_s": seconds,
        }

    return {name: figures(*skin) for name, skin in skins.items()}


def _total(atlas: Atlas, skin: SkinTextures, name: str) -> np.ndarray:
    """[N] folds and wrinkles together: their height, the shade that they make or the one that the photo shows."""
    if skin.relief is None:
        return np.zeros(len(atlas.texels), np.float32)
    return atlas.gather(getattr(skin.relief.folds, name)) + getattr(skin.relief.wrinkles, name)


def _portraits(model: HeadModel, atlas: Atlas, data: Path) -> dict[str, Any]:
    """By method: root mean square of the log shades, as the solver sees them, that the relief leaves unexplained, and
    the largest displacement (medians over portraits); and what is told of hidden sides."""
    embedding, tone = LandmarkEmbedding.load(model), SkinTone.load(model)
    figures: dict[str, list[list[float]]] = {name: [] for name in METHODS}
    hidden, photos = [], 0
    paths = portrait_paths(data)[::HELD_OUT]
    for path in track(paths[:: max(1, len(paths) // PORTRAITS)][:PORTRAITS], "Portraits"):
        try:
            (shot,), _ = take_shots([path])
        except InputError:
            continue
        photos += 1
        fit = head_fit(model, shot, fit_shots(model, embedding, tone, [shot])[0])
        view = SkinView(model.vertices(fit.beta, fit.psi, fit.theta), fit.camera, shot.photo.pixels, shot.masks)
        skins = _captures(model, model.shaped(fit.beta), view)
        solved, _ = skins["solver"]
        if solved.relief is None:
            continue
        hidden.append(_hidden_sides(model, solved.relief.folds))
        shown, sight = _total(atlas, solved, "shown"), solved.relief.wrinkles.sight
        for name, (skin, seconds) in skins.items():
            size = np.linalg.norm(skin.relief.offset, axis=1).max() if skin.relief else 0.0
            figures[name].append([_rms(shown - _total(atlas, skin, "shade"), sight), 1000 * float(size), seconds])
    names = ("shades_left", "offset_max_mm", "cpu_s")
    rows = {
        method: {
            "photos": photos,
            "without_relief": photos - len(found),
            **dict(zip(names, np.median(found, axis=0).tolist(), strict=True)),
        }
        for method, found in figures.items()
    }
    left = np.sqrt(np.sum(hidden, 0)[1:] / np.sum(hidden, 0)[0]).tolist()
    told = dict(zip(("flat_mm", "mirrored_mm", "expected_mm"), left, strict=True))
    return {"Held-out portraits": rows, "Hidden sides": {"solver": told}}


def _hidden_sides(model: HeadModel, folds: Folds) -> list[float]:
    """Over the vertices of either side of the face, as if only the other were seen: how many they are, and the sums of
    squared errors, square millimetres, of no relief, of the other side's, and of what is expected."""
    totals = np.zeros(4)
    for side in (model.v_template[:, 0] < 0, model.v_template[:, 0] >= 0):
        sight = np.where(side, 0, folds.sight)
        known = np.where(side, 0, folds.height)
        asked = side & (folds.sight > SEEN) & (folds.sight[model.mirror] > SEEN)
        guesses = (0 * known, known[model.mirror], completed(model, known, sight))
        errors = [((1000 * (guess - folds.height)[asked]) ** 2).sum() for guess in guesses]
        totals += [asked.sum(), *errors]
    return totals.tolist()


def _bent(atlas: Atlas, normals: np.ndarray, points: np.ndarray, height: np.ndarray) -> np.ndarray:
    """Unit normals `[N, 3]` with `height` [N] metres over the texels' `points` and `normals` [N, 3]."""
    size = atlas.size
    number = np.full(size * size, -1)
    number[atlas.texels] = np.arange(len(points))
    own = np.arange(len(points))
    right, below = (number[np.minimum(atlas.texels + step, size * size - 1)] for step in (1, size))
    right, below = (np.where(other < 0, own, other) for other in (right, below))
    u, v = points[right] - points, points[below] - points
    metric = np.stack([(u * u).sum(1), (u * v).sum(1), (v * v).sum(1)])
    du, dv = height[right] - height, height[below] - height
    det = np.maximum(metric[0] * metric[2] - metric[1] ** 2, 1e-20)
    a, b = (metric[2] * du - metric[1] * dv) / det, (metric[0] * dv - metric[1] * du) / det
    slope = np.where(((right != own) & (below != own))[:, None], a[:, None] * u + b[:, None] * v, 0)
    bent = normals - slope
    return bent / np.linalg.norm(bent, axis=1, keepdims=True)


def _degrees(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.degrees(2 * np.arcsin(np.clip(np.linalg.norm(one - other, axis=1) / 2, 0, 1)))


def _log_color(atlas: Atlas, skin: SkinTextures) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(skin.color)), np.float32) / 255
    return np.log(srgb_to_linear(pixels.reshape(-1, 3)[atlas.texels]) + 1e-3)


def _spread(difference: np.ndarray) -> float:
    """Root mean square of log colours `[N, 3]` about their median: no photo tells the exposure."""
    return float(np.sqrt(((difference - np.median(difference, 0)) ** 2).mean()))


def _rms(values: np.ndarray, weight: np.ndarray) -> float:
    return float(np.sqrt(np.average(values**2, weights=weight)))
