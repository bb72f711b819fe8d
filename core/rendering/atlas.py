"""A texture's texels as points of the surface: which triangle each lies on, and where its mirror image is."""

from dataclasses import dataclass

import numpy as np

from ..parametric.head import HeadModel
from .rasterise import interpolate, rasterise, triangulate


@dataclass(frozen=True, eq=False)
class Atlas:
    """The texels of one part's chart. Images are [size, size, ...] with row 0 at v = 1, as image files have it."""

    size: int
    texels: np.ndarray
    """[N] flat index of each texel that lies on the surface."""
    corners: np.ndarray
    """[N, 3] vertices of the triangle under the texel."""
    barycentric: np.ndarray
    """[N, 3]."""
    mirror_map: np.ndarray
    """[size, size, 2] float32 column, row (centres at integers, as `cv2.remap` has it) of the texel's mirror image,
    -1 off the surface."""
    texels_per_metre: float
    """Median over the chart, on the mean head."""

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Values of vertices `[V, ...]` at the texels: `[N, ...]`."""
        return interpolate(values, self.corners, self.barycentric)

    def image(self, values: np.ndarray, fill: float = 0.0) -> np.ndarray:
        """Values of texels `[N, ...]` as an image `[size, size, ...]`, `fill` off the surface."""
        image = np.full((self.size * self.size, *values.shape[1:]), fill, values.dtype)
        image[self.texels] = values
        return image.reshape(self.size, self.size, *values.shape[1:])


def part_triangles(model: HeadModel, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Triangles `[F, 3]` of a part in vertices, and the same triangles in UV indices."""
    chosen = model.face_part == model.parts.index(part)
    return triangulate(model.faces[chosen])[0], triangulate(model.faces_uv[chosen])[0]


def build_atlas(model: HeadModel, part: str, size: int) -> Atlas:
    """The atlas of a part at `size` x `size` texels (about a second at 2048)."""
    triangles, triangles_uv = part_triangles(model, part)
    pixels = texel_coordinates(model.uv, size)
    raster = rasterise(pixels, triangles_uv, (size, size))
    texels = np.flatnonzero(raster.triangle.ravel() >= 0)
    drawn = raster.triangle.ravel()[texels]
    barycentric = raster.barycentric.reshape(-1, 3)[texels]
    mirrored = texel_coordinates(mirror_uv(model, part), size).astype(np.float32) - 0.5
    mirror_map = np.full((size * size, 2), -1, np.float32)
    mirror_map[texels] = interpolate(mirrored, triangles_uv[drawn], barycentric)
    return Atlas(
        size=size,
        texels=texels.astype(np.int32),
        corners=triangles[drawn],
        barycentric=barycentric,
        mirror_map=mirror_map.reshape(size, size, 2),
        texels_per_metre=_density(model.v_template[triangles], pixels[triangles_uv]),
    )


def texel_coordinates(uv: np.ndarray, size: int) -> np.ndarray:
    """UV `[..., 2]` to pixels of a square image (x right, y down, centres at +0.5)."""
    return np.stack([uv[..., 0], 1 - uv[..., 1]], -1) * size


def mirror_uv(model: HeadModel, part: str) -> np.ndarray:
    """UV `[T, 2]` of the mirror image of a part's UV vertices, each taken on its own side of the chart's seams."""
    chosen = model.face_part == model.parts.index(part)
    faces, faces_uv = model.faces[chosen], model.faces_uv[chosen]
    mirrored = model.mirror[faces]
    both = np.sort(np.concatenate([faces, mirrored]), axis=1)
    _, same = np.unique(both, axis=0, return_inverse=True)
    face_of = np.full(same.max() + 1, -1)
    face_of[same[: len(faces)]] = np.arange(len(faces))
    twin = face_of[same[len(faces) :]]
    found = twin >= 0
    result = model.uv.copy()
    for corner in range(4):
        match = (faces[twin] == mirrored[:, corner : corner + 1]).argmax(1)
        result[faces_uv[found, corner]] = model.uv[faces_uv[twin, match]][found]
    return result


def _density(corners: np.ndarray, pixels: np.ndarray) -> float:
    """Median texels per metre of triangles `[F, 3, 3]` drawn at `[F, 3, 2]`."""
    a, b = pixels[:, 1] - pixels[:, 0], pixels[:, 2] - pixels[:, 0]
    texels = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    metres = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    return float(np.sqrt(np.median(texels / np.maximum(metres, 1e-12))))
