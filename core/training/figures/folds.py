"""Folds: suits become longer than the body that they hang on, and what is too long buckles.

It does so in the A-pose in which suits are bound, arms down as in life; skinning carries the folds from there, as it
carries those of people who were scanned standing. Where and across what folds run is drawn: cloth gets longer along a
grain, which follows limbs and trunk but leans, and a little shorter across it, so that ridges are long and straight.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import identity, vstack
from scipy.spatial import cKDTree

from ...geometry.borders import boundary_edges
from ...geometry.loop import loop_matrix
from ...geometry.pieces import pieces
from ...geometry.smoothstep import smoothstep
from ...parametric.smpl_joints import INDEX, JOINTS
from ...rendering.shading import vertex_normals
from ..makehuman import SKIN
from .cloth import Cloth
from .figure import Figure
from .garments import DEEPEST, GAP, Garment, nearest_on

EDGE = 0.014
"""Metres: suits are subdivided until their edges are shorter."""
LAYER, BESIDE = 0.04, 5e-3
"""Metres within which another piece of cloth lies over or under, and off whose border it does no more."""
TRIM = 0.012
"""Square metres of a piece that is no cloth of its own: buttons, flaps, belts."""
HEM, LOOSE_END = 0.025, 0.08
"""Metres from a border within which cloth gets no longer, and within which it is held."""
LEASH = 0.012, 0.035
"""Metres that a border and what is far from one may move."""
ROOM = 4e-3, 0.03
"""Metres between cloth and skin at which it begins to fold more, and at which it folds most."""
TIGHT, CALM, JOINT = 0.4, 0.8, 1.5
"""Factors on how much longer cloth gets: tight or loose, far from joints or what comes by a joint."""
SKIRTS = ("female_elegantsuit01",)
"""Suits whose cloth below the waist hangs around both legs."""
LEGS = ("pelvis", "left_hip", "right_hip", "left_knee", "right_knee")
BENDING_JOINTS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
REACH = 0.11
"""Metres about a joint."""
PATCH, LEAN, RIPPLE = 0.3, 0.35, 0.05
"""Metres that patches of more folds, the grain's direction and the first unevenness are long."""
UNEVEN = 4e-4
"""Metres that cloth is off smooth at first."""
LONGEST = 0.2
"""Share that cloth becomes longer by at most."""


@dataclass(frozen=True)
class Fabric:
    """How one suit folds."""

    length: float
    """What it is longer by along the grain."""
    width: float
    """What it is longer by across the grain; negative holds folds taut."""
    slant: float
    """Radians that the grain leans at one standard deviation."""
    patches: float
    """How unevenly folds are spread: a standard deviation of the logarithm of what is longer."""
    bending: float
    """Stiffness, see `Cloth.relaxed`."""
    weight: float
    """Share of gravity that it feels."""

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Fabric":
        """A fabric and a cut that are worn, from crisp to soft."""
        return cls(
            length=float(rng.uniform(0.11, 0.2)),
            width=float(rng.uniform(-0.06, 0.0)),
            slant=float(rng.uniform(0.5, 0.9)),
            patches=float(rng.uniform(0.4, 0.8)),
            bending=float(3e-7 * 10 ** rng.uniform(0, 0.8)),
            weight=float(rng.uniform(0.05, 0.2)),
        )


def draped(figure: Figure, fabric: Fabric, rng: np.random.Generator) -> tuple[Figure, Figure]:
    """The figure with its suit subdivided, smooth as it was, and with folds: vertices agree in number and order."""
    suit = subdivided(figure.garments["suit"])
    layers = _Layers.of(suit, _body(figure))
    nearest, outward = layers.contact(suit.points)
    height = ((suit.points - nearest) * outward).sum(1)
    from_border = cKDTree(suit.points[np.unique(boundary_edges(suit.triangles))]).query(suit.points)[0]
    more = _amount(suit, height, from_border, figure, rng, fabric.patches)
    least, most = LEASH
    cloth = Cloth(
        points=suit.points,
        triangles=suit.triangles,
        strain=_strain(suit, _grain(figure, suit), more, fabric, rng),
        free=layers.free,
        gap=np.clip(height, GAP / 2, GAP),
        leash=least + (most - least) * smoothstep(from_border, 0, LOOSE_END),
    )
    normals = vertex_normals(suit.points, suit.triangles)
    start = suit.points + (UNEVEN * layers.free * _noise(suit.points, RIPPLE, rng))[:, None] * normals
    folded = layers.with_trimmings(cloth.relaxed(start, layers.contact, fabric.bending, fabric.weight))
    smooth = replace(figure, garments={**figure.garments, "suit": suit})
    return smooth, replace(figure, garments={**figure.garments, "suit": replace(suit, points=folded)})


def subdivided(garment: Garment) -> Garment:
    """Each piece finer by Loop's rule until most of its cloth has edges shorter than `EDGE`; weights are carried
    along.
    """
    piece = pieces(garment.triangles)
    points, weights, triangles, first = [], [], [], 0
    for number in range(piece.max() + 1):
        used, own = np.unique(garment.triangles[piece == number], return_inverse=True)
        own, finer = own.reshape(-1, 3), identity(len(used), format="csr")
        areas = _areas(garment.points[used], own)
        edge = np.sqrt((areas**2).sum() / max(areas.sum(), 1e-12) * 4 / np.sqrt(3))
        while edge > EDGE:
            matrix, own = loop_matrix(own, finer.shape[0])
            finer, edge = matrix @ finer, edge / 2
        points.append(finer @ garment.points[used])
        weights.append(finer @ garment.weights[used])
        triangles.append(own + first)
        first += len(points[-1])
    return Garment(np.concatenate(points), vstack(weights, format="csr"), np.concatenate(triangles))


@dataclass(frozen=True)
class _Layers:
    """A suit's pieces that lie over one another. What is under another stays as it is, which nobody sees."""

    points: np.ndarray
    """[V, 3] where the suit begins."""
    body: tuple[np.ndarray, np.ndarray]
    """Vertices and triangles of what the suit lies on."""
    under: np.ndarray
    """[T, 3] triangles that are covered."""
    over: np.ndarray
    """[V] bool: has such triangles below."""
    trimming: np.ndarray
    """[V] bool: goes with the cloth that is next to it."""
    free: np.ndarray
    """[V] bool: folds."""

    @classmethod
    def of(cls, suit: Garment, body: tuple[np.ndarray, np.ndarray]) -> "_Layers":
        points, triangles = suit.points, suit.triangles
        piece = pieces(triangles)
        large = np.bincount(piece, _areas(points, triangles)) > TRIM
        cloth = np.zeros(len(points), bool)
        cloth[triangles[large[piece]]] = True
        covered, over = np.zeros(len(points), bool), np.zeros(len(points), bool)
        normals = vertex_normals(points, triangles)
        for number in np.flatnonzero(large):
            own, others = np.unique(triangles[piece == number]), triangles[large[piece] & (piece != number)]
            if not len(others):
                continue
            nearest, facing = nearest_on(points[own], points, others)
            height = ((nearest - points[own]) * normals[own]).sum(1)
            close = (np.abs(height) < LAYER) & ((facing * normals[own]).sum(1) > 0.5)
            close &= _beside(points[own], nearest, facing) < BESIDE
            covered[own] |= close & (height > 0)
            over[own] |= close & (height <= 0)
        under = triangles[covered[triangles].all(1)]
        return cls(points, body, under, over & (len(under) > 0), ~cloth, cloth & ~covered)

    def contact(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `Contact` says: skin and shoes, or the cloth that is under other cloth."""
        nearest, outward = nearest_on(points, *self.body)
        outward[((points - nearest) * outward).sum(1) < -DEEPEST] = 0
        if self.over.any():
            at, facing = nearest_on(points[self.over], self.points, self.under)
            on = _beside(points[self.over], at, facing) < BESIDE
            chosen = np.flatnonzero(self.over)[on]
            nearest[chosen], outward[chosen] = at[on], facing[on]
        return nearest, outward

    def with_trimmings(self, points: np.ndarray) -> np.ndarray:
        """Points [V, 3] of which those of trimmings go along with the cloth."""
        cloth = np.flatnonzero(~self.trimming)
        holder = cloth[cKDTree(self.points[cloth]).query(self.points[self.trimming])[1]]
        moved = points.copy()
        moved[self.trimming] += (points - self.points)[holder]
        return moved


def _body(figure: Figure) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of what the suit lies on, in the A-pose: skin and shoes."""
    points, triangles = figure.body.points[:SKIN], figure.skin
    if "shoes" in figure.garments:
        shoes = figure.garments["shoes"]
        triangles = np.concatenate([triangles, shoes.triangles + len(points)])
        points = np.concatenate([points, shoes.points])
    return points, triangles


def _beside(points: np.ndarray, nearest: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """[N] metres that points lie off the border of a sheet, 0 over the sheet itself."""
    away = points - nearest
    return np.linalg.norm(away - (away * normals).sum(1, keepdims=True) * normals, axis=1)


def _amount(
    suit: Garment,
    height: np.ndarray,
    from_border: np.ndarray,
    figure: Figure,
    rng: np.random.Generator,
    patches: float,
) -> np.ndarray:
    """[V] factor on what the cloth is longer by: more where it is loose, at joints, and in patches; none at hems but a
    skirt's, which swings."""
    room = suit.averaged(height[:, None])[:, 0]
    joint = np.exp(-((cKDTree(_joints(figure)).query(suit.points)[0] / REACH) ** 2))
    spread = np.exp(patches * _noise(suit.points, PATCH, rng) - patches**2 / 2)
    hem = np.where(_hanging(figure, suit), 1, smoothstep(from_border, 5e-3, HEM))
    return (TIGHT + smoothstep(room, *ROOM)) * (CALM + JOINT * joint) * spread * hem


def _strain(suit: Garment, grain: np.ndarray, more: np.ndarray, fabric: Fabric, rng: np.random.Generator) -> np.ndarray:
    """[V, 3, 3] as `Cloth` has it, of the grain [V, 3], turned within the cloth."""
    normals = vertex_normals(suit.points, suit.triangles)
    across = _unit(np.cross(normals, grain))
    grain = np.cross(across, normals)
    angle = fabric.slant * _noise(suit.points, LEAN, rng)[:, None]
    grain, across = np.cos(angle) * grain + np.sin(angle) * across, np.cos(angle) * across - np.sin(angle) * grain
    length, width = np.minimum(fabric.length * more, LONGEST), fabric.width * np.minimum(more, 1)
    return np.einsum("v,vi,vj->vij", length, grain, grain) + np.einsum("v,vi,vj->vij", width, across, across)


def _grain(figure: Figure, suit: Garment) -> np.ndarray:
    """[V, 3] direction of the limb or trunk at each vertex, in the A-pose; around a skirt, whose folds hang."""
    towards = np.tile([0.0, -1.0, 0.0], (len(JOINTS), 1))
    for side in ("left_", "right_"):
        for start, end in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")):
            towards[INDEX[side + start]] = (
                figure.body.joints[INDEX[side + end]] - figure.body.joints[INDEX[side + start]]
            )
        towards[INDEX[side + "wrist"]] = towards[INDEX[side + "elbow"]]
    # The bones' rotations lead from the A-pose.
    along = suit.weights @ np.einsum("bji,bj->bi", figure.body.rotation, _unit(towards)[figure.rig.joint_of])
    around = np.cross(vertex_normals(suit.points, suit.triangles), [0, -1, 0])
    return _unit(np.where(_hanging(figure, suit)[:, None], around, along))


def _hanging(figure: Figure, suit: Garment) -> np.ndarray:
    """[V] bool: of a skirt."""
    legs = np.isin(figure.rig.joint_of, [INDEX[name] for name in LEGS])
    return (figure.outfit.suit in SKIRTS) & (np.asarray(suit.weights[:, legs].sum(1)).ravel() > 0.5)


def _joints(figure: Figure) -> np.ndarray:
    """[12, 3] of `BENDING_JOINTS` in the A-pose."""
    chosen = [INDEX[side + name] for name in BENDING_JOINTS for side in ("left_", "right_")]
    bones = [int(np.flatnonzero(figure.rig.joint_of == joint)[0]) for joint in chosen]
    body = figure.body
    return np.einsum("kji,kj->ki", body.rotation[bones], body.joints[chosen] - body.translation[bones])


def _noise(points: np.ndarray, wave: float, rng: np.random.Generator) -> np.ndarray:
    """[N] a smooth random field at points [N, 3], mean 0 and deviation 1, its waves about so many metres long."""
    waves = rng.normal(0, 2 * np.pi / wave / np.sqrt(3), (12, 3))
    return np.cos(points @ waves.T + rng.uniform(0, 2 * np.pi, 12)).sum(1) / np.sqrt(6)


def _areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
