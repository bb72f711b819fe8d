"""Skin and pieces put together."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sparse
from scipy.spatial import cKDTree

from .head_parts import Piece
from .head_topology import Skin
from .ict import IctModel


@dataclass(frozen=True)
class Assembled:
    """Skin and pieces in one numbering."""

    rest: np.ndarray
    """[V, 3] the symmetric mean head."""
    source: sparse.csr_matrix
    """[V, V_teacher]."""
    mirror: np.ndarray
    vertex_part: np.ndarray
    parts: tuple[str, ...]

    def part(self, name: str) -> np.ndarray:
        """[V] bool."""
        return self.vertex_part == self.parts.index(name)

    def displacement(self, teacher: np.ndarray) -> np.ndarray:
        """A teacher displacement field [..., V_teacher, 3] on our vertices, [..., V, 3]."""
        moved = np.moveaxis(teacher, -2, 0).reshape(teacher.shape[-2], -1)
        ours = np.asarray(self.source @ moved)
        return np.moveaxis(ours.reshape(-1, *teacher.shape[:-2], 3), 0, -2)


def assemble(ict: IctModel, skin: Skin, pieces: list[Piece]) -> Assembled:
    """One numbering over all parts; the rest shape is averaged with its mirror image."""
    rest = np.concatenate([skin.source @ ict.neutral, *(piece.positions for piece in pieces)])
    source = sparse.vstack([skin.source, *(piece.source for piece in pieces)]).tocsr()
    parts = ("skin", *(piece.name for piece in pieces))
    sizes = [len(skin.mirror), *(len(piece.positions) for piece in pieces)]
    vertex_part = np.repeat(np.arange(len(parts)), sizes)
    mirror = np.concatenate([skin.mirror, np.zeros(len(rest) - len(skin.mirror), int)])
    for name in parts[1:]:
        other = name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
        mine, theirs = (np.flatnonzero(vertex_part == parts.index(n)) for n in (name, other))
        mirror[mine] = theirs[cKDTree(rest[theirs]).query(rest[mine] * [-1, 1, 1])[1]]
    rest = (rest + rest[mirror] * [-1, 1, 1]) / 2
    return Assembled(rest, source, mirror, vertex_part, parts)
