"""The grid on which hair is defined, and what of the head counts there."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from ..parametric.head import HeadModel
from ..rendering.rasterise import triangulate
from ..rendering.shading import vertex_normals
from .hair_view import HairView

SHOWN = 0.004
"""Metres behind the nearest surface at which a vertex still counts as seen."""
EAR_GAP = 0.003
"""Metres between hair and a bare ear."""
FAR = 0.06
"""Metres from bare skin beyond which it does not matter how far it is."""
MARGIN = 0.02
"""Metres round the hair that the volume's box takes in."""


@dataclass(frozen=True)
class HairGrid:
    """A grid and what holds there whatever the hair's outline."""

    step: float
    """Metres between samples."""
    points: np.ndarray
    """[X, Y, Z, 3] metres."""
    skin: np.ndarray
    """[X, Y, Z] metres above the skin."""
    scalp: np.ndarray
    """[X, Y, Z] how much the nearest skin is scalp, 0..1."""
    off_ears: np.ndarray
    """[X, Y, Z] metres from bare ears."""
    off_skin: np.ndarray
    """[X, Y, Z] metres from skin that the photo shows bare, up to FAR."""

    @classmethod
    def of(cls, model: HeadModel, posed: np.ndarray, view: HairView, step: float) -> "HairGrid":
        low, high = _box(view)
        axes = [np.arange(a, b, step) for a, b in zip(low, high, strict=True)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1)
        ears, skin = _off_ears(model, posed, view, grid), _off_skin(model, posed, view, grid)
        return cls(step, grid, *_above_skin(model, posed, grid), ears, skin)


def _box(view: HairView) -> tuple[np.ndarray, np.ndarray]:
    """Corners in head space of a box round the skull and the hair that is seen."""
    rows, columns = np.nonzero(view.inside > 0)
    middle, _ = view.project(view.center)
    across = (np.abs(columns - middle[0]) * view.pixel).max()
    up, down = ((middle[1] - rows) * view.pixel).max(), ((rows - middle[1]) * view.pixel).max()
    side = max(across, 0.09) * 1.1 + MARGIN
    back = 0.11 + max(view.thickness.max(), 0) + MARGIN
    reach = np.array([[side, max(down, view.center[1] - view.nape) + MARGIN, back], [side, up * 1.1 + MARGIN, back]])
    return view.center - reach[0], view.center + reach[1]


def _above_skin(model: HeadModel, posed: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance above the skin and scalp membership of the nearest skin, both at `grid` [X, Y, Z, 3]."""
    part = model.parts.index("skin")
    triangles, _ = triangulate(model.faces[model.face_part == part])
    outside = np.flatnonzero(
        (model.vertex_part == part) & (model.masks["mouth_socket"] + model.masks["eye_sockets"] < 0.5)
    )
    normals = vertex_normals(posed, triangles)[outside]
    sparse = grid[::2, ::2, ::2]
    _, nearest = cKDTree(posed[outside]).query(sparse.reshape(-1, 3), 6)
    offset = sparse.reshape(-1, 1, 3) - posed[outside][nearest]
    length = np.linalg.norm(offset, axis=-1)
    share = 1 / (length - length.min(1, keepdims=True) + 0.002)
    height = (offset * normals[nearest]).sum(-1)
    height = np.where(length < 0.012, height, np.sign(height) * length)
    skin, scalp = (
        ((values * share).sum(1) / share.sum(1)).reshape(sparse.shape[:3])
        for values in (height, model.masks["scalp"][outside][nearest])
    )
    return _dense(skin, grid), _dense(scalp, grid)


def _dense(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Values at every second sample of the `grid` [X, Y, Z, 3] carried to all, `[X, Y, Z]`."""
    at = np.stack(np.meshgrid(*[np.arange(n) / 2 for n in grid.shape[:3]], indexing="ij"))
    return ndimage.map_coordinates(values, at, order=1, mode="nearest")


def _off_skin(model: HeadModel, posed: np.ndarray, view: HairView, grid: np.ndarray) -> np.ndarray:
    """Metres from the skin of face and scalp that the photo shows bare, at most FAR."""
    pixel, depth = view.project(posed)
    column, row = np.clip(np.round(pixel).astype(int), 0, np.array(view.depth.shape[::-1]) - 1).T
    seen = (view.from_skin[row, column] < 0) & (depth < view.depth[row, column] + SHOWN)
    skin = np.maximum(model.masks["narrow_face"], model.masks["scalp"]) > 0.5
    sparse = grid[::2, ::2, ::2]
    if not (seen & skin).any():
        return np.full(grid.shape[:3], FAR)
    distance, _ = cKDTree(posed[seen & skin]).query(sparse.reshape(-1, 3), distance_upper_bound=FAR)
    return _dense(np.minimum(distance, FAR).reshape(sparse.shape[:3]), grid)


def _off_ears(model: HeadModel, posed: np.ndarray, view: HairView, grid: np.ndarray) -> np.ndarray:
    """Metres from the ears that the photo shows bare, less EAR_GAP: hair is cut or combed behind them."""
    ears = model.masks["ears"] > 0.5
    bare = []
    for ear in (np.flatnonzero(ears & (posed[:, 0] < 0)), np.flatnonzero(ears & (posed[:, 0] > 0))):
        column, row = np.mean(view.project(posed[ear])[0], axis=0).astype(int)
        reach = int(0.02 / view.pixel)
        around = (slice(max(row - reach, 0), row + reach), slice(max(column - reach // 2, 0), column + reach // 2))
        if view.masks.skin[around].mean() > view.masks.hair[around].mean():
            bare.append(posed[ear])
    if not bare:
        return np.full(grid.shape[:3], np.inf)
    distance, _ = cKDTree(np.concatenate(bare)).query(grid.reshape(-1, 3), distance_upper_bound=0.03)
    return np.minimum(distance, 0.03).reshape(grid.shape[:3]) - EAR_GAP
