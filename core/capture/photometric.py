"""E_con of the coarse inverse rendering: what the shades of a photo tell of the face's shape.

C = L^T phi(n) rho at the vertices that show bare skin, in logarithms of luminance, where light, pigment and their
errors add. Shape acts through normals alone: skin has no texture to hold positions by, which the landmarks do. Light
and skin tone are solved for, and marginalised in what the shades tell of the shape (Gauss-Newton, Schur complement).
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from ..rendering.shading import SH_TERMS, estimate_light, sh_basis, srgb_to_linear
from .face_surface import FaceSurface
from .landmark_fit import Evidence, LandmarkFit
from .photo import Photo
from .refine import Witness
from .segmentation import Masks
from .skin_tone import SkinTone

INDEPENDENT = 900
"""Effective number of independent samples on a face: what the tone's modes leave still varies in patches."""
GRAZING = 0.35
"""Cosine between normal and view below which a vertex is not looked at."""
LEAST_WEIGHT = 0.05
"""Of a sample: below it, it is not used."""
LEAST_SEEN = 0.1
"""Share of the face's bare skin without which shades tell nothing."""
BLUR = 2.5
"""Pixels of the segmentation's crop, about as many millimetres: the finest the shapes can do."""
OUTLIER = 2.5
"""Standard deviations from which a shade is rather a highlight or a shadow."""
LIGHT_DEVIATION = np.array([10.0] + 3 * [1.0] + 5 * [0.5])
"""Standard deviations of the light's coefficients over its ambient one."""
_LIGHT_ROUNDS = 6
_DARK = 0.004
"""Linear luminance below which logarithms are cut off."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)

Shades = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From the N vertices' pixels `[N, 2]` to the log luminance `[N]` there and the share `[N]` of bare skin in it."""


@dataclass(frozen=True)
class Samples:
    """What is seen of the face in one state of the fit."""

    normals: np.ndarray
    """[N, 3]."""
    luminance: np.ndarray
    """[N] logarithms."""
    weight: np.ndarray
    """[N] 0..1."""


@dataclass(frozen=True)
class Explanation:
    """The light and the skin tone that explain the M samples that are seen."""

    seen: np.ndarray
    """[N] bool, M of them."""
    light: np.ndarray
    """[9]."""
    residual: np.ndarray
    """[M] log luminance that is left."""
    weight: np.ndarray
    """[M] 0..1, those of outliers lessened."""
    precision: np.ndarray
    """[M] inverse variances."""
    jacobian: np.ndarray
    """[M, 9 + K] of the log luminance by light and tone."""
    hessian: np.ndarray
    """[9 + K, 9 + K], with the priors of both."""

    @property
    def error(self) -> float:
        """Weighted root mean square of the residual."""
        return float(np.sqrt(np.average(self.residual**2, weights=self.weight)))


def photo_shades(photo: Photo, masks: Masks) -> Shades:
    """The photo's luminance in patches of bare skin as wide as the head model's shapes are fine."""
    height, width = photo.pixels.shape[:2]
    bare = masks.skin * (1 - masks.beard) * (1 - masks.brows) * (1 - masks.glasses)
    warped = cv2.warpAffine(bare, masks.transform, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    weight = warped**2 + 1e-3
    sigma = BLUR / np.sqrt(abs(np.linalg.det(masks.transform[:, :2])))
    linear = srgb_to_linear(photo.pixels / np.float32(255)) @ _LUMINANCE
    blurred = gaussian_filter(linear * weight, sigma) / gaussian_filter(weight, sigma)
    luminance = np.log(np.maximum(blurred, _DARK))

    def shades(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = pixels.T[::-1] - 0.5
        share = map_coordinates(warped, place, order=1, cval=0.0)
        return map_coordinates(luminance, place, order=1, mode="nearest"), share

    return shades


def sample(surface: FaceSurface, shades: Shades, fit: LandmarkFit) -> Samples:
    """The shades of the face where a fit sees it."""
    positions = surface.positions(fit.beta, fit.arkit)
    luminance, share = shades(fit.camera.project(positions)[:, :2])
    facing = np.clip((surface.facing(positions, fit.camera) - GRAZING) / (1 - GRAZING), 0, 1)
    return Samples(surface.normals(positions), luminance, surface.bare * share * facing)


def explain(samples: Samples, tone: SkinTone, whole: float) -> Explanation:
    """Solve for light and skin tone, robustly; `whole` is the weight of a face that is wholly seen."""
    seen = samples.weight > LEAST_WEIGHT
    certainty = min(1.0, INDEPENDENT / whole) / tone.deviation**2
    luminance, modes, basis = (
        samples.luminance[seen] - tone.mean[seen],
        tone.modes[seen],
        sh_basis(samples.normals[seen]),
    )
    light = estimate_light(samples.normals[seen], np.exp(luminance)[:, None], samples.weight[seen])[:, 0].astype(float)
    state = np.concatenate([light, np.zeros(modes.shape[1])])
    expected = np.where(np.arange(len(state)) == 0, light[0], 0)
    prior = np.concatenate([(LIGHT_DEVIATION * light[0]) ** -2.0, np.ones(modes.shape[1])])
    for _ in range(_LIGHT_ROUNDS):
        shade = irradiance(basis, state[:SH_TERMS])
        residual = luminance - np.log(shade) - modes @ state[SH_TERMS:]
        weight = samples.weight[seen] / (1 + (residual / (OUTLIER * tone.deviation)) ** 2) ** 2
        precision = certainty * weight
        jacobian = np.concatenate([basis / shade[:, None], modes], 1)
        hessian = jacobian.T @ (precision[:, None] * jacobian) + np.diag(prior)
        state = state + np.linalg.solve(hessian, jacobian.T @ (precision * residual) - prior * (state - expected))
    residual = luminance - np.log(irradiance(basis, state[:SH_TERMS])) - modes @ state[SH_TERMS:]
    return Explanation(seen, state[:SH_TERMS], residual, weight, precision, jacobian, hessian)


def irradiance(basis: np.ndarray, light: np.ndarray) -> np.ndarray:
    """`[N]` from `[N, 9]` and `[9]`, kept from the nought that an expansion to second order can reach."""
    shade = basis @ light
    return np.maximum(shade, 0.1 * np.abs(shade).mean())


def evidence(surface: FaceSurface, shades: Shades, tone: SkinTone, fit: LandmarkFit) -> Evidence:
    """What the shades tell of beta, linearised at a fit."""
    samples = sample(surface, shades, fit)
    found = explain(samples, tone, surface.bare.sum())
    positions = surface.positions(fit.beta, fit.arkit)
    turning = surface.normals_by_beta(positions, fit.beta, fit.arkit)[found.seen]
    normals = samples.normals[found.seen]
    step = 0.01  # the basis is quadratic: central differences are exact
    by_normal = [(sh_basis(normals + h) - sh_basis(normals - h)) @ found.light / (2 * step) for h in step * np.eye(3)]
    shade = irradiance(sh_basis(normals), found.light)
    jacobian = np.einsum("nc,nck->nk", np.stack(by_normal, -1) / shade[:, None], turning)
    weighted = found.precision[:, None] * jacobian
    shared = found.jacobian.T @ weighted
    precision = jacobian.T @ weighted - shared.T @ np.linalg.solve(found.hessian, shared)
    return Evidence(precision, weighted.T @ found.residual + precision @ fit.beta)


def shade_witness(surface: FaceSurface, tone: SkinTone, shades: Shades) -> Witness:
    """What the `shades` of a photo tell, where enough skin is bare."""
    enough = LEAST_SEEN * surface.bare.sum()

    def tell(fit: LandmarkFit) -> Evidence | None:
        seen = sample(surface, shades, fit).weight.sum() >= enough
        return evidence(surface, shades, tone, fit) if seen else None

    return tell
