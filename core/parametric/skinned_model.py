"""What FLAME and SMPL, and so the head model and the body model, have in common: a template, linear bases, joints.

Source: Loper et al., "SMPL: A Skinned Multi-Person Linear Model", 2015.
"""

from dataclasses import dataclass

import numpy as np

from .lbs import Array, namespace, pose_feature, skin


@dataclass(frozen=True, kw_only=True)
class SkinnedModel:
    """The arrays of a model of V vertices and J joints, numpy float32/int32 as loaded, or torch."""

    v_template: Array
    """[V, 3] metres: the mean, unposed, every part (skin first)."""
    shapedirs: Array
    """[V, 3, K], each component for one standard deviation."""
    posedirs: Array
    """[9 (J - 1), 3 V]: pose correctives, linear in `pose_feature`."""
    J_regressor: Array
    """[J, V], rows sum to 1."""
    lbs_weights: Array
    """[V, J], rows sum to 1."""
    kintree_table: np.ndarray
    """[2, J]: parents (root's is -1), ids."""
    faces: np.ndarray
    """[F, 4] quads, counter-clockwise from outside; triangles repeat their last index."""
    uv: np.ndarray
    """[T, 2]; every material has the unit square for itself."""
    faces_uv: np.ndarray
    """[F, 4]."""
    vertex_part: np.ndarray
    """[V] index into `parts`; the vertices of a part are contiguous."""
    mirror: np.ndarray
    """[V] index of the left-right mirrored vertex."""
    parts: tuple[str, ...]
    sha256: str = ""
    """Of the weights file: what an Avatar remembers it was made with."""

    @property
    def parents(self) -> tuple[int, ...]:
        return tuple(int(p) for p in self.kintree_table[0])

    @property
    def face_part(self) -> np.ndarray:
        """[F] index into `parts`."""
        return self.vertex_part[self.faces[:, 0]]

    def shaped(self, beta: Array) -> Array:
        """Unposed vertices, `[..., n <= K]` to `[..., V, 3]` metres: the components left out are 0."""
        xp = namespace(self.v_template)
        return self.v_template + xp.einsum("vck,...k->...vc", self.shapedirs[:, :, : beta.shape[-1]], beta)

    def joints(self, beta: Array) -> Array:
        """Rest positions of the joints, `[..., J, 3]` metres; they follow the shape alone."""
        xp = namespace(self.v_template)
        return xp.einsum("jv,...vc->...jc", self.J_regressor, self.shaped(beta))

    def skinned(self, beta: Array, theta: Array) -> Array:
        """Shaped vertices moved by the bones alone, without pose correctives, as an armature does: `[..., V, 3]`."""
        return skin(self.shaped(beta), self.joints(beta), self.parents, self.lbs_weights, theta)

    def _posed(self, unposed: Array, beta: Array, theta: Array) -> Array:
        """`unposed` `[..., V, 3]` of shape `beta`, corrected and posed; the batch dimensions are equal."""
        correctives = (pose_feature(theta) @ self.posedirs).reshape(unposed.shape)
        return skin(unposed + correctives, self.joints(beta), self.parents, self.lbs_weights, theta)
