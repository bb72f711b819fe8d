"""Where a head of its own goes on a body, and how large it is there."""

from dataclasses import dataclass, replace

import numpy as np

from ..avatar import Avatar
from ..parametric.smpl_joints import INDEX
from .avatar import body_joints

NATURAL = 1.1
"""A person's head keeps its own size on a body whose own head is up to this many times smaller or larger. On the body
of a child or a giant it takes the nearest size to its own that is as close to theirs."""
RISE = 0.15
"""Of the neck's bone: how far up it is cut. Below, a body's neck widens; above are the throat's corner and the jaw."""
NECK = 0.15
"""Metres from the middle of the cut within which its plane meets nothing but the neck."""
_SLICE = 0.008
"""Metres above and below the plane within which a neck is looked at."""


@dataclass(frozen=True)
class NeckPlane:
    """The plane across the neck's bone where a body is cut."""

    point: np.ndarray
    """[3] metres."""
    up: np.ndarray
    """[3] unit."""

    @classmethod
    def of(cls, body: Avatar) -> "NeckPlane":
        neck, head = body_joints(body)[[INDEX["neck"], INDEX["head"]]].astype(np.float64)
        return cls(neck + RISE * (head - neck), (head - neck) / np.linalg.norm(head - neck))

    def height(self, points: np.ndarray) -> np.ndarray:
        """Metres `[N]` of `points` [N, 3] above it."""
        return (points - self.point) @ self.up

    def near(self, points: np.ndarray, reach: float) -> np.ndarray:
        """Which of `points` [N, 3] at the neck are no farther than `reach` metres from it: `[N]` bool."""
        return (np.abs(self.height(points)) < reach) & (np.linalg.norm(points - self.point, axis=1) < NECK)


def placed(head: Avatar, body: Avatar) -> Avatar:
    """The head in the body's place for it: eyes as high as those of the body, the neck's middle over its neck's."""
    eyes, size = _measured(head)
    own_eyes, own_size = _measured(body)
    scale = float(np.clip(1, own_size / size / NATURAL, own_size / size * NATURAL))
    head = _moved(head, scale, own_eyes - scale * eyes)
    plane = NeckPlane.of(body)
    return _moved(head, 1.0, (_middle(body, plane) - _middle(head, plane)) * (0, 0, 1))


def _measured(avatar: Avatar) -> tuple[np.ndarray, float]:
    """The middle between the eyes, `[3]`, and how large the skull is: from there to its top and to its back, metres."""
    eyes = np.mean([avatar.part(f"{side}_eye").vertices.mean(0) for side in ("left", "right")], 0)
    points = avatar.part("skin").vertices
    skull = points[points[:, 1] > eyes[1]]
    return eyes, float(skull[:, 1].max() - eyes[1] + eyes[2] - skull[:, 2].min())


def _middle(avatar: Avatar, plane: NeckPlane) -> np.ndarray:
    """`[3]` metres: half-way between the ends of the neck's skin in the plane."""
    points = avatar.part("skin").vertices
    points = points[plane.near(points, _SLICE)]
    if not len(points):  # covered: `NeckSeam` refuses it
        return plane.point
    return (points.min(0) + points.max(0)) / 2


def _moved(avatar: Avatar, scale: float, way: np.ndarray) -> Avatar:
    """The avatar, `scale` times larger about the origin, and then moved by `way` [3] metres."""

    def point(place: np.ndarray) -> np.ndarray:
        return (scale * place + way).astype(np.float32)

    return replace(
        avatar,
        joints=[replace(joint, head=point(joint.head), tail=point(joint.tail)) for joint in avatar.joints],
        parts=[
            replace(
                part,
                vertices=point(part.vertices),
                keys={name: delta * np.float32(scale) for name, delta in part.keys.items()},
                correctives={name: delta * np.float32(scale) for name, delta in part.correctives.items()},
            )
            for part in avatar.parts
        ],
    )
