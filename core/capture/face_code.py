"""The 236 parameters by which a picture of a face is coded, and where a coded face lies in the network's view.

The layout is that of Feng et al., "Learning an Animatable Detailed 3D Face Model from In-the-Wild Images" (DECA),
SIGGRAPH 2021, section 4.1: shape, albedo, expression, pose, camera, light. Everything works on torch and numpy arrays.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag

from ..parametric.albedo_basis import COMPONENTS, AlbedoBasis
from ..parametric.head import EXPRESSIONS, JOINTS, SHAPES, HeadModel
from ..parametric.lbs import Array, namespace, rotation_matrix
from ..rendering.atlas import build_atlas
from ..rendering.lookup import lookup
from ..rendering.shading import SH_TERMS
from .coarse_net import SIDE

WIDTHS = (SHAPES, COMPONENTS, EXPRESSIONS, 3, 3, 3, 3 * SH_TERMS)
SIZE = sum(WIDTHS)
"""236."""
UNIT = 0.1
"""Metres: a camera's scale is in half sides of the view for that length."""
UPRIGHT = np.array([1.0, -1.0, -1.0])
"""Of the axes of head space in a camera that sees the face from the front."""
LIGHT_MIRROR = np.array([1, 1, 1, -1, -1, 1, 1, -1, 1.0])
"""Signs of the spherical harmonics under x -> -x."""


class FaceCode(NamedTuple):
    """What a picture tells of a face; any leading dimensions."""

    beta: Array
    """[..., 100] shape."""
    alpha: Array
    """[..., 50] of the albedo basis."""
    psi: Array
    """[..., 50] expression."""
    turn: Array
    """[..., 3] axis-angle of the head in the view; 0 from the front."""
    jaw: Array
    """[..., 3] axis-angle."""
    camera: Array
    """[..., 3] weak perspective: the scale's logarithm, and where the anchor is seen, in half sides off the middle."""
    light: Array
    """[..., 27] second-order SH, RGB for each term, in head space."""

    @classmethod
    def split(cls, values: Array) -> "FaceCode":
        """Of parameters `[..., 236]`."""
        ends = np.cumsum((0, *WIDTHS))
        return cls(*(values[..., start:end] for start, end in pairwise(ends)))

    @property
    def values(self) -> Array:
        """`[..., 236]`."""
        return namespace(self.beta).concatenate(list(self), -1)

    @property
    def harmonics(self) -> Array:
        """The light `[..., 9, 3]`."""
        return self.light.reshape(*self.light.shape[:-1], SH_TERMS, 3)

    @property
    def theta(self) -> Array:
        """The head model's pose `[..., 5, 3]`: only the jaw moves."""
        xp = namespace(self.jaw)
        still = xp.zeros_like(self.jaw)
        return xp.stack([self.jaw if joint == "jaw" else still for joint in JOINTS], -2)

    @property
    def rotation(self) -> Array:
        """`[..., 3, 3]` head space to the view's camera (x right, y down, z forward)."""
        turned = rotation_matrix(self.turn)
        return turned * (UPRIGHT if namespace(turned) is np else turned.new_tensor(UPRIGHT))

    def project(self, points: Array, anchor: Array) -> Array:
        """Pixels of the view `[..., N, 2]` of `points` `[..., N, 3]` in head space, round the `anchor` `[3]`."""
        xp = namespace(points)
        seen = xp.einsum("...ab,...nb->...na", self.rotation[..., :2, :], points - anchor) / UNIT
        place = xp.exp(self.camera[..., None, :1]) * seen + self.camera[..., None, 1:]
        return SIDE / 2 * (1 + place)


def anchor_of(model: HeadModel) -> np.ndarray:
    """`[3]` the middle of the mean face: metres."""
    return model.v_template[model.masks["narrow_face"] > 0.5].mean(0)


def weak_perspective(seen: np.ndarray, points: np.ndarray, rotation: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    """The `camera` `[3]` of a code that puts `points` `[N, 3]`, turned by `rotation`, nearest to `seen` `[N, 2]`."""
    place, flat = seen / (SIDE / 2) - 1, (points - anchor) @ rotation[:2].T / UNIT
    middle = flat.mean(0)
    scale = ((place - place.mean(0)) * (flat - middle)).sum() / ((flat - middle) ** 2).sum()
    return np.array([np.log(max(scale, 1e-3)), *(place.mean(0) - scale * middle)])


def mirror_map(model: HeadModel, basis: AlbedoBasis) -> np.ndarray:
    """`[236, 236]` the linear map from a picture's code to that of its mirror image: `code @ map`."""
    flip = np.array([-1, 1, 1], np.float32)[:, None]
    shapes, mirrored = (
        dirs.reshape(-1, SHAPES + EXPRESSIONS) for dirs in (model.shapedirs, model.shapedirs[model.mirror] * flip)
    )
    modes = basis.modes.reshape(COMPONENTS, basis.size, basis.size, 3) * basis.step[:, None, None, None]
    places = build_atlas(model, "skin", basis.size).mirror_map.reshape(-1, 2) + 0.5
    on = places[:, 0] >= 0
    flipped = np.stack([lookup(mode.astype(np.float32), places[on]).ravel() for mode in modes])
    axial = np.diag([1.0, -1.0, -1.0])
    return block_diag(
        _change(shapes[:, :SHAPES], mirrored[:, :SHAPES]),
        _change(modes.reshape(COMPONENTS, -1, 3)[:, on].reshape(COMPONENTS, -1).T, flipped.T),
        _change(shapes[:, SHAPES:], mirrored[:, SHAPES:]),
        axial,
        axial,
        np.diag([1.0, -1.0, 1.0]),
        np.kron(np.diag(LIGHT_MIRROR), np.eye(3)),
    )


def _change(basis: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """`[K, K]` what takes coefficients of `mirrored` `[N, K]` to those of `basis` `[N, K]`, by least squares."""
    basis = basis.astype(np.float64)
    return np.linalg.solve(basis.T @ basis, basis.T @ mirrored).T
