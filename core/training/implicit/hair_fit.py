"""MakeHuman's hair on our mean head: the two skulls are aligned, then one is bent smoothly onto the other."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import igl
import numpy as np
from scipy.interpolate import RBFInterpolator

from ..ict import VERTICES, triangles
from ..makehuman import SKIN, Mesh, load_body, load_hair
from .heads import FACE, HeadSampler
from .template import signed_distance

STYLES = ("afro01", "bob01", "bob02", "braid01", "long01", "ponytail01", "short01", "short02", "short03", "short04")
CONTROLS, BELOW_EYES = 300, 0.06
"""Points of either half of MakeHuman's head that lead, down to that many metres below the eyes."""
ICP_ROUNDS, BEND_ROUNDS, STIFFNESS = 40, 6, 1e-2
CLEARANCE = 1.5e-3
"""Metres that every strip keeps from the scalp."""


@dataclass(frozen=True)
class Strips:
    """Hair as polygon strips on the mean head in the canonical pose."""

    vertices: np.ndarray
    """[V, 3] metres."""
    triangles: np.ndarray
    """[T, 3]."""


def fitted_styles(data: Path, sampler: HeadSampler) -> dict[str, Strips]:
    """Every style on the sampler's mean head."""
    body = load_body(data)
    carry = _carrier(body, sampler)
    styles = {}
    for style in STYLES:
        hair = load_hair(data, style, body)
        styles[style] = Strips(_lifted(carry(hair.vertices), sampler), triangles(hair.quads))
    return styles


def _carrier(body: Mesh, sampler: HeadSampler) -> Callable[[np.ndarray], np.ndarray]:
    """A smooth map of space from MakeHuman's body to the mean head, that takes scalp to scalp and ears to ears."""
    outside = sampler.triangles[sampler.triangle_region <= FACE]
    theirs, ours = _eyes(body), sampler.ict.neutral[slice(*VERTICES["left_eye"])].mean(0)
    skin = body.vertices[:SKIN]
    head = skin[skin[:, 1] > theirs[:, 1].mean() - BELOW_EYES]
    left = np.random.default_rng(0).choice(np.flatnonzero(head[:, 0] > 0), CONTROLS, replace=False)
    head = np.concatenate([head[left], head[left] * [-1, 1, 1]])
    scale = 2 * ours[0] / abs(theirs[0, 0] - theirs[1, 0])
    rotation, shift = np.eye(3), ours * [0, 1, 1] - scale * theirs.mean(0)
    for _ in range(ICP_ROUNDS):
        moved = scale * head @ rotation.T + shift
        rotation, scale, shift = similarity(head, _closest(moved, sampler.mean, outside))
    start = scale * head @ rotation.T + shift
    target = start
    for _ in range(BEND_ROUNDS):
        closest = _closest(target, sampler.mean, outside)
        bend = RBFInterpolator(start, closest - start, kernel="linear", smoothing=STIFFNESS)
        target = start + bend(start)

    def carry(points: np.ndarray) -> np.ndarray:
        moved = scale * points @ rotation.T + shift
        return moved + bend(moved)

    return carry


def _eyes(body: Mesh) -> np.ndarray:
    """[2, 3] middles of the left and the right eye."""
    return np.stack([body.vertices[np.unique(body.quads[body.group == f"helper-{side}-eye"])].mean(0) for side in "lr"])


def _closest(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    return igl.point_mesh_squared_distance(points, vertices, faces)[2]


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Rotation, scale, shift that take points [N, 3] nearest to others (Umeyama, PAMI 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    left, sizes, right = np.linalg.svd(b.T @ a)
    flip = np.array([1, 1, np.sign(np.linalg.det(left @ right))])
    rotation, scale = (left * flip) @ right, float((sizes * flip).sum() / (a**2).sum())
    return rotation, scale, target.mean(0) - scale * rotation @ source.mean(0)


def _lifted(points: np.ndarray, sampler: HeadSampler) -> np.ndarray:
    """Points nearer to the skin than CLEARANCE, or below it, lie CLEARANCE above it."""
    lifted = points.copy()
    for _ in range(3):
        distance = signed_distance(lifted, sampler.mean, sampler.triangles)
        low = distance < CLEARANCE
        closest = _closest(lifted[low], sampler.mean, sampler.triangles)
        away = (lifted[low] - closest) / np.where(np.abs(distance[low]) > 1e-6, distance[low], 1e-6)[:, None]
        lifted[low] = closest + CLEARANCE * away / np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    return lifted
