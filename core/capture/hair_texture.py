"""The hair's material: one image of colour and opacity and one of relief, for its shell and its tufts."""

import io

import cv2
import numpy as np
from PIL import Image

from ..avatar import Material
from ..geometry.charts import box_charts, pack_charts
from ..rendering.atlas import pull_push
from ..rendering.image_files import encode
from ..rendering.rasterise import interpolate, rasterise
from ..rendering.shading import linear_to_srgb
from .hair_colors import HairColors, Shell
from .hair_tufts import Tufts

SIZE = 1280
MARGIN = 0.002
"""Gap between charts, as a share of the image."""
STRAND_DEPTH, LOCK_DEPTH = 0.00012, 0.00025
"""Metres of relief, one deviation of the noise of strands and of locks."""
EDGE = 0.0028
"""Metres above the skin at which the hair's edge breaks up into strands."""
FRAY, FRAYED = 0.4, 2.5
"""How far strands stand out of the edge: opacity for one deviation of their noise, and how many deviations count."""
SPECULAR = 0.3
"""Share of light that is reflected as by a smooth surface: less than of skin, for hair scatters it."""
ROOTS = 0.25
"""How much darker, in log luminance, tufts are at their roots than at their tips."""


def hair_material(shell: Shell, tufts: Tufts, colors: HairColors) -> tuple[np.ndarray, np.ndarray, Material]:
    """Texture coordinates `[T, 2]`, their triangles (the shell's, then the tufts') `[F, 3]`, and the material."""
    flat, flat_triangles, chart = box_charts(shell.vertices, shell.triangles)
    uv_triangles = np.concatenate([flat_triangles, tufts.triangles + len(flat)])
    uv, side = pack_charts(
        np.concatenate([flat, tufts.flat]), np.concatenate([chart, tufts.ribbon + chart.max() + 1]), MARGIN
    )
    raster = rasterise(np.stack([uv[:, 0], 1 - uv[:, 1]], -1) * SIZE, uv_triangles, (SIZE, SIZE))
    covered = raster.covered
    corners = _joined(shell, tufts)[raster.triangle[covered]]

    def texels(of_shell: np.ndarray, of_tufts: np.ndarray) -> np.ndarray:
        values = np.concatenate([of_shell, of_tufts]).astype(np.float32)
        return interpolate(values, corners, raster.barycentric[covered])

    position = texels(shell.vertices, tufts.vertices)
    trust = texels(colors.trust, colors.trust[tufts.nearest])[:, None].clip(0, 1)
    base = texels(colors.base, colors.base[tufts.nearest])
    detail = colors.detail(position)
    noise = colors.flow.strands(position)
    strands, locks = noise[:, :1], (1 - trust) * noise[:, 1:]  # what the photo shows has locks of its own
    made = np.concatenate([(1 - 0.5 * trust) * strands, np.sqrt(1 - trust**2) * noise[:, 1:]], 1)
    along = texels(np.zeros(len(shell.vertices)), tufts.along)[:, None]
    across = texels(np.zeros(len(shell.vertices)), tufts.across)[:, None]
    loose = texels(np.zeros(len(shell.vertices)), np.ones(len(tufts.vertices)))[:, None] > 0.5
    shade = np.where(loose, ROOTS * (along - 0.5), 0)
    color = np.exp(base + trust * detail + (made @ colors.contrast)[:, None] + shade)

    height = texels(shell.height, np.zeros(len(tufts.vertices)))[:, None]
    solid = np.where(loose, 0.9 - 1.5 * along**1.5 - 0.8 * across**2, (height - EDGE) / (2 * EDGE))
    opacity = 0.5 + solid + FRAY * np.clip(strands + locks, -FRAYED, FRAYED)
    mean = color[opacity[:, 0] > 0.5].mean(0) if (opacity > 0.5).any() else color.mean(0)
    rgba = np.concatenate([linear_to_srgb(np.clip(color, 0, 1)), np.clip(opacity, 0, 1)], 1)
    material = Material(
        "hair",
        (*np.clip(mean, 0, 1).tolist(), 1.0),
        color_texture=_png(_image(covered, rgba)),
        normal_texture=encode(
            _normals(_image(covered, STRAND_DEPTH * strands + LOCK_DEPTH * locks)[..., 0] * SIZE / side)
        ),
        roughness=0.75,
        specular=SPECULAR,
        alpha="clip",
        double_sided=True,
    )
    return uv, uv_triangles, material


def with_tufts(shell: Shell, tufts: Tufts) -> tuple[np.ndarray, np.ndarray]:
    """Vertices `[V, 3]` and triangles `[F, 3]` of the shell and then the tufts."""
    return np.concatenate([shell.vertices, tufts.vertices]), _joined(shell, tufts)


def _joined(shell: Shell, tufts: Tufts) -> np.ndarray:
    return np.concatenate([shell.triangles, tufts.triangles + len(shell.vertices)])


def _png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)).save(stream, "PNG", compress_level=3)
    return stream.getvalue()


def _image(covered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values `[N, C]` of the covered texels as an image [SIZE, SIZE, C], carried on beyond the charts' borders."""
    image = np.zeros((*covered.shape, values.shape[1]), np.float32)
    image[covered] = values
    return pull_push(image, covered.astype(np.float32))


def _normals(height: np.ndarray) -> np.ndarray:
    """Tangent-space normals [H, W, 3] in 0..1 of a `height` [H, W] in texels."""
    right = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8)
    up = -cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    normal = np.stack([-right, -up, np.ones_like(height)], -1)
    return normal / np.linalg.norm(normal, axis=-1, keepdims=True) * 0.5 + 0.5
