"""Captured motion on the skeleton that it came with, before it is retargeted."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SkeletonMotion:
    """F frames of J nodes, each behind its parent; the ends of the last bones are nodes too.

    At rest every rotation is the identity, as in a BVH file.
    """

    fps: float
    names: tuple[str, ...]
    """Of the nodes; the end of a bone is named `<bone> end`."""
    parents: tuple[int, ...]
    rest: np.ndarray
    """[J, 3] metres."""
    rotations: np.ndarray
    """[F, J, 3, 3] of the world, from rest."""
    positions: np.ndarray
    """[F, J, 3] metres."""
    unit: str = "metres"
    """What the file's lengths were in, by the height of the skeleton."""
    source: str = ""
    """A file's name."""
    warnings: tuple[str, ...] = ()

    def path(self, node: int) -> list[int]:
        """From the root to the node, both included."""
        nodes = [node]
        while self.parents[nodes[-1]] >= 0:
            nodes.append(self.parents[nodes[-1]])
        return nodes[::-1]

    def children(self, node: int) -> list[int]:
        return [child for child, parent in enumerate(self.parents) if parent == node]
