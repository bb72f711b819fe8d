"""What a body wears as surfaces about the mean body: out of gDNA's fields, hemmed, one over the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from ..geometry.borders import boundary_edges
from ..geometry.cut import cut
from ..geometry.isosurface import Grid, extract_on
from ..geometry.pieces import compact, without_specks
from ..geometry.smoothing import smoothed
from ..implicit.chunks import in_chunks
from ..implicit.gdna import Gdna
from ..parametric.smpl_joints import INDEX
from .hems import fair_hems, off_skin, without_floors
from .mean_body import MeanBody

HEIGHT = 1.7
"""Metres of the mean body: a resolution is that of its cells."""
SPECKS = {"top": 0.08, "bottom": 0.2, "shoes": 0.2, "hair": 0.5}
"""Share of a layer's surface below which a piece of it floats: hair is one piece, of shoes there are two."""
SMOOTHING = 8 / 256**2
"""Rounds of smoothing, by the square of the resolution: what is smoothed is the same in metres."""
LIFT = {"top": 0.003, "bottom": 0.0015, "shoes": 0.001, "hair": 0.0}
"""Metres by which each layer is made wider: the fields are a millimetre off, and what is worn over must be over."""
OVER, ABOVE = {"top": {"bottom": 0.012, "shoes": 0.02}, "bottom": {"shoes": 0.02}}, 0.004
"""Layer -> what it is worn over, with the metres that it may be under that by an error: from there it comes out to so
far above it, and what is deeper is left out."""
UNDER = {"bottom": ("top",), "shoes": ("bottom", "top"), "hair": ("top",), "top": ()}
"""Layer -> the layers that hide it. Hair hides nothing: it turns with the head."""
COVERED = 0.02
"""Metres inside of a garment at which another one ends: an edge so deep is not seen, whatever its shape."""
HIDDEN = {"top": 0.002, "bottom": 0.002, "shoes": -0.003}
"""Metres inside of each layer at which skin is left out: toes, too, that would come through a shoe."""
INTO = 0.035
"""Metres that one can look into a garment from its edge: nothing is left out there."""
BARE_NECK = 0.2
"""Least weight of neck and head on skin that is never left out."""

Codes = Mapping[str, Tensor]
"""Layer -> z `[1, C]` of what is worn."""


@dataclass(frozen=True)
class Sheet:
    """One layer's surface, open where limbs come out of it."""

    vertices: np.ndarray
    """[V, 3] metres."""
    triangles: np.ndarray
    """[T, 3]."""

    @cached_property
    def edge(self) -> cKDTree:
        """Of the points of its border."""
        return cKDTree(self.vertices[np.unique(boundary_edges(self.triangles))])


@dataclass(frozen=True)
class Garments:
    """The layers of `codes` on the mean body."""

    field: Gdna
    codes: Codes
    body: MeanBody
    sheets: Mapping[str, Sheet]

    @classmethod
    def made(cls, field: Gdna, codes: Codes, body: MeanBody, resolution: int) -> "Garments":
        """`resolution` cells are the mean body's height. Raises EngineError where a layer has no surface."""
        return cls(field, codes, body, {layer: _sheet(field, layer, codes, body, resolution) for layer in codes})

    def seen(self, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [V, 3] and triangles [T, 3] of a layer without what others hide."""
        vertices, triangles = self.sheets[layer].vertices, self.sheets[layer].triangles
        for other in UNDER[layer]:
            if other in self.codes:
                vertices, triangles = compact(*cut(vertices, triangles, -self._within(other, vertices, COVERED)))
        return compact(vertices, without_specks(vertices, triangles, SPECKS[layer]))

    def covered_skin(self) -> np.ndarray:
        """[Vm] bool: vertices of the model that are deep inside of clothes."""
        hidden = np.zeros(len(self.body.skin), bool)
        for layer, depth in HIDDEN.items():
            if layer in self.codes:
                hidden[self.body.skin] |= self._within(layer, self.body.vertices, depth) > 0
        # Another head may take the place of this one: the neck stays whole under a collar.
        neck = self.body.model.lbs_weights[:, [INDEX["neck"], INDEX["head"]]].sum(1)
        return hidden & (neck < BARE_NECK)

    def _within(self, layer: str, points: np.ndarray, depth: float) -> np.ndarray:
        """Metres [N] that points [N, 3] are more than `depth` inside of a layer, where one cannot look into it."""
        inside = -distance(self.field, layer, points, self.codes) - depth
        return np.minimum(inside, self.sheets[layer].edge.query(points)[0] - INTO)


def whole_layer(field: Gdna, layer: str, codes: Codes, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, 3] and triangles [T, 3] of all that the field has. Raises EngineError if it has nothing."""
    grid = Grid.within(field.layer(layer).bounds, HEIGHT / resolution)
    found = extract_on(partial(_lifted, field, layer, codes[layer]), grid)
    return found.vertices.double().numpy(), found.triangles.numpy()


def distance(field: Gdna, layer: str, points: np.ndarray, codes: Codes) -> np.ndarray:
    """[N] metres from points [N, 3] to the layer as it is made, negative inside."""
    return in_chunks(partial(_lifted, field, layer, codes[layer]), torch.from_numpy(points).float()).numpy()


def above_others(field: Gdna, layer: str, vertices: np.ndarray, codes: Codes) -> np.ndarray:
    """Vertices [V, 3] of a layer above those that it is worn over."""
    vertices = vertices.copy()
    for other, sunk in OVER.get(layer, {}).items():
        if other in codes:
            height = distance(field, other, vertices, codes)
            low = (height < ABOVE) & (height > -sunk)
            vertices[low] += (ABOVE - height[low])[:, None] * _outward(field, other, vertices[low], codes[other])
    return vertices


def _outward(field: Gdna, layer: str, points: np.ndarray, z: Tensor) -> np.ndarray:
    """[N, 3] unit normals of a layer at points [N, 3]."""
    return in_chunks(lambda part: field.normals(layer, part[None], z)[0], torch.from_numpy(points).float()).numpy()


def _sheet(field: Gdna, layer: str, codes: Codes, body: MeanBody, resolution: int) -> Sheet:
    vertices, triangles = whole_layer(field, layer, codes, resolution)
    vertices, triangles = compact(vertices, without_specks(vertices, triangles, SPECKS[layer]))
    vertices = smoothed(vertices, triangles, round(SMOOTHING * resolution**2))
    vertices, triangles = off_skin(vertices, triangles, body)
    if layer == "hair":
        return Sheet(vertices, triangles)
    for other, sunk in OVER.get(layer, {}).items():
        if other in codes:
            vertices, triangles = compact(*cut(vertices, triangles, distance(field, other, vertices, codes) + sunk))
    vertices, triangles = without_floors(vertices, triangles, body)
    vertices, triangles = compact(vertices, without_specks(vertices, triangles, SPECKS[layer]))
    return Sheet(fair_hems(above_others(field, layer, vertices, codes), triangles, body), triangles)


def _lifted(field: Gdna, layer: str, z: Tensor, points: Tensor) -> Tensor:
    """[N] metres from points `[N, 3]` to the layer as it is made."""
    return field.distance(layer, points[None], z)[0] - LIFT[layer]
