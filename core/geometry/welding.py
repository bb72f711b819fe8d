"""Two meshes become one along a cut: their borders, which lie close along one closed curve, get the same vertices."""

from dataclasses import dataclass, replace

import numpy as np

from ..parametric.model_files import triangles
from .borders import boundary_edges
from .cut import cut


@dataclass(frozen=True)
class Sheet:
    """A charted mesh."""

    vertices: np.ndarray
    """[V, 3] metres."""
    faces: np.ndarray
    """[F, 4], counter-clockwise from outside; triangles repeat their last index."""
    uv: np.ndarray
    """[T, 2]."""
    faces_uv: np.ndarray
    """[F, 4] into `uv`, same repetition as `faces`."""
    face_material: np.ndarray
    """[F]."""


@dataclass(frozen=True)
class Weld:
    """A mesh of two: `sheet` has the vertices of the first, then those of the second, used or not."""

    sheet: Sheet
    seam: np.ndarray
    """[S] vertices that both share, in order along the curve: the border of one."""
    places: np.ndarray
    """[S, 3] where the border of the other has them."""
    of_first: bool
    """Whether that other is the first."""


def cut_sheet(sheet: Sheet, above: np.ndarray) -> Sheet:
    """The sheet where `above` [V] is positive, its border moved to where that is 0 (see `cut`): whole quads, and
    triangles along the border. All vertices and UVs stay, used or not.
    """
    inside = (above > 0)[sheet.faces]
    whole, parted = np.flatnonzero(inside.all(1)), np.flatnonzero(inside.any(1) & ~inside.all(1))
    rows = np.concatenate([whole, parted, parted])
    corners = np.repeat([[0, 1, 2, 3], [0, 1, 2, 2], [0, 2, 3, 3]], [len(whole), len(parted), len(parted)], axis=0)
    faces, faces_uv = (np.take_along_axis(each[rows], corners, 1) for each in (sheet.faces, sheet.faces_uv))
    kept = (above > 0)[faces].any(1) & (faces[:, 1] != faces[:, 2])
    faces, faces_uv = faces[kept], faces_uv[kept]
    above_uv = np.zeros(len(sheet.uv))
    above_uv[sheet.faces_uv] = above[sheet.faces]
    vertices, _ = cut(sheet.vertices, triangles(faces), above)
    uv, _ = cut(sheet.uv, triangles(faces_uv), above_uv)
    return Sheet(vertices, faces, uv, faces_uv, sheet.face_material[rows][kept])


def border_loops(faces: np.ndarray) -> list[np.ndarray]:
    """The closed borders of `faces` [F, 4], each [N] vertices in the order in which its faces run along it."""
    following = dict(boundary_edges(triangles(faces)).tolist())
    loops = []
    while following:
        loop = [next(iter(following))]
        while (after := following.pop(loop[-1])) != loop[0]:
            loop.append(after)
        loops.append(np.array(loop))
    return loops


def weld(first: Sheet, loop: np.ndarray, second: Sheet, other: np.ndarray) -> Weld:
    """Join the border `loop` [N] of the first sheet to the border `other` [M] of the second.

    The finer border stays as it is. Each vertex of the coarser becomes the one of the finer that lies in the same
    direction from its middle, and the triangles along the coarser are divided at those between.
    """
    sides = [(first, loop, 0), (second, other, len(first.vertices))]
    (coarse, loop, start), (fine, other, other_start) = sides if len(loop) <= len(other) else sides[::-1]
    other = other[::-1]  # now both run the same way
    axis = np.cross(coarse.vertices[loop], coarse.vertices[np.roll(loop, -1)]).sum(0)
    turns, other_turns = _turns(coarse.vertices[loop], axis), _turns(fine.vertices[other], axis)
    begin = int(np.argmin(np.abs((other_turns - turns[0] + 0.5) % 1 - 0.5)))
    other = np.roll(other, -begin)
    at = _rising((turns - turns[0]) % 1, (np.roll(other_turns, -begin) - other_turns[begin]) % 1)

    divided, places = _divided(coarse, loop, fine.vertices[other], at)
    seam, own = other + other_start, np.arange(len(coarse.vertices)) + start
    own[loop] = seam[at]
    count = len(own)
    faces = np.where(divided.faces < count, own[divided.faces % count], seam[(divided.faces - count) % len(seam)])
    pieces = [replace(divided, faces=faces), replace(fine, faces=fine.faces + other_start)]
    one, two = pieces if start == 0 else pieces[::-1]
    return Weld(
        Sheet(
            vertices=np.concatenate([first.vertices, second.vertices]),
            faces=np.concatenate([one.faces, two.faces]),
            uv=np.concatenate([one.uv, two.uv]),
            faces_uv=np.concatenate([one.faces_uv, two.faces_uv + len(one.uv)]),
            face_material=np.concatenate([one.face_material, two.face_material]),
        ),
        seam,
        places,
        coarse is first,
    )


def _turns(points: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Share of a full turn about `axis` [3] through their middle at which `points` [N, 3] lie: [N], 0..1."""
    axis = axis / np.linalg.norm(axis)
    right = np.cross(axis, np.eye(3)[np.abs(axis).argmin()])
    offset = points - points.mean(0)
    return np.arctan2(offset @ np.cross(axis, right), offset @ right) / (2 * np.pi) % 1


def _rising(turns: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[N] the index of the nearest of `others` [S] to each of `turns` [N], each beyond the one before."""
    order = np.arange(len(turns))
    nearest = np.abs(turns[:, None] - others).argmin(1)
    nearest[0] = 0
    return np.minimum(np.maximum.accumulate(nearest - order), len(others) - len(turns)) + order


def _divided(sheet: Sheet, loop: np.ndarray, curve: np.ndarray, at: np.ndarray) -> tuple[Sheet, np.ndarray]:
    """The sheet, its triangles along `loop` [N] divided at the points of `curve` [S, 3], of which it has those `at`.

    In the new triangles V + i stands for the curve's i-th point. Second the places `[S, 3]` of these on the border.
    """
    start, size = len(sheet.vertices), len(curve)
    triangle = {
        (int(sheet.faces[f, k]), int(sheet.faces[f, (k + 1) % 3])): (f, k)
        for f in np.flatnonzero(np.isin(sheet.faces, loop).sum(1) > 1)
        for k in range(3)
    }
    places, uv, faces, faces_uv, used = np.zeros((size, 3)), [sheet.uv], [], [], []
    for a, b, low, high in zip(loop, np.roll(loop, -1), at, [*at[1:], size], strict=True):
        f, k = triangle[int(a), int(b)]
        used.append(f)
        a_uv, b_uv, apex_uv = np.roll(sheet.faces_uv[f, :3], -k)
        chain = np.arange(low, high + 1) % size
        way = np.append(0, np.cumsum(np.linalg.norm(np.diff(curve[chain], axis=0), axis=1)))
        share = (way / way[-1])[:, None]
        places[chain[:-1]] = (sheet.vertices[a] + share * (sheet.vertices[b] - sheet.vertices[a]))[:-1]
        along_uv = np.array([a_uv, *(np.arange(high - low - 1) + sum(map(len, uv))), b_uv])
        uv.append((sheet.uv[a_uv] + share * (sheet.uv[b_uv] - sheet.uv[a_uv]))[1:-1])
        faces.append(_fan(chain + start, sheet.faces[f, (k + 2) % 3]))
        faces_uv.append(_fan(along_uv, apex_uv))
    rows = np.setdiff1d(np.arange(len(sheet.faces)), used)
    material = np.repeat(sheet.face_material[used], list(map(len, faces)))
    divided = Sheet(
        sheet.vertices,
        np.concatenate([sheet.faces[rows], *faces]),
        np.concatenate(uv),
        np.concatenate([sheet.faces_uv[rows], *faces_uv]),
        np.concatenate([sheet.face_material[rows], material]),
    )
    return divided, places


def _fan(along: np.ndarray, apex: int) -> np.ndarray:
    """Triangles `[N - 1, 4]` from the edges along `[N]` to the apex."""
    tip = np.full(len(along) - 1, apex)
    return np.stack([along[:-1], along[1:], tip, tip], 1)
