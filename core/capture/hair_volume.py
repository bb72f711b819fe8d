"""Where hair is: a volume between the scalp and the hair's outline in the photo, and its surface.

The hair is an implicit volume in head space, positive inside. Where the camera saw the hair, the photo's mask cuts it:
skin that is seen stays free. How thick it lies on the skull is read off the outline, direction by direction, and
carried over the back of the head. Hair that hangs below the ears is inflated from its silhouette and closed behind the
neck.
Iso-surface: Lewiner et al., "Efficient implementation of marching cubes' cases with topological guarantees", 2003.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage import measure

from ..geometry.pieces import without_specks
from ..geometry.smoothing import smoothed
from ..geometry.smoothstep import smoothstep
from ..parametric.head import HeadModel
from .hair_grid import HairGrid
from .hair_view import ANGLES, THINNEST, HairView

TRIANGLES = 9600
"""About how many triangles the hair gets."""
ROOT = 0.008
"""Metres that the hair starts below the scalp, so that no gap shows."""
BURIED = -0.001
"""Metres above the skin under which nothing of the surface is kept: it is never seen."""
FADE = 0.02
"""Metres: how far from its line on the skin the hair takes to rise, and how high it gets over the face."""
SLOPE = 0.4
"""How fast hair rises from its line on the skin, seen or foreshortened: combed back, it does not begin with a step."""
WIDEST = (-0.09, 0.0)
"""Metres behind the skull's middle between which hair may stand beyond the head's outline whatever its line's slope."""
BEYOND = 0.8
"""How fast hair rises where it shows beyond the head's outline: less, and full hair would be cut off at the top."""
STRAND = 0.03
"""Metres: half the depth of a lock that hangs beside the neck."""
TAPER = 0.25
"""How much nearer the neck than the back of the head long hair falls, 20 cm further down."""
LONG, SIDES = 0.05, 0.5
"""Metres below the ear lobes to which hair hangs that closes behind the neck, and how far back shorter hair reaches."""
CROPPED = 0.006
"""Metres of hair between the height at which the photo's ends and the nape's hairline, where it has thinned to none."""
ROUND = 0.05
"""Metres above the back of the head's furthest point from which hair rounds in below."""
SIDE = (0.01, 0.06)
"""Metres behind the skull's middle over which the sides' thickness becomes the back's."""
AROUND, LAYER = 0.02, 0.0012
"""Metres by which hair at the sides and the back goes on beyond the photo's, and how high it lies there."""
SINK = 0.006
"""Metres into the bare skin over which hair sinks into the head."""
CLEARANCE = 0.006
"""Metres inside the head's outline from which hair behind it is free of the photo's mask."""
ROUNDS = 2
"""How often the outline is drawn and corrected."""


@dataclass(frozen=True)
class HairVolume:
    """The implicit hair on a grid, positive inside."""

    low: np.ndarray
    """[3] metres: the grid's corner."""
    step: float
    """Metres between samples."""
    field: np.ndarray
    """[X, Y, Z] metres."""
    skin: np.ndarray
    """[X, Y, Z] metres above the skin, negative inside the head."""
    ear: float
    """Height below which hair hangs free."""

    @classmethod
    def of(cls, model: HeadModel, posed: np.ndarray, view: HairView) -> "HairVolume":
        """A grid about as fine as TRIANGLES allow: the surface is first counted on coarser ones. What the grid and
        its smoothing then take from the outline, or add to it, is made up for in the `view` (`with_margin`).
        """
        step = 0.008
        for _ in range(2):
            _, triangles = cls._sampled(HairGrid.of(model, posed, view, step), view)._outside()
            step = float(np.clip(step * np.sqrt(max(len(triangles), 1) / TRIANGLES), 0.0025, 0.009))
        grid = HairGrid.of(model, posed, view, step)
        margin = np.zeros_like(view.inside)
        for _ in range(ROUNDS):
            volume = cls._sampled(grid, view.with_margin(margin))
            margin = view.margin(margin, *volume.surface())
        return cls._sampled(grid, view.with_margin(margin))

    @classmethod
    def _sampled(cls, grid: HairGrid, view: HairView) -> "HairVolume":
        step = grid.step
        field = np.minimum(_hair_field(view, grid), grid.off_ears)
        field = ndimage.gaussian_filter(np.clip(field, -2.5 * step, 2.5 * step), 0.8)
        return cls(grid.points[0, 0, 0], step, field, grid.skin, view.ear)

    def height(self, points: np.ndarray) -> np.ndarray:
        """Metres of `points` [N, 3] above the skin."""
        return ndimage.map_coordinates(self.skin, ((points - self.low) / self.step).T, order=1, mode="nearest")

    def depth(self, points: np.ndarray) -> np.ndarray:
        """About how many metres `points` [N, 3] lie inside the hair, negative outside."""
        return ndimage.map_coordinates(self.field, ((points - self.low) / self.step).T, order=1, mode="nearest")

    def surface(self) -> tuple[np.ndarray, np.ndarray]:
        """Vertices `[V, 3]` and triangles `[T, 3]` of the outside, without specks and without the wall in the head."""
        vertices, triangles = self._outside()
        if len(triangles) == 0:
            return np.zeros((0, 3)), triangles
        shows = (self._depth_of(vertices) > BURIED)[triangles].any(1)
        # An island on the skin may hang together with the rest beneath it.
        triangles = np.concatenate([without_specks(vertices, triangles[shows], 0.02), triangles[~shows]])
        triangles = without_specks(vertices, triangles, 0.05)
        used, inverse = np.unique(triangles, return_inverse=True)
        triangles = inverse.reshape(triangles.shape)
        return smoothed(vertices[used], triangles, rounds=6) * self.step + self.low, triangles

    def _outside(self) -> tuple[np.ndarray, np.ndarray]:
        """The hair's surface in steps of the grid, less the wall in the head."""
        shell = np.minimum(self.field, self.skin + ROOT)
        shell = np.pad(shell, 1, constant_values=-self.step)
        if shell.max() <= 0:
            return np.zeros((0, 3)), np.zeros((0, 3), np.int64)
        vertices, triangles, _, _ = measure.marching_cubes(shell, 0.0, gradient_direction="ascent")
        vertices = vertices - 1
        hanging = vertices[:, 1] * self.step + self.low[1] < self.ear
        triangles = triangles[((self._depth_of(vertices) > BURIED) | hanging)[triangles].any(1)]
        return vertices, without_specks(vertices, triangles, 0.05)

    def _depth_of(self, vertices: np.ndarray) -> np.ndarray:
        return ndimage.map_coordinates(self.skin, vertices.T, order=1, mode="nearest")


def _hair_field(view: HairView, on: HairGrid) -> np.ndarray:
    """Metres into the hair `[X, Y, Z]`."""
    grid, skin = on.points, on.skin
    pixel, depth = view.project(grid)
    at = np.moveaxis(pixel[..., ::-1], -1, 0)

    def seen(image: np.ndarray) -> np.ndarray:
        return ndimage.map_coordinates(image, at, order=1, mode="nearest")

    # Hair behind the head keeps clear of the head's outline, or its rounding would peep out beside the cheeks.
    head = ndimage.maximum_filter(np.minimum(view.depth, 1e3), 2 * int(CLEARANCE / view.pixel) + 1)
    hidden = depth > ndimage.map_coordinates(head, at, order=0, mode="nearest") + 2 * ROOT
    inside, from_skin = seen(view.inside), seen(view.from_skin)
    from_middle = depth - view.camera.to_camera(view.center)[2]
    behind = np.clip(from_middle, 0, None)
    gate = np.where(hidden, 1.0, np.minimum(inside, from_skin))
    beyond = BEYOND * seen(view.from_head)
    rise = 0.001 + FADE * (1 - np.exp(-np.maximum(from_skin, -SINK) / FADE)) + beyond + behind
    rise = np.minimum(rise, LAYER + SLOPE * on.off_skin + beyond * smoothstep(from_middle, *WIDEST) + behind)
    thickness = _thinning(view, grid, _thickness(view, grid), smoothstep(behind, *SIDE))
    rising = np.minimum(np.maximum(thickness, THINNEST), rise)
    grows = np.clip(np.maximum(2 * on.scalp, (grid[..., 1] - view.ear - 0.01) / 0.02), 0, 1)
    on_scalp = thickness * grows - 0.01 * (1 - grows)
    cap = np.where(hidden, on_scalp, rising) - skin
    hanging = np.maximum(_locks(view, grid, inside), _behind_neck(view, grid))
    # Seen so aslant, the sides of the head must not have holes for a pixel that the fit is off: close to the skin hair
    # goes on, and up to the hair where the head in the photo is higher than the model's.
    above = LAYER + np.minimum(seen(view.from_head), 2 * np.clip(-from_skin, 0, None))
    layer = np.minimum(above - skin, np.minimum(inside, from_skin) + np.minimum(behind, AROUND))
    layer = np.where(behind > 0, np.minimum(layer, on_scalp + above), -1.0)
    field = np.maximum(np.minimum(_union(cap, hanging, 0.04), gate), layer)
    return np.minimum(field, grid[..., 1] - view.shoulders)


def _union(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """Smooth maximum of two fields, the seam rounded over `blend` metres."""
    overlap = np.clip(blend - np.abs(a - b), 0, None)
    return np.maximum(a, b) + np.where(np.minimum(a, b) > -blend, overlap**2 / (4 * blend), 0)


def _thickness(view: HairView, grid: np.ndarray) -> np.ndarray:
    """Hair on the skull in the direction of each of `grid` [X, Y, Z, 3]: the outline's, its mean towards the poles."""
    offset = grid - view.center
    angle = np.arctan2(offset[..., 0], offset[..., 1])
    position = (angle / (2 * np.pi) + 0.5) * ANGLES
    outline = ndimage.map_coordinates(view.thickness, position[None], order=1, mode="grid-wrap")
    share = np.hypot(offset[..., 0], offset[..., 1]) / (np.linalg.norm(offset, axis=-1) + 1e-6)
    share = np.clip(share, 0, 1) ** 2
    return share * outline + (1 - share) * _mean_thickness(view)


def _thinning(view: HairView, grid: np.ndarray, thickness: np.ndarray, back: np.ndarray) -> np.ndarray:
    """`thickness` at `grid` [X, Y, Z, 3], less towards the nape where `back` is 1: under the back of the head hair
    rounds in, to be CROPPED where the photo's ends, and from there thins out to the hairline.
    """
    top = view.occiput + ROUND
    hem, height = np.clip(view.hem, view.nape, view.lobe), grid[..., 1]
    full = 1 - smoothstep(top - height, 0, top - hem)
    cropped = CROPPED * (1 - np.clip((top - height) / (top - view.nape), 0, 1) ** 3)
    thinned = np.minimum(thickness, cropped + full * np.maximum(thickness - cropped, 0))
    return thickness + back * (thinned - thickness)


def _mean_thickness(view: HairView) -> float:
    """Hair on the back of the skull: that of the outline where it has any, negative where hardly any of it has."""
    upper = view.thickness[ANGLES // 4 : -ANGLES // 4]
    haired = upper > 0
    return float(upper[haired].mean()) if haired.mean() > 0.2 else float(upper.min())


def _locks(view: HairView, grid: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Hair hanging below the ears, as thick as its silhouette is wide up to 2 STRAND."""
    below = view.ear - grid[..., 1]
    bulge = STRAND * np.sqrt(np.clip(1 - (1 - np.clip(inside / STRAND, 0, 1)) ** 2, 0, 1))
    middle = view.center[2] + 0.02 + 0.12 * np.clip(below - 0.05, 0, 0.25)
    lock = np.minimum(bulge - np.abs(grid[..., 2] - middle), inside)
    return np.minimum(lock, below + 0.02)


def _behind_neck(view: HairView, grid: np.ndarray) -> np.ndarray:
    """The curtain behind the neck of hair that hangs on both sides of it: half an ellipse in every height's plane."""
    hair = view.inside > 0
    middle, _ = view.project(view.center)
    column = np.arange(hair.shape[1])
    left = np.where(hair & (column < middle[0]), middle[0] - column, 0).max(1) * view.pixel
    right = np.where(hair & (column > middle[0]), column - middle[0], 0).max(1) * view.pixel
    both = (left > 0.03) & (right > 0.03)
    lobe = view.row(view.lobe)
    both[:lobe] = True
    lowest = np.argmin(both) if not both.all() else len(both)
    if lowest <= lobe:
        return np.full(grid.shape[:3], -1.0)
    height = grid[0, :, 0, 1]
    axis = np.stack([np.full_like(height, view.center[0]), height, np.full_like(height, view.center[2])], -1)
    rows = view.project(axis)[0][:, 1]
    x = grid[:, :1, :1, 0] - view.center[0]
    widths = [np.interp(rows, np.arange(len(w)), ndimage.gaussian_filter1d(w, 6.0) - STRAND / 2) for w in (left, right)]
    width = np.where(x < 0, widths[0][None, :, None], widths[1][None, :, None])
    deep = view.center[2] - view.back + max(_mean_thickness(view), THINNEST)
    deep = deep * np.clip((lowest - lobe) * view.pixel / LONG, SIDES, 1)
    z = grid[..., 2] - view.center[2]
    width = np.maximum(width, STRAND / 2)
    narrowing = 1 - TAPER * np.clip((view.occiput - height) / 0.2, 0, 1)[None, :, None]
    radius = np.hypot(x / width, z / (deep * narrowing))
    end = (lowest - rows) * view.pixel
    start = 0.4 * (view.occiput + 0.05 - grid[..., 1])
    curtain = np.minimum((1 - radius) * np.minimum(width, deep), -z)
    return np.minimum(np.minimum(curtain, end[None, :, None]), start)
