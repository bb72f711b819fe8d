"""Tufts: ribbons that lie on the hair along its flow and end in loose strands: it has no hard surface and no hem."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from .hair_colors import Shell
from .hair_flow import HairFlow

COUNT = 480
"""Tufts at most."""
LENGTH = (0.014, 0.048)
"""Metres, on cropped and on full hair."""
WIDTH = 0.0075
"""Metres."""
ENDS, DENSER = 0.012, 3.0
"""Metres from the hair's edge in which tufts lie denser, and how many times."""
JOINTS = 5
LIFT = np.array([-0.0007, 0.0001, 0.0003, 0.0006, 0.001])
"""Metres above the hair's surface at the joints, root first."""
STEPS = 16
"""Steps in which a tuft is traced."""
OVERHANG = (0.001, 0.009)
"""Metres that tips stand out over the hair's end, in front and at the back."""

Depth = Callable[[np.ndarray], np.ndarray]
"""Points `[N, 3]` to metres inside the hair `[N]`, negative outside."""


@dataclass(frozen=True)
class Tufts:
    """Ribbons as a mesh of their own."""

    vertices: np.ndarray
    """[N JOINTS 2, 3] metres."""
    triangles: np.ndarray
    """[N (JOINTS - 1) 2, 3]."""
    nearest: np.ndarray
    """[N JOINTS 2] the shell's vertex nearest to each."""
    flat: np.ndarray
    """[N JOINTS 2, 2] metres: each ribbon laid out, across and along."""
    ribbon: np.ndarray
    """[N JOINTS 2] which ribbon a vertex is of."""
    across: np.ndarray
    """[N JOINTS 2] -1 and 1 at the borders."""
    along: np.ndarray
    """[N JOINTS 2] 0 at the root, 1 at the tip."""


def grow_tufts(shell: Shell, depth: Depth, flow: HairFlow) -> Tufts:
    """Tufts over the `shell` of hair in which points lie `depth` deep."""
    random = np.random.default_rng(0)
    seeds, thick, ends = _seeds(shell, random)
    stands = np.where(ends, 0.2 + 0.8 * _back(shell, seeds), 0.2)  # inner ones would look like scales
    length = np.clip(1.6 * thick, *LENGTH) * random.uniform(0.75, 1.2, len(seeds))
    path, side = [seeds], []
    for _ in range(STEPS + 1):
        forward, normal = flow.at(path[-1])
        side.append(np.cross(forward, normal))
        path.append(path[-1] + forward * (length / STEPS)[:, None])
    paths, sides = np.stack(path[:-1], 1), np.stack(side, 1) * WIDTH / 2
    overhang = OVERHANG[0] + (OVERHANG[1] - OVERHANG[0]) * _back(shell, paths) * random.uniform(0.2, 1, (len(seeds), 1))
    around = np.stack([paths, paths - sides, paths + sides])
    within = depth(around.reshape(-1, 3)).reshape(3, -1).min(0).reshape(overhang.shape) > -overhang
    steps = np.cumprod(within, axis=1).sum(1) - 1
    long_enough = steps >= STEPS // 3
    paths, steps, length, stands = (each[long_enough] for each in (paths, steps, length, stands))
    at = np.linspace(0, 1, JOINTS) * steps[:, None]
    below = np.minimum(at.astype(int), STEPS - 1)[..., None]
    share = at[..., None] - below
    joints = (1 - share) * np.take_along_axis(paths, below, 1) + share * np.take_along_axis(paths, below + 1, 1)
    lift = LIFT * stands[:, None] * random.uniform(0.4, 1.6, (len(joints), 1))
    return _ribbons(joints, length * steps / STEPS, lift, flow, shell, random)


def _back(shell: Shell, points: np.ndarray) -> np.ndarray:
    """0 where `points` [..., 3] are at the front of the head, 1 at its back, where no outline is to be kept to."""
    return np.clip((shell.crown[2] + 0.02 - points[..., 2]) / 0.05, 0, 1)


def _seeds(shell: Shell, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Roots `[N, 3]` over the hair that stands off the skin, the hair's height there [N], and which of them are where
    it ends [N]: there they are denser at the back than at the front.
    """
    triangles, height = shell.triangles, shell.height
    corner = shell.vertices[triangles]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) / 2
    area = area * (height[triangles].min(1) > 0.001)
    if area.sum() == 0:
        return np.zeros((0, 3)), np.zeros(0), np.zeros(0, bool)
    ends = height[triangles].min(1) < ENDS
    loose = np.where(ends, 0.5 + (DENSER - 0.5) * _back(shell, corner.mean(1)), 1.0)
    area = area * loose
    chosen = random.choice(len(triangles), 8 * COUNT, p=area / area.sum())
    share = random.dirichlet((1, 1, 1), len(chosen))
    points = np.einsum("nk,nkc->nc", share, corner[chosen])
    crowded = np.zeros(len(points), bool)
    room = 0.75 * np.sqrt(area.sum() / COUNT / loose[chosen])
    for i, near in enumerate(cKDTree(points).query_ball_point(points, room)):
        if not crowded[i]:
            crowded[[j for j in near if j > i]] = True
    kept = np.flatnonzero(~crowded)[:COUNT]
    return points[kept], (share * height[triangles[chosen]]).sum(1)[kept], ends[chosen][kept]


def _ribbons(
    joints: np.ndarray,
    length: np.ndarray,
    lift: np.ndarray,
    flow: HairFlow,
    shell: Shell,
    random: np.random.Generator,
) -> Tufts:
    """Ribbons round paths `[N, JOINTS, 3]` of `length` [N], `lift` [N, JOINTS] above them."""
    count = len(joints)
    _, normal = flow.at(joints.reshape(-1, 3))
    normal = normal.reshape(joints.shape)
    forward = np.gradient(joints, axis=1)
    side = np.cross(forward, normal)
    side /= np.linalg.norm(side, axis=-1, keepdims=True) + 1e-12
    width = WIDTH * random.uniform(0.75, 1.25, count)
    center = joints + normal * lift[..., None]
    half = side * (width / 2)[:, None, None]
    vertices = np.stack([center - half, center + half], 2)
    along = np.broadcast_to(np.linspace(0, 1, JOINTS)[None, :, None], vertices.shape[:3])
    across = np.broadcast_to(np.array([-1.0, 1.0]), vertices.shape[:3])
    flat = np.stack([across * width[:, None, None] / 2, -along * length[:, None, None]], -1)
    first = np.arange(JOINTS - 1)[:, None] * 2
    strip = np.concatenate([first + np.array([0, 1, 2]), first + np.array([1, 3, 2])])
    triangles = (np.arange(count)[:, None, None] * 2 * JOINTS + strip).reshape(-1, 3)
    return Tufts(
        vertices=vertices.reshape(-1, 3),
        triangles=triangles,
        nearest=cKDTree(shell.vertices).query(vertices.reshape(-1, 3))[1],
        flat=flat.reshape(-1, 2),
        ribbon=np.repeat(np.arange(count), 2 * JOINTS),
        across=across.ravel(),
        along=along.ravel(),
    )
