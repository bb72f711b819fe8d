"""From the photo's colours at the mesh's vertices to albedo: light taken out, hidden skin filled in.

Everything of low frequency is solved here, on the surface and not in the texture, so that no seam of the chart shows.
Colours are logarithms of linear RGB: light and pigment add.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from ..parametric.head import HeadModel
from ..rendering.atlas import Atlas
from ..rendering.rasterise import triangulate
from ..rendering.shading import estimate_light, shade, srgb_to_linear
from .complexion import mucosa, pigment, wet
from .projection import Projection
from .segmentation import Masks

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
DARK = 0.004
"""Linear reflectance below which logarithms are cut off."""
SHADING_RANGE = (0.35, 1.9)
"""Relative irradiance the de-lighting believes in; beyond it is a cast shadow, a highlight or a bad normal."""
TONES = np.log(
    [[0.10, 0.042, 0.025], [0.20, 0.094, 0.057], [0.42, 0.225, 0.145], [0.60, 0.38, 0.27], [0.76, 0.53, 0.43]]
)
"""Log reflectance of usual skin, dark to light."""
GREEN = (-3.6, -0.6)
"""Range of skin's log reflectance in green."""
BOUNCED = 0.7
"""Share of a cast on neck and jaw that is light which clothes throw back."""
COLOR_CAST = 0.4
"""Share of a tone's distance from the usual one that is held to be the light's colour."""
FULL_HAIR = 0.04
"""Share of the masks' crop that hair takes on a head that is not balding."""
SCALP_TINT = np.array([0.28, 0.32, 0.34], np.float32)
"""Log colour of the skin under hair for one unit of the hair's log luminance; what is green or blue is a hat."""
HIGHLIGHT, PALE = 0.16, 0.08
"""Log luminance by which a fine detail, or a patch, may rise above its surroundings; more is a reflection."""
GREY = 0.2
"""Log ratio of a tone's channels below which the photo, not the skin, is short of colour."""


@dataclass(frozen=True)
class SkinField:
    """Low-frequency colour of the skin at vertices, natural logarithms of linear RGB."""

    albedo: np.ndarray
    """[V, 3] completed."""
    shading: np.ndarray
    """[V, 3] what to subtract from the photo's colour."""
    tone: np.ndarray
    """[3] the person's bare skin."""
    trust: np.ndarray
    """[V] 0..1, of the photo."""
    light: np.ndarray
    """[9, 3] second-order SH in head space, for albedo as given here."""


def vertex_means(atlas: Atlas, projection: Projection) -> tuple[np.ndarray, np.ndarray]:
    """Mean log colour `[V, 3]` of the texels around each vertex, and their mean trust `[V]`."""
    trust = projection.trust.astype(float)[:, None]
    seen = atlas.interpolation[projection.index].T @ np.concatenate([trust * projection.color, trust], 1)
    color = np.log(np.maximum(seen[:, :3] / np.maximum(seen[:, 3:], 1e-9), DARK))
    everywhere = atlas.interpolation.T @ np.ones(len(atlas.texels), np.float32)
    return color.astype(np.float32), (seen[:, 3] / np.maximum(everywhere, 1e-9)).astype(np.float32)


def solve_skin(
    model: HeadModel,
    normals: np.ndarray,
    color: np.ndarray,
    trust: np.ndarray,
    lips: np.ndarray,
    hairy: np.ndarray,
    fold: np.ndarray,
) -> SkinField:
    """De-light and complete the log colours `[V, 3]` that a photo shows with `trust` [V].

    `normals` [V, 3] are those of the posed head in head space; `lips` [V] and `hairy` [V] (brows, beard), 0..1, say
    where the photo may have colours of its own. Elsewhere what does not look like the face is not believed. `fold`
    [V], 0..1, is how the photo's expression folds the skin.
    """
    edges = skin_edges(model)
    layout = smooth(edges, pigment(model), np.ones(len(color)), 0.3)
    trust = trust * (1 - wet(model))
    bare = (1 - lips) * (1 - hairy)
    weight = trust * bare * model.masks["narrow_face"]
    shading = light_shading(normals, color - layout, weight)
    tone = _weighted_median(color - layout - shading, weight)
    trust = trust * np.maximum(_looks_like_skin(edges, color - layout - shading - tone, hairy), lips)
    weight = trust * bare
    shading = shading + _uneven_light(edges, color - layout - shading - tone, weight, model.mirror, fold)
    tone = _weighted_median(color - layout - shading, weight * model.masks["narrow_face"])
    plausible = plausible_tone(tone)
    shading = shading + tone - plausible
    tone = plausible
    layout = layout + _own_lips(model, color - shading - tone - layout, trust * lips)
    anchor = (
        0.01 + 0.2 * model.masks["eyelids"]
    )  # lids lie folded between brow and lash, and have the colour of neither
    prior = layout + plausible_tone(tone)  # the face is ruddier than what it does not show
    own = tame_highlights(color - shading - layout - tone, PALE)
    cast = own - (own @ LUMINANCE)[:, None]
    reflected = BOUNCED * (1 - np.maximum(model.masks["narrow_face"], hairy))[:, None] * cast
    seen = layout + tone + own - reflected
    albedo = _complete(edges, seen, trust, prior, model.mirror, anchor)
    albedo = smooth(edges, albedo - prior, np.ones(len(color)), 0.3) + prior  # the vertices' own noise is detail
    socket = wet(model)[:, None]
    light = estimate_light(normals, np.exp(color - albedo), weight)
    albedo = (albedo * (1 - socket) + mucosa(model) * socket).astype(np.float32)
    return SkinField(albedo, shading.astype(np.float32), tone, trust, light)


def scalp_tint(model: HeadModel, field: SkinField, pixels: np.ndarray, masks: Masks) -> np.ndarray:
    """Log colour `[V, 3]` by which the hair in the photo `pixels` darkens the skin under it."""
    seen = masks.hair > 0.8
    if not seen.any():
        return np.zeros_like(field.albedo)
    cover = min(1.0, float(seen.mean()) / FULL_HAIR)
    color = np.median(srgb_to_linear(masks.crop(pixels)[seen].astype(np.float32) / 255), axis=0)
    luminance = np.log(max(float(color @ LUMINANCE), DARK))
    shading = np.average(field.shading, axis=0, weights=field.trust + 1e-6)
    scalp = smooth(skin_edges(model), model.masks["scalp"][:, None], np.ones(len(field.albedo)), 12.0)
    darker = min(0.0, luminance - float((shading + field.tone) @ LUMINANCE))
    return (cover * darker * scalp * SCALP_TINT).astype(np.float32)


def tame_highlights(detail: np.ndarray, limit: float) -> np.ndarray:
    """Log colours `[N, 3]` relative to their surroundings, reflections pressed below the log luminance
    `limit` and their white taken out."""
    luminance = (detail @ LUMINANCE)[:, None]
    pressed = np.where(luminance > 0, limit * np.tanh(luminance / limit), luminance)
    pale = np.clip(luminance / limit, 0, 1)
    return pressed + (1 - 0.8 * pale) * (detail - luminance)


def light_shading(normals: np.ndarray, color: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Log irradiance `[V, 1]`, relative to its middle, of skin of one albedo that shows log colours `color`.

    Only luminance: the colour of the light cannot be told from that of the skin.
    """
    luminance = np.exp(color) @ LUMINANCE[:, None]
    scale = np.average(luminance[:, 0], weights=weight + 1e-9)
    light = estimate_light(normals, luminance / scale, weight, ridge=0.02)
    shading = shade(normals, light)[:, 0]
    shading = shading / np.maximum(_weighted_quantile(shading, weight, 0.6), 1e-3)
    low, high = np.log(SHADING_RANGE)
    middle, half = (low + high) / 2, (high - low) / 2
    return (middle + half * np.tanh((np.log(np.maximum(shading, 1e-2)) - middle) / half))[:, None].astype(np.float32)


def plausible_tone(tone: np.ndarray) -> np.ndarray:
    """A log colour `[3]` that skin can have: light that is coloured, too dim or too bright is partly taken out."""
    green = np.clip(tone[1], *GREEN)
    usual = np.stack([np.interp(green, TONES[:, 1], TONES[:, c]) for c in range(3)]) - green
    chroma = tone - tone[1]
    cast = max(COLOR_CAST, 1 - float(np.abs(chroma).max()) / GREY)
    return (green + chroma + cast * (usual - chroma)).astype(np.float32)


def _own_lips(model: HeadModel, residual: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """What the person's lips, seen with `weight` [V], add to the prior's: `[V, 3]`."""
    weight = weight * model.masks["lips"]
    share = min(1.0, float(weight.sum()) / 10)
    return share * model.masks["lips"][:, None] * _weighted_median(residual, weight + 1e-9)


def _looks_like_skin(edges: sparse.csr_matrix, residual: np.ndarray, hairy: np.ndarray) -> np.ndarray:
    """Belief 0..1 `[V]` in colours that differ from the person's skin by the log ratios `residual` [V, 3].

    Where it is `hairy`, any darkness and more of a cast is believed.
    """
    cast = np.hypot(residual[:, 0] - residual[:, 1], 0.7 * (residual[:, 2] - residual[:, 1]))
    belief = np.clip((0.34 - cast) / 0.16, 0, 1) * np.clip((residual @ LUMINANCE + 0.85) / 0.4, 0, 1)
    belief = np.maximum(belief, hairy * np.clip((0.9 - cast) / 0.3, 0, 1))
    lowest = belief.copy()
    ends = edges.indices.reshape(-1, 2)
    np.minimum.at(lowest, ends[:, 0], belief[ends[:, 1]])
    np.minimum.at(lowest, ends[:, 1], belief[ends[:, 0]])
    return lowest


def skin_edges(model: HeadModel) -> sparse.csr_matrix:
    """Incidence matrix `[E, V]` (+1, -1) of the skin's edges."""
    faces = model.faces[model.face_part == model.parts.index("skin")]
    count = len(model.v_template)
    ends = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], -1).reshape(-1, 2).astype(np.int64), axis=1)
    numbers = np.unique(ends[ends[:, 0] != ends[:, 1]] @ (count, 1))  # one integer sorts faster than two
    edges = np.stack(np.divmod(numbers, count), 1).ravel()
    signs = np.tile([1.0, -1.0], len(numbers))
    return sparse.csr_matrix((signs, edges, np.arange(0, len(edges) + 1, 2)), shape=(len(numbers), count))


def skin_triangles(model: HeadModel) -> np.ndarray:
    """[F, 3] triangles of the skin."""
    return triangulate(model.faces[model.face_part == model.parts.index("skin")])[0]


def _uneven_light(
    edges: sparse.csr_matrix, residual: np.ndarray, weight: np.ndarray, mirror: np.ndarray, fold: np.ndarray
) -> np.ndarray:
    """What is left of the light in `residual` [V, 3]: its smooth part, the difference between left and right, most of
    its shine and flush, and of the shade in folds and sockets two thirds or, where the expression folds, nearly all.
    """
    residual = np.clip(residual, -0.7, 0.5)
    slow = smooth(edges, residual, weight, 100.0)
    both = np.minimum(weight, weight[mirror])
    lopsided = smooth(edges, residual - residual[mirror], both, 30.0) / 2
    lopsided = (lopsided - lopsided[mirror]) / 2
    even = (slow + slow[mirror]) / 2
    brightness = (even @ LUMINANCE)[:, None]
    light = 0.9 * brightness + 0.75 * (even - brightness) + lopsided
    patches = smooth(edges, residual - light, weight, 5.0)
    brightness = (patches @ LUMINANCE)[:, None]
    shade = np.where(brightness < 0, 0.65 + 0.3 * fold[:, None], 0.7) * brightness
    return (light + shade + 0.75 * (patches - brightness)).astype(np.float32)


def smooth(edges: sparse.csr_matrix, values: np.ndarray, weight: np.ndarray, stiffness: float) -> np.ndarray:
    """Values `[V, C]` diffused over the surface, known where `weight` [V] is, fading to 0 far from there."""
    system = sparse.diags(weight + 0.01) + stiffness * (edges.T @ edges)
    return _solve(system, weight[:, None] * values)


def _complete(
    edges: sparse.csr_matrix,
    seen: np.ndarray,
    trust: np.ndarray,
    prior: np.ndarray,
    mirror: np.ndarray,
    anchor: np.ndarray,
) -> np.ndarray:
    """Fill in what was not seen: colours `[V, 3]` that keep `seen` where trusted and elsewhere have the gradients of
    the mirrored side where that was seen, or of the prior (Perez et al., "Poisson image editing", 2003), and that the
    weights `anchor` [V] hold to the prior's level.
    """
    mirrored = trust[mirror] * (1 - trust)
    on_edge = np.minimum.reduceat(mirrored[edges.indices], edges.indptr[:-1])[:, None]
    gradient = on_edge * (edges @ seen[mirror]) + (1 - on_edge) * (edges @ prior)
    trust = trust**1.5
    anchor = anchor * (1.2 - mirrored) * (1 - trust)
    system = sparse.diags(4 * trust + anchor) + edges.T @ edges
    right = 4 * trust[:, None] * seen + anchor[:, None] * prior + edges.T @ gradient
    return _solve(system, right).astype(np.float32)


def _solve(system: sparse.spmatrix, right: np.ndarray) -> np.ndarray:
    """Solve a symmetric positive definite system for `right` [V, C]."""
    solver = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True})
    return solver.solve(np.ascontiguousarray(right, float))


def _weighted_quantile(values: np.ndarray, weight: np.ndarray, share: float) -> float:
    order = np.argsort(values)
    total = np.cumsum(weight[order])
    return float(values[order[np.searchsorted(total, share * total[-1])]])


def _weighted_median(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.array([_weighted_quantile(column, weight, 0.5) for column in values.T], np.float32)
