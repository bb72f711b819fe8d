"""Suite `fine`: relief and albedo by fine inverse rendering, on heads of known relief and on held-out portraits."""

import io
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
from ..capture.skin_photo import BLEND
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

HEADS = 2
"""Synthetic heads with each occluder."""
PORTRAITS = 12
TEXTURE = 1024
SEEN, HIDDEN = 0.7, 0.02
"""Sight from which a texel counts as seen, and below which as hidden."""
FLAT = 4.0
"""Degrees that the known relief turns a normal where it counts as relief."""


def evaluate_fine(data: Path) -> dict[str, Any]:
    """Tables over synthetic heads by occluder, and over `PORTRAITS` of the held-out portraits of `data`/portraits."""
    model = HeadModel.load(weights_path("head"))
    atlas = build_atlas(model, "skin", TEXTURE)
    rows = {}
    for kind in OCCLUDERS:
        found = [_measured(model, atlas, fine_head(model, seed, kind)) for seed in track(range(HEADS), kind)]
        rows[kind] = {name: float(np.mean([figures[name] for figures in found])) for name in found[0]}
    return {"Known relief": rows, "Held-out portraits": {"median": _portraits(model, data)}}


def _measured(model: HeadModel, atlas: Atlas, head: FineHead) -> dict[str, float]:
    """What is found of a head's relief and albedo against the truth, before (coarse) and after (fine)."""

    def capture(refine: bool) -> SkinTextures:
        view = SkinView(head.vertices, head.camera, head.pixels, head.masks)
        return skin_textures(model, head.vertices, [view], SkinOptions(TEXTURE, refine))

    coarse, fine = capture(False), capture(True)
    if fine.relief is None:
        raise InputError(f"No relief was found where there is some: {' '.join(fine.doubts)}")
    folds, wrinkles = fine.relief.folds, fine.relief.wrinkles
    points = atlas.gather(head.vertices)
    normals = atlas.gather(vertex_normals(head.vertices, skin_triangles(model)))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    height = atlas.gather(folds.height) + wrinkles.height
    truth = relief_height(points, head.marks)
    bent, found = bent_normals(normals, points, head.marks), _bent(atlas, normals, points, height)
    sight = atlas.gather(folds.sight)
    inside = atlas.gather(model.masks["narrow_face"]) > 0.9
    before, after = _degrees(normals, bent), _degrees(found, bent)
    relief = (sight > SEEN) & (before > FLAT)
    seen = (sight > SEEN) & inside
    hidden = inside & (head.masks.sample("skin", head.camera.project(points)[:, :2]) < HIDDEN)
    hidden |= inside & (head.masks.sample("beard", head.camera.project(points)[:, :2]) > 1 - HIDDEN)
    made = (atlas.gather(folds.shade) + wrinkles.shade)[:, None] * SHADE
    albedo, known = _log_color(atlas, fine), head.log_albedo(atlas)
    return {
        "normals_before_deg": float(before[relief].mean()),
        "normals_after_deg": float(after[relief].mean()),
        "flat_after_deg": float(_degrees(found, normals)[seen & (before < 0.5)].mean()),
        "correlation": float(np.corrcoef(height[relief], truth[relief])[0, 1]),
        "under_occluder_mm": float(1000 * np.abs(height[hidden]).max(initial=0.0)),
        "albedo_coarse": _spread((_log_color(atlas, coarse) - known)[relief]),
        "albedo_fine": _spread((albedo - BLEND * made - known)[relief]),
        "albedo_blended": _spread((albedo - known)[relief]),
    }


def _portraits(model: HeadModel, data: Path) -> dict[str, float]:
    """Medians over portraits: root mean square of the log shades shown, before and after what the relief explains."""
    embedding, tone = LandmarkEmbedding.load(model), SkinTone.load(model)
    figures, hidden, doubts = [], [], 0
    paths = portrait_paths(data)[::HELD_OUT]
    for path in track(paths[:: max(1, len(paths) // PORTRAITS)][:PORTRAITS], "Portraits"):
        try:
            (shot,), _ = take_shots([path])
        except InputError:
            continue
        fit = head_fit(model, shot, fit_shots(model, embedding, tone, [shot])[0])
        view = SkinView(model.vertices(fit.beta, fit.psi, fit.theta), fit.camera, shot.photo.pixels, shot.masks)
        skin = skin_textures(model, model.shaped(fit.beta), [view], SkinOptions(TEXTURE))
        if skin.relief is None:
            doubts += 1
            continue
        folds, wrinkles = skin.relief.folds, skin.relief.wrinkles
        size = np.linalg.norm(skin.relief.offset, axis=1)
        hidden.append(_hidden_sides(model, folds))
        figures.append(
            [
                *(_rms(value, folds.sight) for value in (folds.shown, folds.shown - folds.shade)),
                *(_rms(value, wrinkles.sight) for value in (wrinkles.shown, wrinkles.shown - wrinkles.shade)),
                1000 * float(size.max()),
            ]
        )
    names = ("folds_before", "folds_after", "wrinkles_before", "wrinkles_after", "offset_max_mm")
    medians = dict(zip(names, np.median(figures, axis=0).tolist(), strict=True))
    left = np.sqrt(np.sum(hidden, 0)[1:] / np.sum(hidden, 0)[0]).tolist()
    told = dict(zip(("hidden_flat_mm", "hidden_mirrored_mm", "hidden_expected_mm"), left, strict=True))
    return {"photos": len(figures) + doubts, "without_relief": doubts, **medians, **told}


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
