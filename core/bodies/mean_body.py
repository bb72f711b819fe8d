"""The mean body as gDNA's fields see it: what is under the skin, where clothes lie, what carries them."""

from dataclasses import dataclass
from functools import cached_property

import igl
import numpy as np

from ..geometry.closest import closest_points
from ..parametric.body import BodyModel
from ..parametric.shape_warp import ShapeWarp
from ..parametric.smpl_joints import JOINTS
from ..rendering.rasterise import interpolate, triangulate
from ..rendering.shading import vertex_normals

_LIMBS = {
    "pelvis": (0, 1, 0), "spine1": (0, 1, 0), "neck": (0, 1, 0), "hip": (0, 1, 0), "knee": (0, 1, 0),
    "ankle": (0, 1, 0), "shoulder": (1, 0, 0), "elbow": (1, 0, 0), "wrist": (1, 0, 0),
}  # fmt: skip
"""Joint, of either side -> along what it carries."""


@dataclass(frozen=True)
class MeanBody:
    """The skin of a body model's mean in the T-pose, V vertices."""

    model: BodyModel

    @cached_property
    def skin(self) -> np.ndarray:
        """[Vm] bool: which of the model's vertices are skin; they come first."""
        return self.model.vertex_part == self.model.parts.index("skin")

    @cached_property
    def vertices(self) -> np.ndarray:
        """[V, 3] metres."""
        return self.model.v_template[self.skin].astype(np.float64)

    @cached_property
    def triangles(self) -> np.ndarray:
        """[T, 3]."""
        return triangulate(self.model.faces[self.skin[self.model.faces].all(1)])[0].astype(np.int64)

    @cached_property
    def warp(self) -> ShapeWarp:
        return ShapeWarp(self.vertices)

    def height(self, points: np.ndarray) -> np.ndarray:
        """T: metres [N] from points [N, 3] to the skin, negative under it."""
        _, _, distance = closest_points(points, self.vertices, self.triangles)
        inside = igl.fast_winding_number(self.vertices, self.triangles, np.ascontiguousarray(points, np.float64)) > 0.5
        return np.where(inside, -distance, distance)

    def nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The nearest points of the skin to points [N, 3], and its unit normals there, [N, 3] each."""
        corners, shares, _ = self.carriers(points)
        normals = interpolate(self._normals, corners, shares)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        return interpolate(self.vertices, corners, shares), normals

    def limb(self, points: np.ndarray) -> np.ndarray:
        """[N, 3] along the limb, neck or waist next to each point; shorter between limbs, 0 on chest, head and feet."""
        corners, shares, _ = self.carriers(points)
        return interpolate(self._limb, corners, shares)

    @cached_property
    def _limb(self) -> np.ndarray:
        """[V, 3] of the vertices."""
        along = np.array([_LIMBS.get(joint.split("_")[-1], (0, 0, 0)) for joint in JOINTS], float)
        return self.model.lbs_weights[self.skin] @ along

    @cached_property
    def _normals(self) -> np.ndarray:
        return vertex_normals(self.vertices, self.triangles)

    def carriers(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three vertices of the skin nearest below each point: `[N, 3]`, their shares `[N, 3]`, metres `[N]`."""
        triangle, shares, distance = closest_points(points, self.vertices, self.triangles)
        return self.triangles[triangle], shares, distance
