"""Several photos of one skin become one: colours aligned, smooth ones blended widely, details taken where seen best.

Two bands, as in Burt and Adelson, "A multiresolution spline with application to image mosaics", 1983: what is smooth
lies at vertices and may mix, what is fine lies at texels and would show twice if it did.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..parametric.head import HeadModel
from ..rendering.camera import Camera
from .albedo import SkinField, skin_edges, smooth
from .segmentation import Masks

FIRST = 1.25
"""How much better another view must be than the first to be preferred: one photo's face is of one piece."""
SOFT, SHARP = 2.0, 12.0
"""Exponents of trust by which views share smooth colour and detail among them."""
WIDTH = 30.0
"""Stiffness of the smoothing of shares over the mesh."""
ALIKE = 0.01
"""Weight of the photos' tones being one, against that of one commonly seen vertex: it decides where none is."""


@dataclass(frozen=True)
class SkinView:
    """A photo and the head as posed in it."""

    vertices: np.ndarray
    """[V, 3]."""
    camera: Camera
    pixels: np.ndarray
    """[H, W, 3] uint8."""
    masks: Masks
    sharp: bool = True
    """Whether its fine shades tell anything of relief."""


def aligned(fields: Sequence[SkinField]) -> list[SkinField]:
    """The fields with a constant of each moved from shading to albedo, so that they agree where several are seen.

    Photos differ in exposure and white balance, and each one's tone is a guess of its own; the mean of the guesses,
    by what each has seen, is kept.
    """
    count = len(fields)
    system, right = np.zeros((count, count)), np.zeros((count, 3))
    for p, one in enumerate(fields):
        for q, other in enumerate(fields[:p]):
            both = one.trust * other.trust
            difference = both @ (other.albedo - one.albedo) + ALIKE * (other.tone - one.tone)
            sign = np.eye(count)[p] - np.eye(count)[q]
            system += (both.sum() + ALIKE) * np.outer(sign, sign)
            right += np.outer(sign, difference)
    seen = np.array([field.trust.sum() + 1e-6 for field in fields])
    system += np.outer(seen, seen) / seen.sum()
    offset = np.linalg.solve(system, right).astype(np.float32)
    return [
        replace(f, albedo=f.albedo + o, shading=f.shading - o, tone=f.tone + o, light=f.light * np.exp(-o))
        for f, o in zip(fields, offset, strict=True)
    ]


def blended(model: HeadModel, fields: Sequence[SkinField]) -> SkinField:
    """One field of several aligned ones: everyone's albedo, the first one's shading and light."""
    if len(fields) == 1:
        return fields[0]
    trust = np.stack([field.trust for field in fields])
    edges = skin_edges(model)
    wide = smooth(edges, shares(trust, SOFT).T, np.ones(trust.shape[1]), WIDTH).T
    wide = wide / wide.sum(0)
    albedo = np.einsum("pv,pvc->vc", wide, np.stack([field.albedo for field in fields]))
    return replace(fields[0], albedo=albedo.astype(np.float32), trust=trust.max(0))


def shares(quality: np.ndarray, exponent: float) -> np.ndarray:
    """How views share each place among them, `[P, N]` of sum 1, by how well each sees it, `quality` [P, N] 0..1."""
    quality = quality.astype(np.float32)
    quality[0] = FIRST * quality[0]
    weight = (quality / (quality.max(0) + 1e-6)) ** exponent + 1e-6
    return weight / weight.sum(0)
