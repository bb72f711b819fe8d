"""What is worn, as signed distances about the mean body: what gDNA's shape code is learned from.

Every figure's clothes and hair are taken to the mean body by the warp M, where all figures stand alike. A garment is
solid: the body that it holds is inside of it, by the winding number, which closes cuffs and hems.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import igl
import numpy as np

from ...geometry.pieces import pieces
from ...parametric.shape_warp import ShapeWarp
from ...parametric.smpl_joints import INDEX, JOINTS
from ...rendering.rasterise import interpolate
from ..figures.figure import Surface
from ..figures.occupancy import CLOTH, HAIR
from ..figures.rows import SPLITS, Rows
from ..implicit.trainer import cache_folder

THICKNESS = {"top": CLOTH, "bottom": CLOTH, "shoes": CLOTH, "hair": HAIR}
BELT = 0.2
"""Metres above the mean body's pelvis that a suit's pieces below the belt do not reach."""
LEAST = 0.1
"""Share of a suit's triangles below which it has no bottom: what is there is pockets of an overall."""
COUNTS = {0.003: 3500, 0.012: 2500, 0.05: 1500}
"""Standard deviation in metres of points about the surface -> how many."""
BOX = 1500
MARGIN = 0.15
"""Metres about the garment for points of its box."""
SURFACE = 1000
PROBES = 2500
"""Places, the same for all figures, where a layer's distance tells one garment from another."""
PROBED = {"top": 0.03, "bottom": 0.03, "shoes": 0.02, "hair": 0.06}
COVERED = {
    "top": [joint for joint in JOINTS if not joint.endswith(("hand", "wrist", "foot", "head"))],
    "bottom": ["pelvis", "spine1", *(f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee"))],
    "shoes": ["left_ankle", "left_foot", "right_ankle", "right_foot"],
    "hair": ["head", "neck"],
}
UNDER_HAIR = 0.04
"""Metres under a lock that are hair too."""
_UNDER = np.arange(0.006, UNDER_HAIR, 0.008)


@dataclass(frozen=True)
class LayerSamples(Rows):
    """Makes the samples of a split's persons and keeps them: row k is the person of the rows 4 k to 4 k + 3 of `Rows`.

    A row has `beta` [16], `sliders` [11], `outfit` (as text), `joints` [24, 3]; and of each of `LAYERS` that is worn,
    about the mean body in metres, `top_points` [N, 3] float32 and `top_distance` [N] float16, negative inside;
    `top_probed` [2500] float16, the distance at `probes`; `top_surface` [1000, 3] float32 and the `top_weights`
    [1000, 24] float16 there.
    """

    poses_each: int = 1
    folder: Path = field(default_factory=lambda: cache_folder() / "gdna-1")

    @cached_property
    def _skin(self) -> np.ndarray:
        return self._model.vertex_part == self._model.parts.index("skin")

    @cached_property
    def warp(self) -> ShapeWarp:
        return ShapeWarp(self._model.v_template[self._skin].astype(np.float64))

    def shaped(self, beta: np.ndarray) -> np.ndarray:
        """[V, 3] the skin of a body's beta [16]."""
        return self._model.shaped(beta.astype(np.float32))[self._skin].astype(np.float64)

    @property
    def skin_weights(self) -> np.ndarray:
        """[V, 24] of the skin's vertices."""
        return self._model.lbs_weights[self._skin]

    @cached_property
    def _head(self) -> np.ndarray:
        """[3] the middle of the mean body's head."""
        carried = self.skin_weights[:, INDEX["head"]] > 0.9
        return self.warp.mean[carried].min(0) / 2 + self.warp.mean[carried].max(0) / 2

    @cached_property
    def probes(self) -> dict[str, np.ndarray]:
        """Layer -> [2500, 3] metres, within `PROBED` of the parts of the mean body that it may cover."""
        rng = np.random.default_rng(0)
        found = {}
        for layer, joints in COVERED.items():
            share = self.skin_weights[:, [INDEX[joint] for joint in joints]].sum(1)
            chosen = rng.choice(len(share), PROBES, p=share / share.sum())
            found[layer] = self.warp.mean[chosen] + rng.normal(0, PROBED[layer], (PROBES, 3))
        return found

    def _made(self, split: str, index: int) -> dict[str, np.ndarray]:
        figure, _ = self.figure(split, index)
        rest, shaped = figure.rest(), figure.body.vertices[self._skin]
        rng = np.random.default_rng([list(SPLITS).index(split), index, 3])
        clothes = np.unique(rest.of("suit", "shoes", "hair"))
        mean = rest.vertices.copy()
        mean[clothes] = self.warp.to_mean(rest.vertices[clothes], shaped)
        weights = figure.weights()
        person = {
            "beta": self.beta(figure.body.vertices),
            "sliders": figure.sliders,
            "outfit": np.array(str(figure.outfit)),
            "joints": figure.body.joints,
        }
        for layer, triangles in worn_layers(rest, mean).items():
            worn = Surface(mean, triangles, np.zeros(len(triangles), int))
            found = _layer(layer, worn, self._head, self.probes[layer], weights, rng)
            person |= {f"{layer}_{key}": value for key, value in found.items()}
        return person


def worn_layers(rest: Surface, mean: np.ndarray) -> dict[str, np.ndarray]:
    """Layer -> its triangles [T, 3] in a figure at rest, whose clothes are at `mean` [V, 3] about the mean body."""
    suit = rest.of("suit")
    piece = pieces(suit)
    top = np.full(piece.max() + 1, -np.inf)
    np.maximum.at(top, piece, mean[suit].max(1)[:, 1])
    low = top[piece] < BELT
    if low.mean() < LEAST:
        low[:] = False
    layers = {"top": suit[~low], "bottom": suit[low], "shoes": rest.of("shoes"), "hair": rest.of("hair")}
    return {layer: triangles for layer, triangles in layers.items() if len(triangles)}


def _layer(
    layer: str, worn: Surface, head: np.ndarray, probes: np.ndarray, weights: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    low, high = worn.bounds()
    near = [worn.draw(count, rng)[0] + rng.normal(0, sigma, (count, 3)) for sigma, count in COUNTS.items()]
    points = np.concatenate([*near, rng.uniform(low - MARGIN, high + MARGIN, (BOX, 3))])
    on, face, shares = worn.draw(SURFACE, rng)
    return {
        "points": points.astype(np.float32),
        "distance": layer_distance(layer, worn, head, points).astype(np.float16),
        "probed": layer_distance(layer, worn, head, probes).astype(np.float16),
        "surface": on.astype(np.float32),
        "weights": interpolate(weights, worn.triangles[face], shares).astype(np.float16),
    }


def layer_distance(layer: str, worn: Surface, head: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[N] metres from points [N, 3] to the solid of a layer, negative inside; `head` [3] is the head's middle."""
    distance = np.sqrt(igl.point_mesh_squared_distance(points, worn.vertices, worn.triangles)[0])
    inside = igl.fast_winding_number(worn.vertices, worn.triangles, points) > 0.5
    if layer == "hair":
        inside = _under_hair(worn, head, points)
    return np.where(inside, -distance, distance) - THICKNESS[layer]


def _under_hair(hair: Surface, head: np.ndarray, points: np.ndarray) -> np.ndarray:
    """[N] bool: points with a lock before them, as seen from the middle of the `head` [3], or from the axis below it.

    Locks are strips that leave air under them; nobody sees it, and as a solid hair is a shape that can be learned.
    """
    middle = np.c_[np.full(len(points), head[0]), np.minimum(points[:, 1], head[1]), np.full(len(points), head[2])]
    outward = (points - middle) / np.linalg.norm(points - middle, axis=1, keepdims=True)
    low, high = hair.bounds()
    near = np.flatnonzero(((points > low) & (points < high)).all(1))
    probes = points[near, None] + _UNDER[:, None] * outward[near, None]
    squared = igl.point_mesh_squared_distance(probes.reshape(-1, 3), hair.vertices, hair.triangles)[0]
    under = np.zeros(len(points), bool)
    under[near] = (squared.reshape(len(near), -1) < (2 * THICKNESS["hair"]) ** 2).any(1)
    return under
