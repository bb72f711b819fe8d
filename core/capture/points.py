"""The head model restricted to a few surface points, with its derivatives: what landmark fitting works on."""

from dataclasses import dataclass

import numpy as np

from ..parametric.head import EXPRESSIONS, SHAPES, HeadModel
from ..parametric.lbs import joint_transforms, pose_feature, skin

_STEP = 1e-5
"""Radians, of the finite differences in joint angles; float64."""


@dataclass(frozen=True)
class PointModel:
    """N points that move as the head's surface does, driven by beta and the 52 ARKit weights; float64."""

    template: np.ndarray
    """[N, 3] metres."""
    shape: np.ndarray
    """[N, 3, 100]."""
    expression: np.ndarray
    """[N, 3, 52] displacement of each ARKit shape before its joints turn."""
    correctives: np.ndarray
    """[36, N, 3]."""
    weights: np.ndarray
    """[N, 5]."""
    joints: np.ndarray
    """[5, 3] of the mean head."""
    joint_shape: np.ndarray
    """[100, 5, 3] their displacement with beta."""
    arkit_theta: np.ndarray
    """[52, 5, 3]."""
    parents: tuple[int, ...]

    @classmethod
    def of(cls, model: HeadModel, vertices: np.ndarray, barycentric: np.ndarray, offset: np.ndarray) -> "PointModel":
        """Points at `barycentric` `[N, 3]` of `vertices` `[N, 3]` (indices), plus `offset` `[N, 3]` metres.

        Blending vertices' skinning weights rather than their positions makes each point a vertex of its own; on one
        face of the mesh the difference is far below what landmarks can tell.
        """

        def blend(values: np.ndarray) -> np.ndarray:
            return np.einsum("nk,nk...->n...", barycentric.astype(np.float64), values[vertices].astype(np.float64))

        dirs = blend(model.shapedirs)
        correctives = model.posedirs.reshape(len(model.posedirs), -1, 3).swapaxes(0, 1)
        regressor = model.J_regressor.astype(np.float64)
        return cls(
            template=blend(model.v_template) + offset,
            shape=dirs[..., :SHAPES],
            expression=dirs[..., SHAPES : SHAPES + EXPRESSIONS] @ model.arkit_psi.T.astype(np.float64),
            correctives=blend(correctives).swapaxes(0, 1),
            weights=blend(model.lbs_weights),
            joints=regressor @ model.v_template,
            joint_shape=np.einsum("jv,vck->kjc", regressor, model.shapedirs[..., :SHAPES]),
            arkit_theta=model.arkit_theta.astype(np.float64),
            parents=model.parents,
        )

    @classmethod
    def at(cls, model: HeadModel, vertices: np.ndarray) -> "PointModel":
        """The `vertices` `[N]` themselves."""
        alone = np.tile([1.0, 0.0, 0.0], (len(vertices), 1))
        return cls.of(model, np.repeat(vertices[:, None], 3, 1), alone, np.zeros((len(vertices), 3)))

    def __getitem__(self, index: np.ndarray) -> "PointModel":
        """The same model of some of the points."""
        return PointModel(
            self.template[index],
            self.shape[index],
            self.expression[index],
            self.correctives[:, index],
            self.weights[index],
            self.joints,
            self.joint_shape,
            self.arkit_theta,
            self.parents,
        )

    def __call__(self, beta: np.ndarray, arkit: np.ndarray) -> np.ndarray:
        """Positions `[N, 3]` metres for `beta` `[100]` and `arkit` `[52]`."""
        return self._posed(self._unposed(beta, arkit), self._joints(beta), self._theta(arkit))

    def derivatives(self, beta: np.ndarray, arkit: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions `[N, 3]` and their derivatives by beta `[N, 3, 100]` and by arkit `[N, 3, 52]`."""
        unposed, joints, theta = self._unposed(beta, arkit), self._joints(beta), self._theta(arkit)
        points = self._posed(unposed, joints, theta)
        turn = np.tensordot(self.weights, joint_transforms(joints, self.parents, theta)[0], 1)
        # Translations are linear in the joints' rest positions, so those of the joints' own derivatives are theirs.
        _, shift = joint_transforms(self.joint_shape, self.parents, theta)
        by_beta = turn @ self.shape + np.moveaxis(np.tensordot(self.weights, shift, (1, 1)), 1, 2)
        by_arkit = turn @ self.expression
        for joint, axis in zip(*np.nonzero(np.abs(self.arkit_theta).max(0)), strict=True):
            moved = theta.copy()
            moved[joint, axis] += _STEP
            by_angle = (self._posed(unposed, joints, moved) - points) / _STEP
            by_arkit += by_angle[..., None] * self.arkit_theta[:, joint, axis]
        return points, by_beta, by_arkit

    def _unposed(self, beta: np.ndarray, arkit: np.ndarray) -> np.ndarray:
        return self.template + self.shape @ beta + self.expression @ arkit

    def _joints(self, beta: np.ndarray) -> np.ndarray:
        return self.joints + np.tensordot(beta, self.joint_shape, 1)

    def _theta(self, arkit: np.ndarray) -> np.ndarray:
        return np.tensordot(arkit, self.arkit_theta, 1)

    def _posed(self, unposed: np.ndarray, joints: np.ndarray, theta: np.ndarray) -> np.ndarray:
        corrected = unposed + np.tensordot(pose_feature(theta), self.correctives, 1)
        return skin(corrected, joints, self.parents, self.weights, theta)
