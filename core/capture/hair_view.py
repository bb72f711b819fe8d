"""The photo's crop in metres, as the hair sees it, and how thick hair lies on the skull, read off its outline."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from ..parametric.head import HeadModel
from ..rendering.camera import Camera
from ..rendering.rasterise import rasterise, triangulate
from .segmentation import Masks

THINNEST = 0.006
"""Metres of hair on the scalp, at least."""
THICKEST = 0.09
ANGLES = 90
"""Directions round the skull in which the hair's outline is measured."""

STEP, REACH = 3.0, 6.0
"""The largest correction of the outline at once, and how far from the outline there is any, in pixels of the crop."""


@dataclass(frozen=True)
class HairView:
    """The photo's crop as the hair sees it: distances in metres in the plane through the head's middle."""

    camera: Camera
    masks: Masks
    pixel: float
    """Metres a crop pixel, at the head."""
    depth: np.ndarray
    """[H, W] metres from the camera to the bald head, infinite beside it."""
    inside: np.ndarray
    """[H, W] metres into the hair, negative outside."""
    from_skin: np.ndarray
    """[H, W] metres from the nearest bare skin in the photo, negative in it."""
    from_head: np.ndarray
    """[H, W] metres from the bald head's silhouette, 0 inside it."""
    center: np.ndarray
    """[3] the skull's middle, in head space."""
    thickness: np.ndarray
    """[ANGLES] metres of hair on the skull's outline; `_angle` of 0 is the crown."""
    ear: float
    """Height of the ear canals in head space, metres."""
    back: float
    """Depth (z) of the back of the head."""
    occiput: float
    """Height of the point furthest back."""
    nape: float
    """Height of the lowest hair on the scalp."""
    shoulders: float
    """Height at which the head model, and the hair with it, ends."""
    lobe: float
    """Height of the ear lobes."""
    hem: float
    """Height at which the photo's hair ends."""

    def with_margin(self, margin: np.ndarray) -> "HairView":
        """The view whose hair reaches `margin` [H, W] metres further."""
        return replace(self, inside=self.inside + margin, from_skin=self.from_skin + margin)

    def margin(self, given: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """By how many metres `[H, W]` the hair must reach further for its mesh, made with a margin `given`, to end
        where the photo's hair does.
        """
        pixel, depth = self.project(vertices)
        height, width = self.inside.shape
        drawn = rasterise(np.concatenate([pixel + 0.5, depth[:, None]], 1), triangles, (width, height))
        missing = self.inside / self.pixel - _signed_distance(drawn.covered & (drawn.depth < self.depth))
        near = np.exp(-((self.inside / self.pixel / REACH) ** 2))
        error = near * np.clip(missing, -STEP, STEP) * self.pixel
        return np.clip(given + ndimage.gaussian_filter(error, 1.0), -STEP * self.pixel, 2 * STEP * self.pixel)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Crop pixels `[..., 2]` (centres at whole numbers) and depth `[...]` of points in head space."""
        projected = self.camera.project(points)
        transform = self.masks.transform
        return projected[..., :2] @ transform[:, :2].T + transform[:, 2] - 0.5, projected[..., 2]

    def row(self, height: float) -> int:
        """The crop's row at a height of the skull's middle."""
        return int(self.project(np.array([self.center[0], height, self.center[2]]))[0][1])


def hair_view(model: HeadModel, posed: np.ndarray, camera: Camera, masks: Masks) -> HairView:
    scalp = model.masks["scalp"] > 0.5
    low, high = posed[scalp].min(0), posed[scalp].max(0)
    center = np.array([(low[0] + high[0]) / 2, high[1] - 0.08, (low[2] + high[2]) / 2])
    crop = masks.transform
    pixel = float(camera.to_camera(center)[2] / camera.focal / np.hypot(*crop[:, 0]))

    projected = camera.project(posed)
    projected[:, :2] = projected[:, :2] @ crop[:, :2].T + crop[:, 2]
    triangles, _ = triangulate(model.faces[model.face_part == model.parts.index("skin")])
    shape = masks.hair.shape
    depth = rasterise(projected, triangles, (shape[1], shape[0])).depth
    hair = (masks.hair > 0.5) | _overlooked(masks, np.isfinite(depth), pixel)
    inside = _signed_distance(hair) * pixel
    face = (masks.skin + masks.brows + masks.eyes + masks.beard + masks.lips + masks.mouth_interior) > 0.5
    outline = model.landmarks68
    view = HairView(
        camera=camera,
        masks=masks,
        pixel=pixel,
        depth=depth,
        inside=ndimage.gaussian_filter(inside, 1.0),
        from_skin=ndimage.gaussian_filter(_signed_distance(~face) * pixel, 1.0),
        from_head=ndimage.distance_transform_edt(~np.isfinite(depth)) * pixel,
        center=center,
        thickness=np.zeros(ANGLES),
        ear=float(posed[outline[[0, 16]], 1].mean()),
        back=float(low[2]),
        occiput=float(posed[scalp][posed[scalp][:, 2].argmin(), 1]),
        nape=float(low[1]),
        shoulders=float(posed[:, 1].min()) + 0.012,
        lobe=float(posed[outline[[2, 14]], 1].mean()),
        hem=_lowest(camera, masks, center, pixel),
    )
    view.thickness[:] = _outline_thickness(view, hair)
    return view


def _lowest(camera: Camera, masks: Masks, center: np.ndarray, pixel: float) -> float:
    """Height at the head's middle down to which the photo shows hair; not its last hundredth."""
    rows = np.nonzero(masks.hair > 0.5)[0]
    if not len(rows):
        return float(center[1])
    middle = camera.project(center)[:2] @ masks.transform[:, :2].T + masks.transform[:, 2]
    return float(center[1] - (np.percentile(rows, 99) - middle[1]) * pixel)


def _signed_distance(region: np.ndarray) -> np.ndarray:
    """Pixels into `region` [H, W], negative outside."""
    return ndimage.distance_transform_edt(region) - ndimage.distance_transform_edt(~region)


def _overlooked(masks: Masks, head: np.ndarray, pixel: float) -> np.ndarray:
    """Background [H, W] between the hair's outline and a model head that is a little larger: it must not stay bald."""
    background = masks.background > 0.5
    near_head = ndimage.distance_transform_edt(~head) < THINNEST / pixel
    distance, (row, column) = ndimage.distance_transform_edt(background, return_indices=True)
    return background & near_head & (masks.hair[row, column] > 0.4) & (distance < 0.05 / pixel)


def _outline_thickness(view: HairView, hair: np.ndarray) -> np.ndarray:
    """Metres of hair beyond the skull's outline in each of ANGLES directions, negative where there is none."""
    middle, _ = view.project(view.center)
    angles = (np.arange(ANGLES) / ANGLES - 0.5) * 2 * np.pi
    radius = np.arange(0, 0.3, view.pixel / 2)
    ray = np.stack([np.sin(angles), -np.cos(angles)])[:, :, None] * radius / view.pixel + middle[:, None, None]
    on_hair = ndimage.map_coordinates(hair.astype(np.float32), ray[::-1], order=1) > 0.5
    on_head = ndimage.map_coordinates(np.isfinite(view.depth).astype(np.float32), ray[::-1], order=1) > 0.5
    skull = (on_head * radius).max(1)
    reach = (on_hair * radius).max(1)
    found = on_hair.any(1) & (reach > skull - 0.05)
    thickness = np.where(found, np.clip(reach - skull, THINNEST, THICKEST), -0.006)
    if found.any():  # over the ears hair may end higher than the skull's widest: it goes on behind them
        flank = np.abs(angles) > np.deg2rad(50)
        thickness[flank] = np.interp(angles, angles[found], thickness[found])[flank]
    # Below the ears the head's outline is the neck's: take over what the sides of the skull have.
    side = np.deg2rad(95)
    thickness = np.interp(np.clip(angles, -side, side), angles, thickness)
    other = thickness[::-1]
    thickness = np.where(thickness > 0, thickness, other)  # nobody is bald on one side alone
    return ndimage.gaussian_filter1d(ndimage.median_filter(thickness, 7, mode="wrap"), 3.0, mode="wrap")
