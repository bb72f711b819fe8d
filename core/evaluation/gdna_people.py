"""Random people of gDNA's, and their normal maps, made as those of the training figures are."""

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..bodies.garments import SPECKS, Codes, Garments, whole_layer
from ..bodies.mean_body import MeanBody
from ..geometry.pieces import pieces, without_specks
from ..implicit.chunks import in_chunks
from ..implicit.gdna import LAYERS, Gdna
from ..implicit.gdna_detail import Details
from ..implicit.outfits import SPREAD, CodeDistribution, Outfits
from ..rendering.rasterise import Raster, interpolate, triangulate
from ..rendering.shading import vertex_normals
from ..training.figures.figure import PARTS, Surface

CELLS = 128
"""Along the mean body's height, 13 mm each: what is seen of the surface is its outline, for normals are the field's."""
STEP = 2e-3
"""Metres over which the warp is differentiated."""
PIECES = {"top": 1, "bottom": 1, "shoes": 2, "hair": 1}
"""That a layer has."""
BODY = -1
"""What is no layer."""

Folds = tuple[Details, Tensor]
"""Details and a code `[1, C]`."""


@dataclass(frozen=True)
class Person:
    """A body in what it wears: V vertices, T triangles, those of the body first."""

    surface: Surface
    mean: np.ndarray
    """[V, 3] metres: the surface about the mean body."""
    layer: np.ndarray
    """[T] index into `LAYERS`, or `BODY`."""
    turn: np.ndarray
    """[V, 3, 3]: row k is by how much the surface moves with the point about the mean body along axis k; of clothes."""
    codes: Codes
    spare: tuple[int, int]
    """Pieces that come out of the skin beyond those that garments have: of all that the fields have, without specks."""

    def normal_map(self, raster: Raster, field: Gdna) -> "NormalMap":
        """What the raster shows, `field` being what the clothes are made of."""
        layer = np.full(raster.triangle.shape, BODY)
        layer[raster.covered] = self.layer[raster.triangle[raster.covered]]
        smooth = np.zeros((*raster.triangle.shape, 3))
        triangles = self.surface.triangles
        smooth[raster.covered] = raster.interpolate(triangles, vertex_normals(self.surface.vertices, triangles))
        worn = []
        for number, name in enumerate(LAYERS):
            at = layer == number
            if at.any():
                corners, shares = triangles[raster.triangle[at]], raster.barycentric[at]
                points = torch.from_numpy(interpolate(self.mean, corners, shares)).float()
                turn = interpolate(self.turn, corners, shares)
                worn.append(Worn.of(field, name, points, self.codes[name], at, turn))
        return NormalMap(_unit(smooth), layer, worn)


@dataclass(frozen=True)
class Worn:
    """The pixels of one layer in a map, N of them."""

    layer: str
    at: np.ndarray
    """[H, W] bool."""
    points: Tensor
    """[N, 3] about the mean body."""
    feature: Tensor
    """[N, F] the layer's."""
    coarse: Tensor
    """[N, 3] unit normals about the mean body."""
    turn: np.ndarray
    """[N, 3, 3] see `Person`."""

    @classmethod
    def of(cls, field: Gdna, layer: str, points: Tensor, z: Tensor, at: np.ndarray, turn: np.ndarray) -> "Worn":
        feature = in_chunks(lambda part: field.feature(layer, part[None], z)[0], points)
        coarse = in_chunks(lambda part: field.normals(layer, part[None], z)[0], points)
        return cls(layer, at, points, feature, coarse, turn)

    def folded(self, details: Details, z_detail: Tensor) -> Tensor:
        """[N, 3] unit normals about the mean body with the folds of a code `[1, C]`."""
        pixels = (self.points, self.feature, self.coarse)
        return details.layers[self.layer](*(values[None] for values in pixels), z_detail)[0]


@dataclass(frozen=True)
class NormalMap:
    """A map of a person; its clothes' normals follow from the fields."""

    body: np.ndarray
    """[H, W, 3] unit normals, right where the body is seen; 0 where nothing is."""
    layer: np.ndarray
    """[H, W] index into `LAYERS`, or `BODY`."""
    worn: list[Worn]

    def normals(self, folds: Folds | None = None) -> np.ndarray:
        """[H, W, 3] unit normals of the person, without folds the coarse ones; 0 where nothing is."""
        found = self.body.copy()
        for worn in self.worn:
            about_mean = worn.coarse if folds is None else worn.folded(*folds)
            found[worn.at] = _unit(np.linalg.solve(worn.turn, about_mean.numpy().astype(np.float64)[..., None])[..., 0])
        return found


def dressed_person(body: MeanBody, field: Gdna, beta: np.ndarray, codes: Codes, cells: int = CELLS) -> Person:
    """The body `beta` [16] in its clothes, in the T-pose, as the product makes them before quads.

    Raises EngineError where a layer has no surface.
    """
    model = body.model
    vertices = model.shaped(beta).astype(np.float64)
    shaped, triangles = vertices[body.skin], triangulate(model.faces)[0].astype(np.int64)
    garments = Garments.made(field, codes, body, cells)
    triangles = triangles[~garments.covered_skin()[triangles].all(1)]
    eyes = ~body.skin[triangles].all(1)
    part, layer = np.where(eyes, PARTS.index("eyes"), PARTS.index("skin")), np.full(len(triangles), BODY)
    mean, turn = model.v_template.astype(np.float64), np.tile(np.eye(3), (len(vertices), 1, 1))
    spare = np.zeros(2, int)
    for name in codes:
        whole, every = whole_layer(field, name, codes, cells)
        height = body.height(whole)
        large = without_specks(whole, every, SPECKS[name])
        spare += [_spare(name, faces, height) for faces in (every, large)]
        own, faces = garments.seen(name)
        triangles = np.concatenate([triangles, faces + len(mean)])
        part = np.append(part, np.full(len(faces), PARTS.index(name if name in PARTS else "suit")))
        layer = np.append(layer, np.full(len(faces), LAYERS.index(name)))
        there, moved = _carried(body, own, shaped)
        mean, vertices, turn = (np.concatenate(pair) for pair in ((mean, own), (vertices, there), (turn, moved)))
    return Person(Surface(vertices, triangles, part), mean, layer, turn, codes, (int(spare[0]), int(spare[1])))


def random_folds(details: Details, seed: int) -> Folds:
    """By a seed, as `likeness body` chooses them."""
    return details, details.sample(torch.Generator().manual_seed(seed))


def of_single_gaussians(field: Gdna) -> Gdna:
    """The same fields, and the same people's codes as one Gaussian a layer, which is what gDNA samples: of the
    mixture's mean and covariance, in its full spread, for men and women alike.
    """
    single = copy(field)
    single.outfits = merged(field.outfits)
    return single


def merged(outfits: Outfits) -> Outfits:
    """One Gaussian a layer."""
    return replace(outfits, layers={layer: _merged(codes) for layer, codes in outfits.layers.items()})


def _merged(codes: CodeDistribution) -> CodeDistribution:
    share, mean = codes.weight, codes.weight @ codes.mean
    second = np.einsum("kij,klj->kil", codes.factor, codes.factor) + np.einsum("ki,kj->kij", codes.mean, codes.mean)
    covariance = np.tensordot(share, second, 1) - np.outer(mean, mean)
    factor = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(mean))) / SPREAD
    return CodeDistribution(np.ones(1), mean[None], factor[None], share[None] @ codes.gender)


def _spare(layer: str, triangles: np.ndarray, height: np.ndarray) -> int:
    """How many pieces more than a layer has come out of the skin, over which vertices are by `height` [V]."""
    seen = np.unique(pieces(triangles)[(height > 0)[triangles].any(1)])
    return max(len(seen) - PIECES[layer], 0)


def _carried(body: MeanBody, points: np.ndarray, shaped: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [N, 3] about the mean body, about the body of skin `shaped` [V, 3], and their `turn` [N, 3, 3]."""
    there = body.warp.to_shape(points, shaped)
    turn = [(body.warp.to_shape(points + STEP * axis, shaped) - there) / STEP for axis in np.eye(3)]
    return there, np.stack(turn, 1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
