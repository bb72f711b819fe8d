"""What the encoder is taught by: the coarse losses of DECA (Feng et al., SIGGRAPH 2021, section 4.1), a function each,
and, since synthetic portraits have a truth, that truth.

DECA's identity loss asks a face recogniser whether rendering and photo show one person. None is openly licensed; here
the code itself is asked: shapes of two views of one person, or of a portrait and its truth, must point the same way.
"""

import torch
from torch import Tensor
from torch.nn import functional

from ...capture.coarse_net import SIDE
from ...capture.face_code import FaceCode
from ...capture.landmarks import IRISES
from ...rendering.shading import srgb_to_linear
from .coded_points import CodedPoints, Skin, log_shade

WEIGHTS = {
    "shape": 0.5,
    "expression": 0.15,
    "turn": 20.0,
    "camera": 2.0,
    "points": 1.0,
    "light": 1.0,
    "landmarks": 20.0,
    "lids": 10.0,
    "lips": 10.0,
    "photometric": 4.0,
    "identity": 0.5,
    "symmetry": 0.2,
    "prior": 0.01,
    "grey": 0.5,
}
"""Of each loss in the sum."""
LIDS = torch.tensor([(159, 145), (160, 144), (158, 153), (386, 374), (385, 380), (387, 373)])
"""Landmarks of the upper lids and of the lower ones below them."""
LIPS = torch.tensor([(13, 14), (82, 87), (312, 317), (81, 178), (311, 402)])
"""The same of the lips' inner borders."""
DARK = 0.01
"""Added to linear colours before their logarithm: darker ones tell less."""
FACING = 0.3
"""Cosine to the view from which a vertex counts in full."""
OUTLIER = 0.2
"""Difference of logarithms from which a colour is rather a shadow or a highlight."""


def shape_loss(code: FaceCode, truth: FaceCode, gram: Tensor) -> Tensor:
    """Mean squared distance of the neutral faces' vertices, mm^2; `gram` `[100, 100]` is that of beta's directions."""
    difference = code.beta - truth.beta
    return (difference @ gram * difference).sum(-1).mean()


def expression_loss(code: FaceCode, truth: FaceCode, points: CodedPoints) -> Tensor:
    """Mean squared distance, mm^2, of `points` on the true head that wears the coded expression."""
    worn = truth._replace(psi=code.psi, jaw=code.jaw)
    return 1e6 * (points(worn) - points(truth)).square().sum(-1).mean()


def turn_loss(code: FaceCode, truth: FaceCode) -> Tensor:
    """Mean squared geodesic distance of the global rotations, squared radians."""
    return angles(code.rotation, truth.rotation).square().mean()


def angles(rotation: Tensor, other: Tensor) -> Tensor:
    """Geodesic distance `[B]` of rotations `[B, 3, 3]`: radians."""
    relative = rotation.mT @ other
    axis = torch.stack([relative[..., i, j] - relative[..., j, i] for i, j in ((2, 1), (0, 2), (1, 0))], -1)
    sine = torch.sqrt(axis.square().sum(-1) + 1e-12)
    cosine = relative.diagonal(dim1=-2, dim2=-1).sum(-1) - 1
    return torch.atan2(sine, cosine)


def camera_loss(code: FaceCode, truth: FaceCode) -> Tensor:
    """Mean squared difference: logarithms of the scale, half sides of the view."""
    return (code.camera - truth.camera).square().sum(-1).mean()


def points_loss(projected: Tensor, seen: Tensor) -> Tensor:
    """Mean distance of points `[B, P, 2]` in the view, over its half side."""
    return _distance(projected - seen).mean() / (SIDE / 2)


def light_loss(code: FaceCode, truth: FaceCode, normals: Tensor) -> Tensor:
    """Squared difference of the logarithms of the shading at `normals` `[N, 3]`, whatever the exposure."""
    difference = log_shade(normals, code.harmonics) - log_shade(normals, truth.harmonics)
    return (difference - difference.mean(1, keepdim=True)).square().mean()


def landmark_loss(projected: Tensor, seen: Tensor, trust: Tensor) -> Tensor:
    """Mean distance of landmarks `[B, 478, 2]` over that between the irises or, when turned, half the face's height."""
    distance = _distance(projected - seen) / ocular(seen)[:, None]
    return (distance * trust).sum(1).mean() / trust.sum()


def ocular(seen: Tensor) -> Tensor:
    """`[B]` the pixels between the irises of `seen` `[B, 478, 2]`; of turned faces half the height of the face."""
    right, left = (seen[:, i] for i in IRISES)
    return torch.maximum(_distance(left - right), 0.5 * _distance(seen[:, 10] - seen[:, 152]))


def gap_loss(projected: Tensor, seen: Tensor, pairs: Tensor) -> Tensor:
    """How differently lids, or lips, are open: of `pairs` `[K, 2]` of landmarks, over the distance of the irises."""
    gaps = (marks[:, pairs[:, 0]] - marks[:, pairs[:, 1]] for marks in (projected, seen))
    return (_distance(next(gaps) - next(gaps)) / ocular(seen)[:, None]).mean()


def photometric_loss(skin: Skin, code: FaceCode, projected: Tensor, pixels: Tensor, bare: Tensor) -> Tensor:
    """Geman and McClure's robust difference of log colours, where the photo shows bare skin.

    `projected` `[B, N, 2]` is where the view `pixels` `[B, 3, SIDE, SIDE]` sRGB shows the `skin`; `bare`
    `[B, 1, SIDE, SIDE]` 0..1. Logarithms: dark skin counts as light skin does.
    """
    difference, weight = color_difference(skin, code, projected, pixels, bare)
    squared = difference.square().sum(-1)
    return (weight * squared / (1 + squared / OUTLIER**2)).sum() / (weight.sum() + 1e-6) / OUTLIER


def color_difference(
    skin: Skin, code: FaceCode, projected: Tensor, pixels: Tensor, bare: Tensor
) -> tuple[Tensor, Tensor]:
    """Log colours of the skin less those of the photo `[B, N, 3]`, and how far to believe them `[B, N]`."""
    place = projected[:, None] / (SIDE / 2) - 1
    found, share = (functional.grid_sample(image, place, align_corners=False)[:, :, 0] for image in (pixels, bare))
    facing = -torch.einsum("bnc,bc->bn", skin.normals, code.rotation[:, 2]).detach()
    weight = (share[:, 0].detach() * (facing / FACING).clamp(0, 1)) ** 2
    seen = torch.log(srgb_to_linear(found.mT) + DARK)
    return torch.logaddexp(skin.color, torch.log(torch.full_like(skin.color, DARK))) - seen, weight


def identity_loss(beta: Tensor, other: Tensor) -> Tensor:
    """One less the cosine between shapes `[B, 100]` of one person."""
    return 1 - functional.cosine_similarity(beta, other, dim=-1, eps=1e-4).mean()


def symmetry_loss(code: FaceCode, other: FaceCode) -> Tensor:
    """How differently two views of one photo are coded: all but turn and camera, which are the views' own."""
    parts = ("beta", "alpha", "psi", "jaw", "light")
    return sum(((getattr(code, p) - getattr(other, p)).square().mean() for p in parts), torch.zeros(()))


def prior_loss(code: FaceCode) -> Tensor:
    """Mean square of what is standard normal over people."""
    return sum((part.square().mean() for part in (code.beta, code.alpha, code.psi)), torch.zeros(()))


def grey_loss(code: FaceCode) -> Tensor:
    """How coloured the light is: variance of the channels over its ambient part."""
    light = code.harmonics
    spread = (light - light.mean(-1, keepdim=True)).square().sum((1, 2))
    return (spread / (light[:, 0].mean(-1).square() + 1e-3)).mean()


def _distance(difference: Tensor) -> Tensor:
    """Lengths along the last axis, with a gradient at nought."""
    return torch.sqrt(difference.square().sum(-1) + 1e-8)
