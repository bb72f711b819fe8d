"""Light on skin: second-order spherical harmonics, and the sRGB transfer curve.

Source: Ramamoorthi and Hanrahan, "An efficient representation for irradiance environment maps", 2001. Here the clamped
cosine's factors are part of the light's coefficients, so that a colour is C = L^T phi(n) rho.
"""

import numpy as np

from ..parametric.lbs import Array, namespace

SH_TERMS = 9


def sh_basis(normals: Array) -> Array:
    """The nine real spherical harmonics of order 0, 1 and 2 at unit normals: `[..., 3]` to `[..., 9]`."""
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    xp = namespace(normals)
    return xp.stack(
        [
            xp.ones_like(x) * 0.282095,
            0.488603 * y,
            0.488603 * z,
            0.488603 * x,
            1.092548 * x * y,
            1.092548 * y * z,
            0.315392 * (3 * z * z - 1),
            1.092548 * x * z,
            0.546274 * (x * x - y * y),
        ],
        -1,
    )


def shade(normals: Array, light: Array) -> Array:
    """Irradiance at normals: `[..., 3]`, light `[9, C]` to `[..., C]`."""
    return sh_basis(normals) @ light


def estimate_light(
    normals: np.ndarray, colors: np.ndarray, weights: np.ndarray, *, ridge: float = 1e-3, rounds: int = 6
) -> np.ndarray:
    """The light `[9, C]` that best explains linear colours `[N, C]` at normals `[N, 3]` of one albedo (taken as 1).

    Iteratively reweighted least squares with Geman-McClure weights: brows, beard, highlights and cast shadows are
    outliers to it. `ridge` holds the orders 1 and 2 against what the normals of a face alone cannot tell.
    """
    basis = sh_basis(normals).astype(np.float64)
    penalty = np.diag([0.0] + [1.0] * 3 + [4.0] * 5) * ridge * weights.sum()
    robust = np.ones(len(colors))
    light = np.zeros((SH_TERMS, colors.shape[1]))
    for _ in range(rounds):
        weighted = basis * (weights * robust)[:, None]
        light = np.linalg.solve(weighted.T @ basis + penalty, weighted.T @ colors)
        residual = np.abs(basis @ light - colors).mean(1)
        scale = 1.5 * np.median(residual[weights > 0]) + 1e-6
        robust = 1 / (1 + (residual / scale) ** 2) ** 2
    return light.astype(np.float32)


def srgb_to_linear(color: Array) -> Array:
    """The sRGB curve, 0..1 to 0..1."""
    xp = namespace(color)
    return xp.where(color <= 0.04045, color / 12.92, ((xp.clip(color, 0, None) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(color: Array) -> Array:
    """The inverse of `srgb_to_linear`; values outside 0..1 are clipped."""
    xp = namespace(color)
    color = xp.clip(color, 1e-9, 1)
    return xp.where(color <= 0.0031308, color * 12.92, 1.055 * color ** (1 / 2.4) - 0.055)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Area-weighted unit normals `[V, 3]` of a mesh with triangles `[F, 3]`."""
    corners = vertices[triangles]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack([np.bincount(triangles.ravel(), np.repeat(face[:, c], 3), len(vertices)) for c in range(3)], 1)
    return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-20)).astype(np.float32)
