"""Suite `gdna-pictures`: random people of gDNA's on one sheet, with their normals; details on a shape, shapes by a
detail.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.progress import track
from scipy.spatial.transform import Rotation

from ..bodies.avatar import MATERIALS
from ..bodies.clothes import Mesh, layer_part
from ..bodies.colors import person_colors
from ..bodies.dressing import Dresser
from ..bodies.seeded import random_shape
from ..bodies.sliders import BodySliders
from ..implicit.gdna import LAYERS
from ..parametric.body import BodyModel
from ..parametric.lbs import joint_transforms, pose_feature
from ..rendering.rasterise import Raster, rasterise
from ..rendering.shading import linear_to_srgb
from ..training.body_model.poses import theta_of
from ..training.figures.figure import PARTS
from .gdna_people import BODY, Folds, Person, dressed_person, random_folds

PICTURE = Path(__file__).parents[2] / "docs" / "gdna.png"
SAMPLES, COLUMNS, VARIED = 20, 10, 5
"""People, how many in a row, and how many details of a shape or shapes by a detail."""
PANEL, SHARPNESS = (240, 500), 2
"""Pixels of one person, and how many samples a pixel has along a side."""
CELLS = 160
"""Along the mean body's height: an outline needs no more, and normals are the fields'."""
SPAN, FAR = 2.05, 50.0
"""Metres from the top to the bottom of a panel, and from the camera."""
AZIMUTHS = -25.0, 25.0
"""Degrees by which people turn to the viewer's left, one after the other."""
STANDING = theta_of(
    left_collar=(0, 0, -8), right_collar=(0, 0, 8), left_shoulder=(10, -8, -55), right_shoulder=(10, 8, 55),
    left_elbow=(0, -18, 0), right_elbow=(0, 18, 0), left_hip=(0, 4, 3), right_hip=(0, -4, -3),
).astype(np.float32)  # fmt: skip
SUN = np.array([-0.5, 0.62, 0.6]) / np.linalg.norm([-0.5, 0.62, 0.6])
"""Towards it, as the viewer has right, up and near."""
BRIGHT, SKY, GROUND = 1.5, 0.75, 0.3
"""Of the sun, and of what is around from above and from below."""
GREY = 0.32
"""Linear, of garments whose folds are shown."""
BIAS = 0.012
"""Metres by which what casts a shadow is nearer to the sun."""


def evaluate_gdna_pictures(data: Path) -> dict[str, Any]:  # noqa: ARG001
    """Draw `PICTURE`: people of seeds 0 to 19 and their normals; one shape in five details, five shapes in one."""
    dresser = Dresser.load(BodyModel.load())
    people = [_Sitter.of(dresser, seed, seed, seed) for seed in range(SAMPLES)]
    varied = [_Sitter.of(dresser, 0, 0, detail) for detail in range(VARIED)]
    varied += [_Sitter.of(dresser, shape, shape, 0) for shape in range(1, VARIED + 1)]
    rows: list[list[Image.Image]] = []
    pairs = [sitter.pictures(dresser, AZIMUTHS[k % 2]) for k, sitter in enumerate(track(people, "People"))]
    for first in range(0, SAMPLES, COLUMNS):
        rows += [list(row) for row in zip(*pairs[first : first + COLUMNS], strict=True)]
    rows.append([sitter.clay(dresser) for sitter in track(varied, "Details and shapes")])
    sheet = Image.new("RGB", (COLUMNS * PANEL[0], len(rows) * PANEL[1]), "white")
    for line, row in enumerate(rows):
        for column, panel in enumerate(row):
            sheet.paste(panel, (column * PANEL[0], line * PANEL[1]))
    sheet.save(PICTURE)
    return {"people": SAMPLES}


@dataclass(frozen=True)
class _Sitter:
    """A person who stands."""

    person: Person
    folds: Folds
    colors: np.ndarray
    """[L + 2, 3] linear, of `LAYERS`, of eyes, of skin."""

    @classmethod
    def of(cls, dresser: Dresser, body: int, clothes: int, detail: int) -> "_Sitter":
        """By seeds of the body's shape, of its clothes and of their folds."""
        beta = random_shape(body, BodySliders.load(), dresser.body.model)
        codes = dresser.codes(beta, clothes)
        person = standing(dresser, beta, dressed_person(dresser.body, dresser.field, beta, codes, CELLS))
        chosen = person_colors(clothes)
        colors = [*(chosen[layer] for layer in LAYERS), MATERIALS["left_eye"].color, chosen["skin"]]
        return cls(person, random_folds(dresser.details, detail), np.array(colors)[:, :3])

    def pictures(self, dresser: Dresser, azimuth: float) -> tuple[Image.Image, Image.Image]:
        """In light, and the normals as colours, turned by degrees."""
        raster, normals, layer = self._seen(dresser, azimuth)
        color = self.colors[np.where(layer == BODY, self._part(raster), layer)[raster.covered]]
        lit = self._light(raster, normals, azimuth)
        return _panel(raster, linear_to_srgb(lit[:, None] * color)), _panel(raster, (normals + 1) / 2)

    def clay(self, dresser: Dresser) -> Image.Image:
        """From the front, of one grey."""
        raster, normals, _ = self._seen(dresser, 0.0)
        lit = self._light(raster, normals, 0.0)
        return _panel(raster, linear_to_srgb(GREY * np.repeat(lit[:, None], 3, 1)))

    def _seen(self, dresser: Dresser, azimuth: float) -> tuple[Raster, np.ndarray, np.ndarray]:
        """The raster, the normals [N, 3] of what it covers as the viewer has them, and the layers [H, W]."""
        raster = _raster(self.person, _turned(azimuth), PANEL, SHARPNESS)
        looked = self.person.normal_map(raster, dresser.field)
        normals = looked.normals(self.folds)[raster.covered]
        return raster, normals @ _turned(azimuth), looked.layer

    def _part(self, raster: Raster) -> np.ndarray:
        """[H, W] eyes or skin, as `colors` has them."""
        eyes = self.person.surface.part[raster.triangle] == PARTS.index("eyes")
        return np.where(eyes, len(LAYERS), len(LAYERS) + 1)

    def _light(self, raster: Raster, normals: np.ndarray, azimuth: float) -> np.ndarray:
        """[N] at the pixels that are covered: of the sun, where nothing is before it, and of the sky."""
        vertices = self.person.surface.vertices
        sun = _turned(azimuth) @ SUN
        across = np.cross([0.0, 1.0, 0.0], sun)
        across /= np.linalg.norm(across)
        axes = np.stack([across, np.cross(sun, across), sun], 1)
        size = 1024
        scale = size / (1.3 * SPAN)
        shadow = rasterise(_flat(vertices @ axes, scale, (size, size)), self.person.surface.triangles, (size, size))
        points = raster.interpolate(self.person.surface.triangles, vertices)
        place = _flat(points @ axes, scale, (size, size))
        column, row = (place[:, k].astype(int).clip(0, size - 1) for k in (0, 1))
        free = shadow.depth[row, column] > place[:, 2] - BIAS
        around = GROUND + (SKY - GROUND) * (normals[:, 1] + 1) / 2
        return around + BRIGHT * free * np.clip(normals @ SUN, 0, None)


def standing(dresser: Dresser, beta: np.ndarray, person: Person) -> Person:
    """A person of shape `beta` [16] in the T-pose as `likeness body` moves it: correctives and bones; clothes by their
    own weights.
    """
    body, surface = dresser.body, person.surface
    model = body.model
    rotation, translation = joint_transforms(model.joints(beta), model.parents, STANDING)
    correctives = (pose_feature(STANDING) @ model.posedirs).reshape(-1, 3)
    shaped = model.shaped(beta)[body.skin].astype(np.float64)
    vertices, turn = surface.vertices.copy(), person.turn.copy()
    vertices[: len(model.v_template)] = model.vertices(beta, STANDING)
    for number, name in enumerate(LAYERS):
        used, faces = np.unique(surface.triangles[person.layer == number], return_inverse=True)
        if not len(used):
            continue
        faces = faces.reshape(-1, 3)[:, [0, 1, 2, 2]]
        mesh = Mesh(person.mean[used], faces, np.zeros((1, 2)), 0 * faces)
        part = layer_part(dresser.field, name, mesh, body, shaped)
        assert part.binding is not None
        assert part.binding_weights is not None
        moved = vertices[used] + np.einsum("vk,vkc->vc", part.binding_weights, correctives[part.binding])
        blended = np.einsum("vj,jab->vab", part.weights, rotation)
        vertices[used] = np.einsum("vab,vb->va", blended, moved) + part.weights @ translation
        turn[used] = person.turn[used] @ blended.transpose(0, 2, 1)
    return replace(person, surface=replace(surface, vertices=vertices), turn=turn)


def _turned(azimuth: float) -> np.ndarray:
    """[3, 3] with the viewer's right, up and near as columns."""
    return Rotation.from_euler("y", azimuth, degrees=True).as_matrix().T


def _raster(person: Person, axes: np.ndarray, panel: tuple[int, int], sharpness: int) -> Raster:
    width, height = (sharpness * side for side in panel)
    points = _flat(person.surface.vertices @ axes, height / SPAN, (width, height))
    low, high = points[:, 1].min(), points[:, 1].max()
    points[:, 1] += height / 2 - (low + high) / 2
    return rasterise(points, person.surface.triangles, (width, height))


def _flat(points: np.ndarray, scale: float, size: tuple[int, int]) -> np.ndarray:
    """Pixels and metres from the viewer [N, 3] of points to the right, up and near [N, 3]."""
    width, height = size
    return points * [scale, -scale, -1] + [width / 2, height / 2, FAR]


def _panel(raster: Raster, colors: np.ndarray) -> Image.Image:
    """Of sRGB [N, 3] at the pixels that are covered."""
    picture = np.ones((*raster.triangle.shape, 3))
    picture[raster.covered] = colors
    return Image.fromarray((255 * picture).astype(np.uint8)).resize(PANEL, Image.Resampling.LANCZOS)
