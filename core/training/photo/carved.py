"""Charts of which the relief is known: carved at random into portraits' heads and shaded by their light, over pigment.

What a portrait's shades vary by and no relief explains is taken for pigment. Folds and wrinkles lie anywhere: the
network is to learn what light does to relief, not where faces have some.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ...capture.albedo import skin_edges, smooth
from ...capture.fine import FOLD_WIDTH, WRINKLE_WIDTH, weighted_blur
from ...capture.fine_chart import SIZE, WINDOW, ChartFrame, onto_mesh
from ...capture.fine_net import observed
from ...parametric.head import HeadModel
from ...rendering.atlas import build_atlas
from .random_relief import random_light, random_relief
from .reliefs import Reliefs

CARVED = 5
"""Charts carved of each portrait's head."""
CROP = 128
"""Texels across what a step of the training looks at."""
REAL = 0.25
"""Share of the crops that are the portraits' own."""
PIGMENT, ASIDE = 0.6, 24
"""Share, at most, of another portrait's pigment that lies over a carved relief, and texels that it is moved aside: what
is relief after all in it must not lie where it does on faces."""
CAVITY = 0.15
"""Millimetres, at most: log luminance that a curvature of 1/mm costs."""


@dataclass(frozen=True)
class CarvedCharts:
    """Charts in the network's window, H x W texels, C of each of P portraits; the first is the portrait's own."""

    normals: np.ndarray
    """[P, H, W, 3] float16."""
    metric: np.ndarray
    """[P, 3, H, W] float16: of a difference of height to the right and below, a and b, the slope is
    (m0 a + m1 b, m2 b)."""
    sight: np.ndarray
    """[P, H, W] float16 0..1."""
    pigment: np.ndarray
    """[P, 2, H, W] float16 log shades, as coarse as the mesh and finer, that no relief explains."""
    shades: np.ndarray
    """[P, C, 2, H, W] float16 log shades likewise, of the relief; of the portrait's own, with the pigment."""
    response: np.ndarray
    """[P, C, 2, H, W] float16, see `ChartFrame.response`."""
    height: np.ndarray
    """[P, C, H, W] float16 millimetres: the truth; of the portrait's own, what the optimisation found."""

    def __len__(self) -> int:
        return len(self.sight)

    def batch(self, rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Random crops: what is `observed` `[B, CHANNELS, CROP, CROP]`, heights `[B, CROP, CROP]` in millimetres and
        the metric `[B, 3, CROP, CROP]`."""
        columns = zip(*(self._crop(rng) for _ in range(size)), strict=True)
        return tuple(np.stack(column).astype(np.float32) for column in columns)  # type: ignore[return-value]

    def _crop(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        one = int(rng.integers(len(self)))
        carving = 0 if rng.random() < REAL else int(rng.integers(1, self.height.shape[1]))
        seen = np.argwhere(self.sight[one, ::8, ::8] > 0.5) * 8
        middle = seen[rng.integers(len(seen))] if len(seen) else np.array(self.sight.shape[1:]) // 2
        corner = np.clip(middle - CROP // 2, 0, np.array(self.sight.shape[1:]) - CROP) // 2 * 2
        part = tuple(slice(c, c + CROP) for c in corner)
        shades = self.shades[one, carving][:, *part].astype(np.float32)
        if carving:
            other = self.pigment[rng.integers(len(self))]
            other = np.roll(other, rng.integers(-ASIDE, ASIDE, 2), (1, 2))[:, *part].astype(np.float32)
            shades = shades + rng.uniform(0, PIGMENT) * other
        folds, wrinkles = shades
        response = self.response[one, carving][:, *part]
        seen = observed(self.normals[one][part], response, folds, wrinkles, self.sight[one][part])
        return seen, self.height[one, carving][part], self.metric[one][:, *part]

    @classmethod
    def of(cls, reliefs: Reliefs, model: HeadModel, seed: int) -> "CarvedCharts":
        """Of portraits (about three seconds each)."""
        carver = _Carver(model)
        rows = [carver.carve(reliefs, k, np.random.default_rng([seed, k])) for k in range(len(reliefs))]
        return cls(**{name: np.stack([row[name] for row in rows]).astype(np.float16) for name in rows[0]})


class _Carver:
    def __init__(self, model: HeadModel) -> None:
        self.atlas = build_atlas(model, "skin", SIZE)
        self.edges = skin_edges(model)

    def carve(self, reliefs: Reliefs, k: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """The charts of one portrait, by `CarvedCharts`' fields."""
        points, normals = reliefs.points[k], reliefs.normals[k]
        frame = ChartFrame.of(self.atlas, points, normals, reliefs.light[k])
        sight = self._window(reliefs.wrinkles_sight[k])
        found = np.stack([self._window(height) for height in (self._gather(reliefs.folds[k]), reliefs.wrinkles[k])])
        bands = self._gather(reliefs.folds_shown[k]), reliefs.wrinkles_shown[k]
        shown = np.stack([self._window(shade) for shade in bands])
        made = np.stack([frame.shade(frame.gradient(height)) for height in found])
        frames, heights, carved = [frame], [found.sum(0)], []
        for _ in range(CARVED):
            light = reliefs.light[rng.integers(len(reliefs))] if rng.random() < 0.5 else random_light(rng)
            frames.append(ChartFrame.of(self.atlas, points, normals, light))
            heights.append(random_relief(rng, frame.solid.shape) * frame.solid)
            shade = frames[-1].shade(frames[-1].gradient(heights[-1]))
            carved.append(shade - rng.uniform(0, CAVITY) * _curvature(frame, heights[-1]))
        folds_sight = reliefs.folds_sight[k].astype(np.float32)
        return {
            "normals": frame.normals,
            "metric": _metric(frame),
            "sight": sight,
            "pigment": (shown - made) * (sight > 0),
            "shades": np.concatenate([[shown], self._bands(np.stack(carved), folds_sight, sight)]),
            "response": np.stack([each.response() for each in frames]),
            "height": np.stack(heights),
        }

    def _gather(self, values: np.ndarray) -> np.ndarray:
        return self.atlas.gather(values.astype(np.float32))

    def _window(self, values: np.ndarray) -> np.ndarray:
        return self.atlas.image(values.astype(np.float32))[WINDOW]

    def _bands(self, shades: np.ndarray, folds_sight: np.ndarray, sight: np.ndarray) -> np.ndarray:
        """Shades `[C, H, W]` as fine inverse rendering divides them: `[C, 2, H, W]`."""
        atlas = self.atlas
        image = np.zeros((SIZE, SIZE, len(shades)), np.float32)
        image[WINDOW] = np.moveaxis(shades, 0, -1)
        texels = image.reshape(-1, len(shades))[atlas.texels]
        mesh = onto_mesh(atlas, texels)
        coarse = mesh - smooth(self.edges, mesh, folds_sight, FOLD_WIDTH)
        fine = atlas.image((texels - atlas.gather(mesh)).astype(np.float32))[WINDOW]
        coarse = atlas.image(atlas.gather(coarse).astype(np.float32))[WINDOW]
        width = WRINKLE_WIDTH * float(np.median(atlas.density))
        sharp = [shade - weighted_blur(shade, sight, width) for shade in np.moveaxis(fine, -1, 0)]
        return np.stack([np.moveaxis(coarse, -1, 0), np.stack(sharp)], 1)


def _metric(frame: ChartFrame) -> np.ndarray:
    """`[3, H, W]`, see `CarvedCharts.metric`: a Cholesky factor of the slopes' products."""
    right, below = frame.slopes
    first = np.sqrt(np.maximum((right**2).sum(-1), 1e-12))
    mixed = (right * below).sum(-1) / first
    second = np.sqrt(np.maximum((below**2).sum(-1) - mixed**2, 0))
    return np.stack([first, mixed, second]) * frame.solid


def _curvature(frame: ChartFrame, height: np.ndarray) -> np.ndarray:
    """Laplacian of a height, 1/mm, as if the chart were flat there."""
    scale = (frame.slopes**2).sum((0, -1)) / 2
    return scale * cv2.Laplacian(height.astype(np.float32), cv2.CV_32F)
