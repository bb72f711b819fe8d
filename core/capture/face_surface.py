"""The face as light sees it: the skin's vertices, their normals, and how these turn with the shape."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from ..parametric.head import SHAPES, HeadModel
from ..parametric.lbs import joint_transforms, skew
from ..rendering.camera import Camera
from ..rendering.rasterise import triangulate
from ..rendering.shading import vertex_normals

_COVERED = ("lips", "eyelids", "brows", "ears", "scalp", "mouth_socket", "eye_sockets", "neck")


@dataclass(frozen=True)
class FaceSurface:
    """The N vertices of the face's skin and its triangles."""

    model: HeadModel
    vertices: np.ndarray
    """[N] of the model's."""
    triangles: np.ndarray
    """[T, 3] of these N."""
    bare: np.ndarray
    """[N] 0..1: smooth skin, with neither hair nor folds that cast shadows."""

    @classmethod
    def of(cls, model: HeadModel) -> "FaceSurface":
        face = model.masks["face"] > 0.5
        skin = model.faces[model.face_part == model.parts.index("skin")]
        vertices, triangles = np.unique(triangulate(skin[face[skin].all(1)])[0], return_inverse=True)
        bare = model.masks["face"] * np.prod([1 - model.masks[name] for name in _COVERED], axis=0)
        return cls(model, vertices, triangles.reshape(-1, 3), bare[vertices])

    @cached_property
    def mirror(self) -> np.ndarray:
        """[N] the vertex on the other side; itself where the other side's is no part of the face."""
        own = np.arange(len(self.vertices))
        place = np.full(len(self.model.v_template), -1)
        place[self.vertices] = own
        other = place[self.model.mirror[self.vertices]]
        return np.where(other < 0, own, other)

    def positions(self, beta: np.ndarray, arkit: np.ndarray) -> np.ndarray:
        """`[N, 3]` metres of the face as posed by `beta` `[100]` and `arkit` `[52]`."""
        psi, theta = arkit @ self.model.arkit_psi, np.tensordot(arkit, self.model.arkit_theta, 1)
        state = (value.astype(np.float32) for value in (beta, psi, theta))
        return self.model.vertices(*state)[self.vertices].astype(np.float32)

    def normals(self, positions: np.ndarray) -> np.ndarray:
        """Unit normals `[N, 3]`."""
        return vertex_normals(positions, self.triangles)

    def normals_by_beta(self, positions: np.ndarray, beta: np.ndarray, arkit: np.ndarray) -> np.ndarray:
        """Derivative `[N, 3, 100]` of the unit normals by beta.

        With n = m / |m| and m the sum of the triangles' (b - a) x (c - a): dn = (1 - n n^T) dm / |m|.
        """
        a, b, c = (positions[corner] for corner in self.triangles.T)
        one, other = skew(b - a), skew(c - a)
        count = len(self.triangles)
        blocks = np.stack([other - one, -other, one], 1).reshape(-1, 3, 3).astype(np.float32)
        cross = sparse.bsr_matrix((blocks, self.triangles.ravel(), np.arange(0, 3 * count + 1, 3)))
        around = sparse.csr_matrix(
            (np.ones(3 * count, np.float32), (self.triangles.ravel(), np.repeat(np.arange(count), 3)))
        )
        change = around @ (cross @ self._moved(beta, arkit).reshape(-1, SHAPES)).reshape(count, -1)
        length = np.linalg.norm(around @ np.cross(b - a, c - a), axis=1, keepdims=True)
        change = change.reshape(-1, 3, SHAPES) / np.maximum(length, 1e-20)[..., None]
        normals = self.normals(positions)
        return change - normals[..., None] * np.einsum("nc,nck->nk", normals, change)[:, None]

    def facing(self, positions: np.ndarray, camera: Camera) -> np.ndarray:
        """Cosines `[N]` between the normals and the directions to the camera."""
        towards = -camera.rotation.T @ camera.translation - positions
        return (self.normals(positions) * towards).sum(1) / np.linalg.norm(towards, axis=1)

    def _moved(self, beta: np.ndarray, arkit: np.ndarray) -> np.ndarray:
        """`[N, 3, 100]` displacements by beta, turned as the joints turn them and moved as the joints move."""
        model, parents = self.model, self.model.parents
        theta = np.tensordot(arkit, model.arkit_theta, 1).astype(np.float32)
        weights, directions = model.lbs_weights[self.vertices], model.shapedirs[self.vertices][..., :SHAPES]
        turns, _ = joint_transforms(model.joints(beta.astype(np.float32)), parents, theta)
        _, shifts = joint_transforms(self._joints_by_beta, parents, theta)  # they are linear in the joints
        return np.tensordot(weights, turns, 1) @ directions + np.tensordot(weights, shifts, (1, 1)).swapaxes(1, 2)

    @cached_property
    def _joints_by_beta(self) -> np.ndarray:
        """`[100, 5, 3]`."""
        return np.einsum("jv,vck->kjc", self.model.J_regressor, self.model.shapedirs[..., :SHAPES])
