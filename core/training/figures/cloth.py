"""Cloth that comes to rest on a body, by Extended Position Based Dynamics.

Edges keep a length (Macklin, Müller and Chentanez, "XPBD", 2016), pairs of triangles their curvature (Bergou et al., "A
Quadratic Bending Model for Inextensible Surfaces", 2006), and what touches the skin rubs on it. Many small steps of one
Gauss-Seidel sweep each come to rest sooner than few with many sweeps (Macklin et al., "Small Steps in Physics
Simulation", 2019). The sweeps run one constraint after the other on one core: they need no colouring, and a seed makes
the same folds again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import warp as wp

from ...rendering.shading import vertex_normals

STEPS, SECONDS = 240, 1 / 120
"""How many, and how long one is."""
GROWN = 0.6
"""Share of the steps in which the cloth becomes as long as it is to be: what grows at once crumples."""
EVERY = 60
"""Steps after which the nearest points of the skin are found anew."""
GRAVITY, DRAG, FRICTION = 9.81, 0.985, 0.4
GIVE = 0.02
"""Compliance of edges over the square of a step, by a vertex's inverse mass: 0 would be stiff."""
LIFT, SLIDE = 0.004, 0.01
"""Share of the way back to where it began that a vertex goes in a step, across the cloth and along it. Stands for the
seams and for what is worn below; without it all that is too long slides to the hems."""

Contact = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Points [V, 3] to the nearest points of what is under them [V, 3] and its normals there, 0 where nothing is."""


@dataclass(frozen=True)
class Cloth:
    """V vertices of cloth, and what they are held by."""

    points: np.ndarray
    """[V, 3] metres, where it begins."""
    triangles: np.ndarray
    """[T, 3]."""
    strain: np.ndarray
    """[V, 3, 3], symmetric: a unit step t of the cloth is to become longer by t' strain t."""
    free: np.ndarray
    """[V] bool: the others stay."""
    gap: np.ndarray
    """[V] metres that it keeps off what is under it."""
    leash: np.ndarray
    """[V] metres that it goes from where it begins at most."""

    def relaxed(self, start: np.ndarray, contact: Contact, bending: float, weight: float) -> np.ndarray:
        """[V, 3] of the cloth at rest, begun from `start` [V, 3]. `bending` is its stiffness in square metres by a
        vertex's inverse mass, `weight` the share of gravity, along -Y, that it feels.
        """
        edges, lengths, strains = self._edges()
        hinges, shares, curvature, compliance = self._hinges(bending)
        x, old, velocity = _vectors(start), _vectors(start), _vectors(np.zeros_like(start))
        home, facing = _vectors(self.points), _vectors(vertex_normals(self.points, self.triangles))
        mass, gap, leash = _floats(self.free), _floats(self.gap), _floats(self.leash)
        nearest = outward = _vectors(np.zeros_like(start))
        for step in range(STEPS):
            if step % EVERY == 0:
                nearest, outward = (_vectors(found) for found in contact(x.numpy().astype(np.float64)))
            grown = min((step + 1) / (GROWN * STEPS), 1.0)
            _run(_fall, len(start), x, old, velocity, mass, GRAVITY * weight, DRAG, SECONDS)
            _run(_bend, 1, x, mass, hinges, shares, curvature, compliance)
            _run(_stretch, 1, x, mass, edges, lengths, strains, grown, GIVE)
            _run(_hold, len(start), x, mass, home, facing, leash, LIFT, SLIDE)
            _run(_touch, len(start), x, old, velocity, mass, nearest, outward, gap, FRICTION, SECONDS)
        return x.numpy().astype(np.float64)

    def _edges(self) -> tuple[wp.array, wp.array, wp.array]:
        """Ends [E, 2], lengths [E] and strains [E] of the edges."""
        pairs = np.concatenate([self.triangles[:, [0, 1]], self.triangles[:, [1, 2]], self.triangles[:, [2, 0]]])
        first, second = np.unique(np.sort(pairs, 1), axis=0).T
        along = self.points[second] - self.points[first]
        lengths = np.linalg.norm(along, axis=1)
        unit = along / np.maximum(lengths, 1e-9)[:, None]
        strain = np.einsum("ei,eij,ej->e", unit, (self.strain[first] + self.strain[second]) / 2, unit)
        return _integers(np.stack([first, second], 1)), _floats(lengths), _floats(strain)

    def _hinges(self, bending: float) -> tuple[wp.array, wp.array, wp.array, wp.array]:
        """Pairs of triangles [H, 4], the edge that they share first; the shares [H, 4] with which their corners sum to
        a curvature, that curvature [H, 3] as it is, and the compliances [H].
        """
        hinges = _paired(self.triangles)
        x = self.points[hinges]
        edge = x[:, 1] - x[:, 0]
        one, other = x[:, 2] - x[:, 0], x[:, 3] - x[:, 0]
        area = (np.linalg.norm(np.cross(edge, one), axis=1) + np.linalg.norm(np.cross(edge, other), axis=1)) / 2
        near = _cotangent(edge, one), _cotangent(edge, other)
        far = _cotangent(-edge, x[:, 2] - x[:, 1]), _cotangent(-edge, x[:, 3] - x[:, 1])
        shares = np.stack([far[0] + far[1], near[0] + near[1], -near[0] - far[0], -near[1] - far[1]], 1)
        curvature = np.einsum("hk,hkc->hc", shares, x)
        fours = wp.array(shares, dtype=wp.vec4, device="cpu")
        return _integers(hinges), fours, _vectors(curvature), _floats(area / (3 * bending))


def _paired(triangles: np.ndarray) -> np.ndarray:
    """[H, 4]: the ends of each edge that two triangles run along in opposite directions, and their other corners."""
    half = np.concatenate([triangles, np.roll(triangles, -1, 1), np.roll(triangles, -2, 1)]).astype(np.int64)
    count = int(triangles.max()) + 1
    key, back = half[:, 0] * count + half[:, 1], half[:, 1] * count + half[:, 0]
    order = np.argsort(key)
    twin = order[np.minimum(np.searchsorted(key[order], back), len(key) - 1)]
    paired = (key[twin] == back) & (half[:, 0] < half[:, 1])
    return np.c_[half[paired], half[twin[paired], 2]]


def _cotangent(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of the angle between two sides [N, 3], bounded for slivers."""
    sine = np.linalg.norm(np.cross(first, second), axis=1)
    return np.clip((first * second).sum(1) / np.maximum(sine, 1e-12), -5, 5)


def _vectors(values: np.ndarray) -> wp.array:
    return wp.array(values, dtype=wp.vec3, device="cpu")


def _floats(values: np.ndarray) -> wp.array:
    return wp.array(values, dtype=wp.float32, device="cpu")


def _integers(values: np.ndarray) -> wp.array:
    return wp.array(values, dtype=wp.int32, device="cpu")


def _run(kernel: wp.Kernel, count: int, *inputs: object) -> None:
    wp.launch(kernel, dim=count, inputs=list(inputs), device="cpu")


@wp.kernel
def _fall(
    x: wp.array[wp.vec3],
    old: wp.array[wp.vec3],
    velocity: wp.array[wp.vec3],
    mass: wp.array[wp.float32],
    gravity: float,
    drag: float,
    seconds: float,
):
    i = wp.tid()
    old[i] = x[i]
    if mass[i] > 0.0:
        velocity[i] = drag * (velocity[i] - wp.vec3(0.0, gravity * seconds, 0.0))
        x[i] = x[i] + seconds * velocity[i]


@wp.kernel
def _stretch(
    x: wp.array[wp.vec3],
    mass: wp.array[wp.float32],
    edges: wp.array2d[wp.int32],
    lengths: wp.array[wp.float32],
    strains: wp.array[wp.float32],
    grown: float,
    give: float,
):
    for e in range(edges.shape[0]):
        i = edges[e, 0]
        j = edges[e, 1]
        apart = x[i] - x[j]
        length = wp.length(apart)
        both = mass[i] + mass[j]
        if both > 0.0 and length > 1.0e-9:
            wanted = lengths[e] * (1.0 + grown * strains[e])
            push = (length - wanted) / (length * (both + give)) * apart
            x[i] = x[i] - mass[i] * push
            x[j] = x[j] + mass[j] * push


@wp.kernel
def _bend(
    x: wp.array[wp.vec3],
    mass: wp.array[wp.float32],
    hinges: wp.array2d[wp.int32],
    shares: wp.array[wp.vec4],
    curvature: wp.array[wp.vec3],
    compliance: wp.array[wp.float32],
):
    for h in range(hinges.shape[0]):
        a = hinges[h, 0]
        b = hinges[h, 1]
        c = hinges[h, 2]
        d = hinges[h, 3]
        k = shares[h]
        bent = k[0] * x[a] + k[1] * x[b] + k[2] * x[c] + k[3] * x[d] - curvature[h]
        moved = mass[a] * k[0] * k[0] + mass[b] * k[1] * k[1] + mass[c] * k[2] * k[2] + mass[d] * k[3] * k[3]
        push = bent / (moved + compliance[h])
        x[a] = x[a] - mass[a] * k[0] * push
        x[b] = x[b] - mass[b] * k[1] * push
        x[c] = x[c] - mass[c] * k[2] * push
        x[d] = x[d] - mass[d] * k[3] * push


@wp.kernel
def _hold(
    x: wp.array[wp.vec3],
    mass: wp.array[wp.float32],
    home: wp.array[wp.vec3],
    facing: wp.array[wp.vec3],
    leash: wp.array[wp.float32],
    lift: float,
    slide: float,
):
    i = wp.tid()
    if mass[i] > 0.0:
        away = x[i] - home[i]
        up = wp.dot(away, facing[i]) * facing[i]
        away = (1.0 - lift) * up + (1.0 - slide) * (away - up)
        x[i] = home[i] + away * wp.min(1.0, leash[i] / (wp.length(away) + 1.0e-9))


@wp.kernel
def _touch(
    x: wp.array[wp.vec3],
    old: wp.array[wp.vec3],
    velocity: wp.array[wp.vec3],
    mass: wp.array[wp.float32],
    nearest: wp.array[wp.vec3],
    outward: wp.array[wp.vec3],
    gap: wp.array[wp.float32],
    friction: float,
    seconds: float,
):
    i = wp.tid()
    if mass[i] > 0.0:
        missing = gap[i] - wp.dot(x[i] - nearest[i], outward[i])
        if wp.length(outward[i]) > 0.0 and missing > 0.0:
            x[i] = x[i] + missing * outward[i]
            slip = x[i] - old[i]
            slip = slip - wp.dot(slip, outward[i]) * outward[i]
            x[i] = x[i] - wp.min(1.0, friction * missing / (wp.length(slip) + 1.0e-9)) * slip
        velocity[i] = (x[i] - old[i]) / seconds
