"""Dense landmarks of the head's own topology: a few hundred vertices spread over the skin, and the two irises.

Source of the idea: Wood et al., "3D Face Reconstruction with Dense Landmarks", ECCV 2022.
"""

from dataclasses import dataclass

import numpy as np

from .head import JOINTS, HeadModel

COUNT = 400
"""About so many, the two irises included: one more where the last has a mirror image."""
_SPACING = {"face": 1.0, "ears": 1.0, "eyelids": 0.5, "lips": 0.5, "brows": 0.7, "scalp": 2.5, "neck": 2.5}
"""Relative distance between neighbours by region; where regions overlap the smallest counts."""
_STILL = 0.2
"""Share of the root joint from which a vertex belongs to the shoulders, which do not turn with the head."""


@dataclass(frozen=True)
class DensePoints:
    """P points of the head model, each a vertex; the last two are the irises, right and left."""

    vertices: np.ndarray
    """[P] int64."""
    mirror: np.ndarray
    """[P] index of the left-right mirrored point."""
    face: np.ndarray
    """[P] bool: on the face, where an upright box round the points finds it."""

    @classmethod
    def of(cls, model: HeadModel, count: int = COUNT) -> "DensePoints":
        """Farthest-point sampling of one half of the skin, and its mirror image."""
        left_out = (model.masks["mouth_socket"] > 0.5) | (model.masks["eye_sockets"] > 0.5)
        left_out |= model.lbs_weights[:, JOINTS.index("root")] > _STILL
        skin = np.flatnonzero((model.vertex_part == model.parts.index("skin")) & ~left_out)
        spacing = np.full(len(model.v_template), 3.0)
        for region, value in _SPACING.items():
            spacing[model.masks[region] > 0.5] = np.minimum(spacing[model.masks[region] > 0.5], value)
        half = skin[model.v_template[skin, 0] >= -1e-6]
        chosen = _spread(model, half, spacing[half], count - 2)
        vertices = np.unique(np.concatenate([chosen, model.mirror[chosen]]))
        eyes = [model.vertex_part == model.parts.index(part) for part in ("right_eye", "left_eye")]
        apexes = [np.flatnonzero(eye)[model.v_template[eye, 2].argmax()] for eye in eyes]
        position = {int(vertex): i for i, vertex in enumerate(vertices)}
        mirror = [position[int(twin)] for twin in model.mirror[vertices]]
        count = len(vertices)
        return cls(
            np.concatenate([vertices, apexes]),
            np.array([*mirror, count + 1, count]),
            np.concatenate([model.masks["narrow_face"][vertices] > 0.5, [True, True]]),
        )

    def __len__(self) -> int:
        return len(self.vertices)


def _spread(model: HeadModel, candidates: np.ndarray, spacing: np.ndarray, count: int) -> np.ndarray:
    """Vertices of one half that are `count` in number with their mirror images; from the nose's tip outwards."""
    points = model.v_template[candidates].astype(np.float64)
    distance = np.full(len(points), np.inf)
    chosen, total, next_ = [], 0, int(points[:, 2].argmax())
    while total < count:
        chosen.append(candidates[next_])
        total += 1 if model.mirror[candidates[next_]] == candidates[next_] else 2
        distance = np.minimum(distance, np.linalg.norm(points - points[next_], axis=1) / spacing)
        next_ = int(distance.argmax())
    return np.array(chosen)
