"""Fine inverse rendering: from what the coarse solution leaves unexplained of the skin's shades to relief.

Two scales of one energy (see `fine_energy`): on the mesh folds, bags and dimples as coarse as its vertices can show, in
the chart the wrinkles on them. Only bare skin is looked at: what hides it (glasses, hair, brows, beard, hands) or is no
part of the shell (lips' seam, lids, ears) has no height.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas
from ..rendering.shading import sh_basis, vertex_normals
from .albedo import LUMINANCE, SkinField, skin_edges, skin_triangles, smooth
from .complexion import HEMOGLOBIN, MELANIN, pigment, wet
from .fine_energy import DARKEST, Patch, Weights, minimise
from .hidden_relief import completed
from .projection import Projection

FOLDS = Weights(noise=0.05, height=1.0, flatness=0.7, bound=1.5, steps=80)
WRINKLES = Weights(noise=0.06, height=0.15, flatness=1.2, bound=0.3, steps=30)
FOLD_WIDTH = 6.0
"""Squared edges: shades that vary more slowly over the mesh are the coarse solution's."""
WRINKLE_WIDTH = 0.0018
"""Metres, one deviation: shades that vary more slowly over the chart are the mesh's."""
CHART_SIZE = 1024
"""Texels across the chart in which wrinkles are solved for, about 0.6 mm each."""
GLOSS = 0.2
"""Log shade above the surroundings from which it is rather a reflection."""
DARK = 0.8
"""Log shade below the surroundings from which it is rather hair, a nostril or a cast shadow."""
SHADE = np.array([0.86, 1.02, 1.08], np.float32)
"""Log colour of one unit of shade: between grey, the light's, and ruddy, that of light which went through skin."""
_SPREAD = {"shade": 0.12, "blood": 0.15, "melanin": 0.1, "noise": 0.02}
"""Deviations of what makes the colours of skin differ, in logarithms."""


@dataclass(frozen=True)
class Folds:
    """Relief of the mesh."""

    height: np.ndarray
    """[V] metres along the normals of the head as posed in the photo."""
    shade: np.ndarray
    """[V] log shade that it makes there."""
    shown: np.ndarray
    """[V] log shade that the photo shows there, of which this is the explanation."""
    sight: np.ndarray
    """[V] 0..1, where it was looked for."""
    light: np.ndarray
    """[9] SH of the luminance."""

    def offset(self, model: HeadModel, neutral: np.ndarray, share: np.ndarray) -> np.ndarray:
        """`[V, 3]` metres by which the `neutral` head [V, 3] has a `share` [V] of the relief. What the photo shows on
        one side alone is made up for on the other.
        """
        both = completed(model, self.height, self.sight) * share
        return (both[:, None] * vertex_normals(neutral, skin_triangles(model))).astype(np.float32)


@dataclass(frozen=True)
class Wrinkles:
    """Relief of the chart, N texels."""

    height: np.ndarray
    """[N] metres, the other side's where the photo does not see."""
    shade: np.ndarray
    """[N] log shade that it makes in the photo."""
    shown: np.ndarray
    """[N] log shade that the photo shows."""
    sight: np.ndarray
    """[N] 0..1, where it was looked for."""


def shade_of(color: np.ndarray) -> np.ndarray:
    """The log shade `[...]` in log colours `[..., 3]` relative to their surroundings.

    Blood and melanin absorb green and blue above all, shade takes from all alike: the posterior mean of Gaussians.
    """
    parts = [(SHADE, _SPREAD["shade"]), (HEMOGLOBIN, _SPREAD["blood"]), (MELANIN, _SPREAD["melanin"])]
    covariance = sum(spread**2 * np.outer(axis, axis) for axis, spread in parts) + _SPREAD["noise"] ** 2 * np.eye(3)
    return (color @ np.linalg.solve(covariance, _SPREAD["shade"] ** 2 * SHADE)).astype(np.float32)


@dataclass(frozen=True)
class MeshShades:
    """What the coarse solution leaves unexplained, as coarse as the mesh."""

    shown: np.ndarray
    """[V] log shade that the photo shows beyond the coarse one."""
    sight: np.ndarray
    """[V] 0..1, where that is of bare skin."""
    light: np.ndarray
    """[9] SH of the luminance."""


@dataclass(frozen=True)
class ChartShades:
    """What the coarse solution leaves unexplained, finer than the mesh: images of S x S texels."""

    shown: np.ndarray
    """[S, S] log shade that the photo shows beyond the coarse one."""
    weight: np.ndarray
    """[S, S] 0..1, how far it is to be believed."""
    sight: np.ndarray
    """[N] the same at the atlas' texels."""

    @property
    def known(self) -> np.ndarray:
        """[S, S] bool: texels that are looked at."""
        return self.weight > 0.02


def mesh_shades(
    model: HeadModel, posed: np.ndarray, color: np.ndarray, bare: np.ndarray, field: SkinField
) -> MeshShades:
    """From the log colours `[V, 3]` that the photo shows at the `posed` vertices [V, 3], as far as it shows `bare` skin
    [V] there, under the light of the coarse `field`.
    """
    edges, triangles = skin_edges(model), skin_triangles(model)
    sight = _eroded(triangles, (bare * open_skin(model)).astype(np.float32))
    light = field.light @ LUMINANCE
    irradiance = sh_basis(vertex_normals(posed, triangles)) @ light
    coarse = np.log(np.maximum(irradiance, DARKEST * np.abs(irradiance).mean()))
    shade = shade_of(color - smooth(edges, pigment(model), np.ones(len(color)), 0.3) - field.tone) - coarse
    for _ in range(2):  # what hair and gloss bring in must not shift what is around them
        weight = sight * _plausible(shade - np.average(shade, weights=sight + 1e-9))
        shade = shade - smooth(edges, shade[:, None], weight, FOLD_WIDTH)[:, 0]
    return MeshShades(shade, _eroded(triangles, sight * _plausible(shade)), light)


def chart_shades(atlas: Atlas, sight: np.ndarray, projection: Projection, detail: np.ndarray, size: int) -> ChartShades:
    """In `size` texels, or the atlas' if these are fewer, from the log colours `detail` [M, 3] that the photo shows at
    the texels of the `projection` beyond what the coarse field explains, where the mesh has `sight` [V].
    """
    factor = max(1, atlas.size // size)
    index = projection.index
    own = np.zeros(len(atlas.texels), np.float32)
    own[index] = projection.trust * atlas.gather(sight)[index]
    seen = np.zeros((len(atlas.texels), 2), np.float32)
    seen[:, 1] = own
    seen[index, 0] = own[index] * shade_of(detail)
    shade, weight = cv2.split(_reduced(atlas.image(seen), factor))
    shade /= np.maximum(weight, 1e-6)
    width = WRINKLE_WIDTH * float(np.median(atlas.density)) / factor
    return ChartShades(shade - weighted_blur(shade, weight, width), weight, own)


def solve_folds(model: HeadModel, posed: np.ndarray, shades: MeshShades, device: str) -> Folds:
    """Relief of the mesh that explains its shades, at the `posed` vertices [V, 3]."""
    heights, made = np.zeros((2, len(posed)), np.float32)
    used, patch = mesh_patch(model, posed, shades)
    free, sight = free_to_move(model, shades.sight), shades.sight
    heights[used], made[used] = minimise(patch, shades.shown[used], sight[used], free[used], FOLDS, device)
    return Folds(heights, made, shades.shown, sight, shades.light)


def solve_wrinkles(
    atlas: Atlas, posed: np.ndarray, normals: np.ndarray, light: np.ndarray, shades: ChartShades, device: str
) -> Wrinkles:
    """Relief of the chart that explains its shades. `posed` and `normals` [V, 3] are the head's, under `light` [9]."""
    known, shown = shades.known, shades.shown
    heights, made = np.zeros((2, *known.shape), np.float32)
    if known.any():
        rough = shown - cv2.GaussianBlur(shown, (0, 0), 1.0)
        noise = max(WRINKLES.noise, 2 * float(np.median(np.abs(rough[known])) / 0.6745))
        balance = replace(WRINKLES, noise=noise)
        believed = shades.weight * _plausible(shown)
        patch = chart_patch(atlas, known, posed, normals, light)
        heights[known], made[known] = minimise(
            patch, shown[known], believed[known], shades.weight[known], balance, device
        )
    return on_both_sides(atlas, np.stack([heights, made, shown], -1), shades.sight)


def mesh_patch(model: HeadModel, posed: np.ndarray, shades: MeshShades) -> tuple[np.ndarray, Patch]:
    """The skin of the `posed` head [V, 3] that is looked at: its vertices' numbers [U], and itself."""
    triangles = skin_triangles(model)
    inside = (open_skin(model) > 0)[triangles].all(1) & (shades.sight > 0)[triangles].any(1)
    used, local = np.unique(triangles[inside], return_inverse=True)
    normals = vertex_normals(posed, triangles)
    return used, Patch(posed[used], normals[used], local.reshape(-1, 3), shades.light)


def chart_patch(atlas: Atlas, known: np.ndarray, posed: np.ndarray, normals: np.ndarray, light: np.ndarray) -> Patch:
    """The `known` [S, S] of the chart's texels, of which the atlas has as many or more."""
    factor = atlas.size // len(known)
    solid = atlas.image(np.ones(len(atlas.texels), np.float32))
    place = np.concatenate([atlas.gather(posed), atlas.gather(normals)], 1)
    place = (_reduced(atlas.image(place), factor) / np.maximum(_reduced(solid, factor), 1e-6)[..., None])[known]
    return Patch(place[:, :3], place[:, 3:], _grid(known), light)


def free_to_move(model: HeadModel, sight: np.ndarray) -> np.ndarray:
    """How far `[V]`, 0..1, vertices may move that are looked at with `sight` [V]: it ends nowhere at once."""
    return np.minimum(sight, np.clip(smooth(skin_edges(model), sight[:, None], np.ones(len(sight)), 2.0)[:, 0], 0, 1))


def weighted_blur(image: np.ndarray, weight: np.ndarray, width: float) -> np.ndarray:
    """Means of an `image` [H, W] about each texel, by `weight` [H, W]; one deviation is `width` texels."""
    return cv2.GaussianBlur(image * weight, (0, 0), width) / np.maximum(cv2.GaussianBlur(weight, (0, 0), width), 1e-4)


def on_both_sides(atlas: Atlas, image: np.ndarray, sight: np.ndarray) -> Wrinkles:
    """The wrinkles of an `image` [S, S, 3] of heights, shades made and shades shown, and their mirror image where there
    is no `sight` [N]."""
    image = cv2.resize(image, (atlas.size, atlas.size), interpolation=cv2.INTER_CUBIC)
    mirrored = cv2.remap(image[..., 0], atlas.mirror_map, None, cv2.INTER_LINEAR).ravel()[atlas.texels]
    height, made, shown = image.reshape(-1, 3)[atlas.texels].T
    return Wrinkles(height + (1 - sight) * mirrored, made, shown, sight)


def open_skin(model: HeadModel) -> np.ndarray:
    """[V] 0..1: skin of the face that lies open and is nobody's seam."""
    covered = ("lips", "eyelids", "brows", "ears", "scalp")
    return model.masks["face"] * np.prod([1 - model.masks[name] for name in covered], axis=0) * (1 - wet(model))


def _eroded(triangles: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The least of the values `[V]` of a vertex and its neighbours."""
    least = values.copy()
    np.minimum.at(least, triangles.ravel(), np.repeat(values[triangles].min(1), 3))
    return least


def _plausible(shade: np.ndarray) -> np.ndarray:
    """Belief 0..1 that a log shade, relative to its surroundings, is neither a reflection nor a hair."""
    return 1 / (1 + (np.maximum(shade, 0) / GLOSS) ** 4 + (np.minimum(shade, 0) / DARK) ** 4)


def _reduced(image: np.ndarray, factor: int) -> np.ndarray:
    return cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)


def _grid(known: np.ndarray) -> np.ndarray:
    """The triangles `[T, 3]` of each of the `known` texels of an image [H, W] with its right and lower neighbour."""
    number = np.full(np.add(known.shape, 1), -1)
    number[:-1, :-1][known] = np.arange(known.sum())
    triangles = np.stack([number[:-1, :-1], number[1:, :-1], number[:-1, 1:]], -1).reshape(-1, 3)
    return triangles[(triangles >= 0).all(1)]
