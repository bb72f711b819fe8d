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
from ..rendering.shading import estimate_light, shade
from .complexion import MUCOSA, pigment, wet
from .projection import Projection

LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
DARK = 0.004
"""Linear reflectance below which logarithms are cut off."""
SHADING_RANGE = (0.35, 1.9)
"""Relative irradiance the de-lighting believes in; beyond it is a cast shadow, a highlight or a bad normal."""
PLAUSIBLE_TONE = np.log(np.array([[0.055, 0.030, 0.018], [0.72, 0.52, 0.44]], np.float32))
PLAUSIBLE_CHROMA = ((0.25, 0.85), (-0.95, -0.08))
"""Ranges of log R/G and log B/G of bare skin."""


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


def vertex_means(atlas: Atlas, projection: Projection, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean log colour `[V, 3]` of the texels around each vertex, and their mean trust `[V]`."""
    corners = atlas.corners[projection.index].ravel()
    barycentric = atlas.barycentric[projection.index]
    weight = (barycentric * projection.trust[:, None]).ravel()
    total = np.bincount(corners, weight, count)
    everywhere = np.bincount(atlas.corners.ravel(), atlas.barycentric.ravel(), count)
    color = np.stack(
        [np.bincount(corners, weight * np.repeat(c, 3), count) for c in projection.color.T.astype(np.float64)], 1
    )
    color = np.log(np.maximum(color / np.maximum(total, 1e-9)[:, None], DARK))
    return color.astype(np.float32), (total / np.maximum(everywhere, 1e-9)).astype(np.float32)


def solve_skin(
    model: HeadModel, normals: np.ndarray, color: np.ndarray, trust: np.ndarray, bare: np.ndarray
) -> SkinField:
    """De-light and complete the log colours `[V, 3]` that a photo shows with `trust` [V].

    `normals` [V, 3] are those of the posed head in head space; `bare` [V] 0..1 says where the skin carries no brow,
    lip or beard, which alone tell light and tone.
    """
    layout = pigment(model)
    edges = skin_edges(model)
    weight = trust * bare * (1 - wet(model))
    shading = light_shading(normals, color - layout, weight)
    tone = _weighted_median(color - layout - shading, weight)
    shading = shading + _uneven_light(edges, color - layout - shading - tone, weight, model.mirror)
    plausible = plausible_tone(tone)
    shading = shading + tone - plausible
    tone = plausible
    albedo = _complete(edges, color - shading, trust, tone + layout, model.mirror)
    socket = wet(model)[:, None]
    light = estimate_light(normals, np.exp(color - albedo), weight)
    return SkinField(albedo * (1 - socket) + MUCOSA * socket, shading, tone, trust * (1 - socket[:, 0]), light)


def light_shading(normals: np.ndarray, color: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Log irradiance `[V, 1]`, relative to its upper middle, of skin of one albedo that shows log colours `color`.

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
    """The nearest log colour `[3]` that skin can have: light that is coloured, too dim or too bright is taken out."""
    green = np.clip(tone[1], *PLAUSIBLE_TONE[:, 1])
    red = green + np.clip(tone[0] - tone[1], *PLAUSIBLE_CHROMA[0])
    blue = green + np.clip(tone[2] - tone[1], *PLAUSIBLE_CHROMA[1])
    return np.array([red, green, blue], np.float32)


def skin_edges(model: HeadModel) -> sparse.csr_matrix:
    """Incidence matrix `[E, V]` (+1, -1) of the skin's edges."""
    faces = model.faces[model.face_part == model.parts.index("skin")]
    edges = np.concatenate([faces[:, [i, (i + 1) % 4]] for i in range(4)])
    edges = np.unique(np.sort(edges[edges[:, 0] != edges[:, 1]], axis=1), axis=0)
    rows = np.arange(len(edges))
    signs = np.ones(len(edges))
    entries = (np.concatenate([signs, -signs]), (np.concatenate([rows, rows]), edges.T.ravel()))
    return sparse.csr_matrix(entries, shape=(len(edges), len(model.v_template)))


def skin_triangles(model: HeadModel) -> np.ndarray:
    """[F, 3] triangles of the skin."""
    return triangulate(model.faces[model.face_part == model.parts.index("skin")])[0]


def _uneven_light(edges: sparse.csr_matrix, residual: np.ndarray, weight: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """What is left of the light in `residual` [V, 3]: its smooth part, and the difference between left and right."""
    luminance = np.clip(residual @ LUMINANCE, -0.7, 0.5)[:, None]
    smooth = _smooth(edges, luminance, weight, 200.0)
    both = np.minimum(weight, weight[mirror])
    lopsided = _smooth(edges, luminance - luminance[mirror], both, 30.0) / 2
    lopsided = (lopsided - lopsided[mirror]) / 2
    even = smooth - (smooth - smooth[mirror]) / 2
    return (0.6 * even + lopsided).astype(np.float32)


def _smooth(edges: sparse.csr_matrix, values: np.ndarray, weight: np.ndarray, stiffness: float) -> np.ndarray:
    """Values `[V, C]` diffused over the surface, known where `weight` [V] is, fading to 0 far from there."""
    system = sparse.diags(weight + 0.01) + stiffness * (edges.T @ edges)
    return _solve(system, weight[:, None] * values)


def _complete(
    edges: sparse.csr_matrix, seen: np.ndarray, trust: np.ndarray, prior: np.ndarray, mirror: np.ndarray
) -> np.ndarray:
    """Fill in what was not seen: colours `[V, 3]` that keep `seen` where trusted and elsewhere have the gradients of
    the mirrored side where that was seen, or of the prior (Perez et al., "Poisson image editing", 2003).
    """
    mirrored = trust[mirror] * (1 - trust)
    on_edge = np.minimum.reduceat(mirrored[edges.indices], edges.indptr[:-1])[:, None]
    gradient = on_edge * (edges @ seen[mirror]) + (1 - on_edge) * (edges @ prior)
    anchor = 0.01 * (1 - mirrored) + 0.002
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
