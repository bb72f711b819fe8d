"""The skins of a body and of a head, cut across the neck and welded into one."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from ..avatar import Part
from ..errors import InputError
from ..geometry.blending import blended
from ..geometry.closest import closest_points
from ..geometry.refine import refined
from ..geometry.smoothstep import smoothstep
from ..geometry.welding import Sheet, Weld, border_loops, cut_sheet, weld
from ..parametric.model_files import triangles
from ..parametric.parts import carried
from ..rendering.rasterise import triangulate
from .head_placement import NeckPlane

FINER = 0.032, 0.02
"""Metres from the seam within which the edges of the body's skin, which is coarser than a head's, are halved: once, and
once more."""
SNAP = 0.3
"""Of the length of edges: vertices closer to the plane are the border themselves, for slivers would be cut off else."""
BENT = 0.06, 0.04
"""Metres from the seam within which the body's and the head's skin bend."""
FAIRED = 0.024, 0.015
"""Metres from the seam within which they do not keep the curvature that they had."""
REACH = 0.03, 0.06
"""Metres beyond the seam up to which what lay beside a skin that is gone follows the other one, and where none does."""


@dataclass(frozen=True)
class NeckSeam:
    """The welded skin: the body's vertices, then the head's, used or not."""

    sheet: Sheet
    body: Part
    """The body's skin as it was, but finer at the seam."""
    head: Part
    body_way: np.ndarray
    """[Vb, 3] metres by which what lies beside the body's vertices moves."""
    head_way: np.ndarray
    """[Vh, 3] likewise, the head's."""

    @classmethod
    def of(cls, body: Part, head: Part, plane: NeckPlane, materials: int) -> "NeckSeam":
        """Of the two skins as they are placed; the head's materials come after the body's `materials`. Raises
        InputError when the neck of one is not whole at the plane.
        """
        for reach in FINER:
            body = _finer(body, plane.near(body.vertices, reach))
        lower, loop = _cut(body, -plane.height(body.vertices), "body")
        upper, other = _cut(head, plane.height(head.vertices), "head")
        welded = weld(lower, loop, replace(upper, face_material=upper.face_material + materials), other)
        sheet = replace(welded.sheet, vertices=_bent(welded, len(body.vertices)))
        body_way, head_way = _ways(sheet, [body.vertices, head.vertices], plane)
        return cls(sheet, body, head, body_way, head_way)

    def beside_body(self, part: Part) -> Part:
        """A part that is bound to the body, moved with its skin."""
        return _beside(part, self.body, self.body_way)

    def beside_head(self, part: Part) -> Part:
        """A part that is bound to the head, moved with its skin."""
        return _beside(part, self.head, self.head_way)


def _finer(skin: Part, chosen: np.ndarray) -> Part:
    """The skin with every edge halved whose ends are both `chosen` [V] bool, there in triangles."""
    chosen_uv = np.zeros(len(skin.uv), bool)
    chosen_uv[skin.faces_uv] = chosen[skin.faces]
    inside = chosen[skin.faces].any(1)
    columns = np.concatenate([skin.vertices, skin.weights, *skin.correctives.values()], 1)
    columns, faces = refined(columns, triangulate(skin.faces[inside])[0], chosen)
    uv, faces_uv = refined(skin.uv, triangulate(skin.faces_uv[inside])[0], chosen_uv)
    vertices, weights, *correctives = np.split(
        columns,
        np.cumsum([3, skin.weights.shape[1], *[3] * (len(skin.correctives) - 1)])[: 1 + len(skin.correctives)],
        1,
    )
    added = vertices[len(skin.vertices) :]
    assert skin.model_vertices is not None
    beside = skin.model_vertices[cKDTree(skin.vertices).query(added)[1]]
    triangle = [0, 1, 2, 2]
    return replace(
        skin,
        vertices=vertices,
        faces=np.concatenate([skin.faces[~inside], faces[:, triangle]]),
        uv=uv,
        faces_uv=np.concatenate([skin.faces_uv[~inside], faces_uv[:, triangle]]),
        face_material=np.full(len(faces) + (~inside).sum(), skin.face_material[0]),
        weights=weights,
        correctives=dict(zip(skin.correctives, correctives, strict=True)),
        model_vertices=np.concatenate([skin.model_vertices, beside]),
    )


def _cut(skin: Part, above: np.ndarray, whose: str) -> tuple[Sheet, np.ndarray]:
    """The skin where `above` [V] metres is positive, and its border there."""
    faces = triangles(skin.faces)
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    length = np.linalg.norm(skin.vertices[edges[:, 0]] - skin.vertices[edges[:, 1]], axis=1)
    count = np.bincount(edges[:, 0], minlength=len(above))
    length = np.bincount(edges[:, 0], length, len(above)) / np.maximum(count, 1)
    above = np.where(np.abs(above) < SNAP * length, 0, above)
    sheet = Sheet(skin.vertices.astype(np.float64), skin.faces, skin.uv, skin.faces_uv, skin.face_material)
    sheet = cut_sheet(sheet, above)
    loops = [loop for loop in border_loops(sheet.faces) if (above[loop] <= 0).all()]
    if len(loops) != 1:
        raise InputError(f"The {whose}'s neck is not bare all around, so head and body cannot be joined there.")
    return sheet, loops[0]


def _bent(welded: Weld, first: int) -> np.ndarray:
    """Vertices of the welded skin, bent about the seam; `first` is the head's first vertex."""
    vertices, faces = welded.sheet.vertices, triangles(welded.sheet.faces)
    distance, _ = cKDTree(vertices[welded.seam]).query(vertices)
    of_head = np.arange(len(vertices)) >= first
    bent, faired = (distance < np.where(of_head, *limits[::-1]) for limits in (BENT, FAIRED))
    used = np.isin(np.arange(len(vertices)), faces)
    seamless = np.setdiff1d(np.arange(len(vertices)), welded.seam)
    above = np.isin(faces, seamless[seamless >= first]).any(1)  # a triangle along the seam has a corner off it
    other = vertices.copy()
    other[welded.seam] = welded.places
    lower, upper = (other, vertices) if welded.of_first else (vertices, other)
    return blended(((lower, faces[~above]), (upper, faces[above])), bent & used, faired)


def _ways(sheet: Sheet, before: list[np.ndarray], plane: NeckPlane) -> list[np.ndarray]:
    """What each side's vertices, which were at `before` [V, 3], have moved; those that are gone, to the skin there."""
    used = np.isin(np.arange(len(sheet.vertices)), sheet.faces)
    faces, ways, start = triangles(sheet.faces), [], 0
    for points, sign in zip(before, (1, -1), strict=True):
        own = slice(start, start := start + len(points))
        way = np.where(used[own, None], sheet.vertices[own] - points, 0)
        beyond = sign * plane.height(points)
        gone = np.flatnonzero(~used[own] & (beyond < REACH[1]))
        face, shares, _ = closest_points(points[gone], sheet.vertices, faces)
        way[gone] = np.einsum("vk,vkc->vc", shares, sheet.vertices[faces[face]]) - points[gone]
        way[gone] *= 1 - smoothstep(beyond[gone], *REACH)[:, None]
        ways.append(way)
    return ways


def _beside(part: Part, skin: Part, way: np.ndarray) -> Part:
    """A part that is bound to the model of the skin, moved as the skin's vertices are by `way` [V, 3]."""
    if part.binding is None or skin.model_vertices is None:
        return part
    model = np.zeros((max(part.binding.max(), skin.model_vertices.max()) + 1, 3), np.float32)
    model[skin.model_vertices[::-1]] = way[::-1]  # the model's own vertices come first, and count
    return replace(part, vertices=part.vertices + carried(part, model))
