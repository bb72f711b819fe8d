"""MakeHuman's base body and what hangs on it (CC0): the formats .obj and .mhclo, as their files state them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import InputError

DECIMETRES = 0.1
SKIN = 13380
"""The base's first vertices are its skin."""


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
    strips = load_obj(folder / f"{style}.obj")
    return Mesh(_hang(folder / f"{style}.mhclo", body.vertices), strips.quads, strips.group)


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


def _hang(path: Path, body: np.ndarray) -> np.ndarray:
    """[V, 3] metres: each vertex is a blend of three of the body's and an offset, scaled by the body's size."""
    scale, rows, reading = np.ones(3), [], False
    for line in path.read_text().splitlines():
        key, *values = line.split() or [""]
        if key in ("x_scale", "y_scale", "z_scale"):
            axis, (first, second) = "xyz".index(key[0]), (int(value) for value in values[:2])
            scale[axis] = abs(body[first, axis] - body[second, axis]) / DECIMETRES / float(values[2])
        elif key in ("verts", "delete_verts"):
            reading = key == "verts"
        elif reading and key.isdigit():
            rows.append([float(value) for value in (key, *values)] if values else [float(key)] * 3 + [1] + [0] * 5)
    table = np.array(rows)
    blended = (body[table[:, :3].astype(int)] * table[:, 3:6, None]).sum(1)
    return blended + DECIMETRES * scale * table[:, 6:]
