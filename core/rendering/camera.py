"""The pinhole camera of a photo."""

from dataclasses import dataclass

from ..parametric.lbs import Array, namespace


@dataclass(frozen=True)
class Camera:
    """Maps head space (metres, +Y up, +Z out of the face) to pixels (x right, y down, pixel centres at +0.5).

    Arrays are numpy or torch. An upright head from the front has rotation diag(1, -1, -1) and translation (0, 0, d).
    """

    focal: float
    """Pixels."""
    center: tuple[float, float]
    """Principal point in pixels."""
    size: tuple[int, int]
    """Width and height of the image in pixels."""
    rotation: Array = None
    """[3, 3] head space to camera space (x right, y down, z forward)."""
    translation: Array = None
    """[3] metres."""

    def to_camera(self, points: Array) -> Array:
        """`[..., 3]` head space to camera space."""
        return points @ self.rotation.T + self.translation

    def project(self, points: Array) -> Array:
        """`[..., 3]` head space to `[..., 3]`: x, y in pixels and depth in metres."""
        p = self.to_camera(points)
        depth = p[..., 2:]
        x = p[..., :1] / depth * self.focal + self.center[0]
        y = p[..., 1:2] / depth * self.focal + self.center[1]
        return namespace(p).concatenate([x, y, depth], -1)
