"""MakeHuman's base body and what hangs on it (CC0): the formats .obj and .mhclo, as their files state them."""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from ..errors import InputError

DECIMETRES = 0.1
SKIN = 13380
"""The base's first vertices are its skin."""
BASE = 19158
"""All of them: helpers, to which most clothes hang, included."""


@dataclass(frozen=True)
class Mesh:
    """A polygon mesh in metres."""

    vertices: np.ndarray
    """[V, 3]."""
    quads: np.ndarray
    """[F, 4]; triangles repeat their last index."""
    group: np.ndarray
    """[F] name of the group of each polygon."""


def load_base(data: Path) -> Mesh:
    """The base mesh, helpers included, as it is before any target. Raises InputError when it is not there."""
    path = data / "makehuman" / "base" / "base.obj"
    if not path.is_file():
        raise InputError(f"{path} is not there; give the folder that holds makehuman/ with --data.")
    return load_obj(path)


def load_body(data: Path, target: str = "female-young") -> Mesh:
    """The base mesh, helpers included, shaped by one of its targets. Raises InputError when it is not there."""
    base = load_base(data)
    with np.load(data / "makehuman" / "base" / "adult_targets.npz") as file:
        delta = file["deltas"][list(file["names"]).index(target)].astype(np.float64)
    return Mesh(base.vertices + DECIMETRES * delta, base.quads, base.group)


def load_hair(data: Path, style: str, body: Mesh) -> Mesh:
    """Strips of hair, hung on the body. Raises InputError when they are not there."""
    folder = data / "makehuman" / "hair" / style
    if not folder.is_dir():
        raise InputError(f"{folder} is not there; give the folder that holds makehuman/ with --data.")
    strips = load_clothing(folder / f"{style}.mhclo")
    return Mesh(strips.bind(body.vertices), strips.quads, np.full(len(strips.quads), style))


def load_obj(path: Path) -> Mesh:
    """Positions (the file's decimetres to metres), polygons and groups of an .obj file."""
    vertices, quads, groups, group = [], [], [], ""
    for line in path.read_text().splitlines():
        key, *values = line.split() or [""]
        if key == "v":
            vertices.append([float(value) for value in values[:3]])
        elif key == "g":
            group = values[0]
        elif key == "f":
            corners = [int(value.split("/")[0]) - 1 for value in values]
            quads.append((corners + corners[-1:])[:4])
            groups.append(group)
    return Mesh(DECIMETRES * np.array(vertices), np.array(quads), np.array(groups))


@dataclass(frozen=True)
class Clothing:
    """What a .mhclo file hangs on the base body: a garment, a pair of shoes or hair, of V vertices."""

    index: np.ndarray
    """[V, 3] the base's vertices that hold each vertex."""
    share: np.ndarray
    """[V, 3] their weights; they sum to 1, and some are negative."""
    offset: np.ndarray
    """[V, 3] metres along the axes of the body at rest, on the body that it was made for."""
    scale: np.ndarray
    """[3, 3] for x, y, z: two of the base's vertices and their distance in metres on the body that it was made for."""
    hidden: np.ndarray
    """[H] vertices of the base that are not seen under it."""
    quads: np.ndarray
    """[F, 4]; triangles repeat their last index."""

    def bind(self, body: np.ndarray, size: float = 1.0) -> np.ndarray:
        """[V, 3] metres, on a body [19158, 3] at rest, +Y up, +Z front; `size` lengthens the offsets."""
        first, second = self.scale[:, :2].astype(int).T
        axis = np.arange(3)
        scale = size * np.abs(body[first, axis] - body[second, axis]) / self.scale[:, 2]
        return np.einsum("vkc,vk->vc", body[self.index], self.share) + scale * self.offset

    def blend(self) -> csr_matrix:
        """[V, 19158]: rows that sum to 1 and blend what the base's vertices have, without the negative weights."""
        kept = np.maximum(self.share, 0)
        kept /= kept.sum(1, keepdims=True)
        rows = np.repeat(np.arange(len(kept)), 3)
        return csr_matrix((kept.ravel(), (rows, self.index.ravel())), (len(kept), BASE))


def load_clothing(path: Path) -> Clothing:
    """Read a .mhclo file and the .obj beside it. Raises InputError where it is missing, damaged or unlike its .obj."""
    if not path.is_file():
        raise InputError(f"{path} is not there; give the folder that holds makehuman/ with --data.")
    said = _statements(path)
    try:
        rows = [[float(word) for word in words] for words in said["verts"][1:]]
        table = np.array([row if len(row) > 1 else [row[0]] * 3 + [1] + [0] * 5 for row in rows]).reshape(-1, 9)
        scale = np.array([said[f"{axis}_scale"][0] for axis in "xyz"], float) * (1, 1, DECIMETRES)
        mesh = path.parent / said["obj_file"][0][0]
    except (IndexError, ValueError) as error:
        raise InputError(f"{path.name} is damaged.") from error
    shown = load_obj(mesh)
    if len(table) != len(shown.vertices):
        raise InputError(f"{path.name} binds {len(table)} vertices, and {mesh.name} has {len(shown.vertices)}.")
    hidden = _ranges(" ".join(word for words in said["delete_verts"] for word in words))
    return Clothing(table[:, :3].astype(int), table[:, 3:6], DECIMETRES * table[:, 6:], scale, hidden, shown.quads)


def _statements(path: Path) -> dict[str, list[list[str]]]:
    """Keyword -> the words after it, line by line; lines of numbers go on with the last table that began."""
    said: dict[str, list[list[str]]] = defaultdict(list)
    table = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] == "-" or words[0].isdigit():
            said[table].append(words)
            continue
        # Other keywords may stand between a table's and its lines.
        table = words[0] if words[0] in ("verts", "delete_verts") else table
        said[words[0]].append(words[1:])
    return said


def _ranges(text: str) -> np.ndarray:
    """The numbers of "3 5 - 7 9": 3, 5, 6, 7, 9."""
    found = re.findall(r"(\d+)(?:\s*-\s*(\d+))?", text)
    return np.array([n for first, last in found for n in range(int(first), int(last or first) + 1)], int)
