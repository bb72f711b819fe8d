"""A texture's texels as points of the surface: which triangle each lies on, and where its mirror image is."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import sparse

from ..parametric.head import HeadModel
from .rasterise import rasterise, triangulate


@dataclass(frozen=True, eq=False)
class Atlas:
    """The texels of one part's chart. Images are [size, size, ...] with row 0 at v = 1, as image files have it."""

    size: int
    texels: np.ndarray
    """[N] flat index of each texel that lies on the surface."""
    interpolation: sparse.csr_matrix
    """[N, V] float32: in each row the barycentric coordinates of the texel in the triangle under it."""
    mirror_map: np.ndarray
    """[size, size, 2] float32 column, row (centres at integers, as `cv2.remap` has it) of the texel's mirror image,
    -1 off the surface."""
    density: np.ndarray
    """[N] float32 texels per metre, on the mean head."""

    @property
    def corners(self) -> np.ndarray:
        """[N, 3] vertices of the triangle under the texel."""
        return self.interpolation.indices.reshape(-1, 3)

    def gather(self, values: np.ndarray) -> np.ndarray:
        """Values of vertices `[V]` or `[V, C]` at the texels: `[N]` or `[N, C]`."""
        return self.interpolation @ values

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
    mirror_map[texels] = _interpolation(triangles_uv[drawn], barycentric, len(mirrored)) @ mirrored
    return Atlas(
        size=size,
        texels=texels.astype(np.int32),
        interpolation=_interpolation(triangles[drawn], barycentric, len(model.v_template)),
        mirror_map=mirror_map.reshape(size, size, 2),
        density=_density(model.v_template[triangles], pixels[triangles_uv])[drawn],
    )


def pull_push(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fill `image` [H, W, C] where `weight` [H, W] is 0 from ever coarser averages of the rest.

    Source: Gortler et al., "The lumigraph", 1996, section 3.7.1.
    """
    if min(image.shape[:2]) <= 2 or (weight > 0).all():
        return image
    color = image * weight[..., None]
    coarse_weight = cv2.resize(weight, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(color, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    coarse = coarse.reshape(*coarse_weight.shape, -1) / np.maximum(coarse_weight, 1e-6)[..., None]
    coarse = pull_push(coarse, (coarse_weight > 0).astype(np.float32))
    filled = cv2.resize(coarse, image.shape[1::-1], interpolation=cv2.INTER_LINEAR).reshape(image.shape)
    return cv2.copyTo(image, (weight > 0).astype(np.uint8), filled).reshape(image.shape)


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


def _interpolation(corners: np.ndarray, barycentric: np.ndarray, count: int) -> sparse.csr_matrix:
    """[N, count] from the `corners` [N, 3] and their weights [N, 3]."""
    starts = np.arange(0, corners.size + 1, 3, dtype=np.int32)
    return sparse.csr_matrix((barycentric.ravel(), corners.ravel(), starts), shape=(len(corners), count))


def _density(corners: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Texels per metre `[F]` of triangles `[F, 3, 3]` drawn at `[F, 3, 2]`."""
    a, b = pixels[:, 1] - pixels[:, 0], pixels[:, 2] - pixels[:, 0]
    texels = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    metres = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    density = np.sqrt(texels / np.maximum(metres, 1e-12))
    return np.minimum(density, 3 * np.median(density)).astype(np.float32)  # slivers
