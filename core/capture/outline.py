"""Where the head ends in the photo: bare skin before the background, which holds the skull and the ears.

Landmarks end at the face. A ray from between the eyes meets the last of a bald crown, of a cheek or of an ear; the
point of the head that lies furthest out in that direction belongs there (the contour term of Keller et al., "3D
Morphable Models: The Face API", and of Zhu et al., CVPR 2015). Hair hides how far the skull goes: rays that end in it
tell nothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..parametric.head import HeadModel
from .camera_fit import projection
from .landmark_fit import Evidence, LandmarkFit
from .landmarks import IRISES
from .points import PointModel
from .refine import Witness
from .segmentation import Masks

RAYS: np.ndarray = np.radians(np.arange(-112, 112.1, 3))
"""[K] angles from the vertical, clockwise: from one ear lobe over the crown to the other."""
NEAREST, FURTHEST = 0.6, 2.6
"""Inter-ocular distances from between the eyes where a ray begins and ends."""
RIM = 0.12
"""Inter-ocular distances before the background that must be bare skin."""
BARE = 0.75
"""Least mean share of skin in the rim, and all along the ray: beyond a parting fair hair passes for skin."""
CROWN, BESIDE = np.radians((30, 60))
"""Radians that a bald crown takes up at least, and from the vertical where faces have sides."""
DEVIATION, OUTLIER = 0.05, 0.2
"""Inter-ocular distances: of one ray, whose neighbours err alike, and from which it has probably met something else."""
_SPARSE = 2
"""Of the skull's vertices one in so many is looked at; of the ears' all."""


@dataclass(frozen=True)
class Outline:
    """N points in the photo where bare skin ends before the background."""

    points: np.ndarray
    """[N, 2] pixels."""
    rays: np.ndarray
    """[N] angles, of RAYS."""
    center: np.ndarray
    """[2] pixels where the rays begin."""
    frame: np.ndarray
    """[2, 2] from pixels to inter-ocular distances in the axes of the upright face."""

    @property
    def outward(self) -> np.ndarray:
        """[N, 2] unit directions of the rays in the upright face."""
        return np.stack([np.sin(self.rays), -np.cos(self.rays)], 1)


def seen_outline(masks: Masks, landmarks: np.ndarray, frame: np.ndarray) -> Outline:
    """What the `masks` show of the outline of the face with `landmarks` [478, 2] and `frame` [2, 2]."""
    center = landmarks[list(IRISES)].mean(0)
    reach = np.arange(NEAREST, FURTHEST, 0.01)
    outward = np.stack([np.sin(RAYS), -np.cos(RAYS)], 1)
    places = center + (reach[None, :, None] * outward[:, None]) @ np.linalg.inv(frame).T
    crop = places @ masks.transform[:, :2].T + masks.transform[:, 2] - 0.5

    def along(mask: np.ndarray) -> np.ndarray:
        return ndimage.map_coordinates(mask, [crop[..., 1], crop[..., 0]], order=1, cval=0.0)

    person, skin = along(masks.person), along(masks.skin)
    beyond = along(np.ones_like(masks.person)) < 1
    rim = round(RIM / 0.01)
    ends = np.full((len(RAYS), 2), np.nan)
    for k in range(len(RAYS)):
        end = int(beyond[k].argmax()) if beyond[k].any() else len(reach)
        inside = np.flatnonzero(person[k, :end] >= 0.5)
        last = inside[-1] if len(inside) else 0
        ends_in_air = rim < last < end - rim
        if ends_in_air and min(skin[k, : last - 1].mean(), skin[k, last - rim : last - 1].mean()) > BARE:
            share = (person[k, last] - 0.5) / (person[k, last] - person[k, last + 1])
            ends[k] = places[k, last] + share * (places[k, last + 1] - places[k, last])
    met = _without_partings(np.isfinite(ends[:, 0]))
    return Outline(ends[met], RAYS[met], center, frame)


def _without_partings(met: np.ndarray) -> np.ndarray:
    """Which of the K rays that `met` skin before the background did so on an ear, a cheek or a bald head: a narrow
    strip over the forehead is hair as fair as skin."""
    run, count = ndimage.label(met)
    widths = np.bincount(run, minlength=count + 1)
    lowest = ndimage.maximum(np.abs(RAYS), run, np.arange(count + 1)) if count else np.zeros(1)
    return met & ((widths >= CROWN / (RAYS[1] - RAYS[0])) | (lowest > BESIDE))[run]


def outline_vertices(model: HeadModel) -> np.ndarray:
    """[M] vertices that may lie on the head's outline: those of the ears and, thinned out, of skull and face."""
    skin = np.zeros(len(model.v_template), bool)
    skin[model.faces[model.face_part == model.parts.index("skin")]] = True
    hidden = np.maximum.reduce([model.masks[name] for name in ("mouth_socket", "eye_sockets", "neck")]) > 0.5
    ears = model.masks["ears"] > 0.5
    middle = np.abs(model.v_template[:, 0]) < np.abs(model.v_template[ears, 0]).min()
    below = model.v_template[:, 1] < model.v_template[model.masks["brows"] > 0.5, 1].max()
    others = np.flatnonzero(skin & ~hidden & ~ears & ~(middle & below))[::_SPARSE]
    return np.union1d(np.flatnonzero(skin & ears), others)


def outermost(outline: Outline, projected: np.ndarray) -> np.ndarray:
    """`[N]` of the points `projected` [M, 2] the one furthest out by each ray; -1 where there is none."""
    place = (projected - outline.center) @ outline.frame.T
    angle, radius = np.arctan2(place[:, 0], -place[:, 1]), np.hypot(*place.T)
    width = (RAYS[1] - RAYS[0]) / 2
    near = np.abs((angle - outline.rays[:, None] + np.pi) % (2 * np.pi) - np.pi) < width
    furthest = np.where(near, radius, -1).argmax(1)
    return np.where(near.any(1), furthest, -1)


def missed(points: PointModel, outline: Outline, fit: LandmarkFit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The N of a fitted head's `points` that lie furthest out by a ray, the inter-ocular distances `[N]` by which they
    miss its end, and the rays' directions `[N, 2]` in inter-ocular distances per pixel."""
    projected = fit.camera.project(points(fit.beta, fit.arkit))[:, :2]
    found = outermost(outline, projected)
    met = found >= 0
    across = outline.outward[met] @ outline.frame
    return found[met], (across * (outline.points[met] - projected[found[met]])).sum(1), across


def outline_witness(points: PointModel, outline: Outline) -> Witness:
    """What the `outline` of a photo tells of the head that has its `points` at `outline_vertices`."""

    def tell(fit: LandmarkFit) -> Evidence | None:
        found, residual, across = missed(points, outline, fit)
        if not len(found):
            return None
        positions, by_beta, _ = points[found].derivatives(fit.beta, fit.arkit)
        _, by_point, _ = projection(fit.camera, positions)
        jacobian = (across[:, None] @ by_point @ by_beta)[:, 0]
        weighted = (jacobian.T / (DEVIATION * (1 + (residual / OUTLIER) ** 2)) ** 2).T
        precision = jacobian.T @ weighted
        return Evidence(precision, weighted.T @ residual + precision @ fit.beta)

    return tell
