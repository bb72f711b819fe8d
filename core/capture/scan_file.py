"""Reads a scan: points, normals and the units that its size allows, whatever kind of file it lies in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from ..errors import InputError

KINDS = (".ply", ".obj", ".stl", ".glb")
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "in": 0.0254}
"""Unit -> metres."""
ENOUGH = 60_000
"""Points that tell all of a head that a fit can use: 1 to 2 mm apart."""
_LEAST = 100
_EXTENT = (0.1, 1.1)
"""Metres across that a scan may be, from a face alone to a bust with its shoulders and hair."""
_USUAL_EXTENT = 0.4
_FLAT = 0.02
"""Thickness over width below which points lie in a plane; half a face has 0.2."""


@dataclass(frozen=True)
class Scan:
    """Points on a surface, in the file's own unit and frame."""

    points: np.ndarray
    """[N, 3] float64, N at most `ENOUGH`."""
    normals: np.ndarray | None
    """[N, 3] of length 1, or None; the file may have them inside out."""
    units: tuple[str, ...]
    """Which of `UNITS` give it the size of a head, likeliest first."""
    name: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def extent(self) -> float:
        """Length of the diagonal of the box that holds all but a few points, in the file's unit."""
        return _extent(self.points)


def read_scan(path: Path | str) -> Scan:
    """The scan in a ply, obj, stl or glb file. Many points are thinned to `ENOUGH`, a mesh is sampled by area.

    Raises InputError when the file cannot be read, or when what is in it cannot be a head: too few points, all in a
    plane, of no size that a head has in any unit.
    """
    path = Path(path)
    warnings: list[str] = []
    points, normals = _sampled(_geometries(path), path.name, warnings)
    if normals is not None:
        length = np.linalg.norm(normals, axis=1)
        normals = normals / np.maximum(length, 1e-12)[:, None] if (length > 1e-6).mean() > 0.99 else None
    _refuse_flat(points, path.name)
    return Scan(points, normals, _units(points, path.name), path.name, tuple(warnings))


def thinned(points: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Indices of about `count` (at most) of the points `[N, 3]`, evenly over the surface: one of each voxel."""
    rng = np.random.default_rng(seed)
    chosen = np.arange(len(points))
    if len(points) > 10 * count:
        chosen = rng.integers(0, len(points), 10 * count)  # voxels of all of them would cost more and tell no more
    if len(points) <= count:
        return chosen
    sample = points[chosen]
    size = _extent(sample) / np.sqrt(count)
    for _ in range(3):  # a surface's voxels go with the inverse square of their size
        cells = _one_of_each_voxel(sample, size)
        size *= np.sqrt(len(cells) / count)
    chosen = chosen[cells]
    return chosen if len(chosen) <= count else rng.choice(chosen, count, replace=False)


def _one_of_each_voxel(points: np.ndarray, size: float) -> np.ndarray:
    cell = np.floor((points - points.min(0)) / size).clip(0, 2**20).astype(np.int64)
    return np.unique((cell[:, 0] << 42) | (cell[:, 1] << 21) | cell[:, 2], return_index=True)[1]


def _geometries(path: Path) -> list[Any]:
    """Meshes and point clouds of the file, as trimesh has them."""
    if not path.is_file():
        raise InputError(f"There is no file {path}; give a scan as ply, obj, stl or glb.")
    if path.suffix.lower() not in KINDS:
        raise InputError(f"{path.name} is no scan that can be read; give a ply, obj, stl or glb file.")
    if not path.stat().st_size:
        raise InputError(f"{path.name} is empty; give a file with points or a mesh.")
    try:
        loaded = trimesh.load(path, process=False, skip_materials=True)
        return loaded.dump() if isinstance(loaded, trimesh.Scene) else [loaded]
    except Exception as error:  # every reader in trimesh has its own ways to refuse a damaged file
        raise InputError(
            f"{path.name} cannot be read as {path.suffix.lower()}; save the scan anew from the program that made it."
        ) from error


def _sampled(geometries: list[Any], name: str, warnings: list[str]) -> tuple[np.ndarray, np.ndarray | None]:
    """At most `ENOUGH` finite points of all geometries, normals where all of them have some."""
    meshes = [mesh for mesh in geometries if len(getattr(mesh, "faces", ()))]
    if meshes:
        corners = np.concatenate([_corners(mesh) for mesh in meshes])
        good = np.isfinite(corners).all((1, 2))
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        area = np.linalg.norm(normals, axis=1)
        good &= np.isfinite(area) & (area > 0)
        if good.any():
            if broken := int((~good).sum()):
                warnings.append(f"{broken} faces of {name} are broken or have no area and were left out.")
            return _on_triangles(corners[good], normals[good] / area[good, None], area[good])
        warnings.append(f"No face of {name} is whole; its vertices alone were used.")
    points, normals = _cloud(geometries)
    finite = np.isfinite(points).all(1)
    if lost := len(points) - int(finite.sum()):
        if lost > len(points) / 2:
            raise InputError(f"Most points of {name} are not finite numbers; save the scan anew.")
        warnings.append(f"{lost} points of {name} are not finite numbers and were left out.")
        points, normals = points[finite], None if normals is None else normals[finite]
    if len(points) > ENOUGH:
        warnings.append(f"{name} has {len(points):,} points; {ENOUGH:,} of them, evenly spread, were used.")
        chosen = thinned(points, ENOUGH)
        points, normals = points[chosen], None if normals is None else normals[chosen]
    return points.astype(np.float64), normals


def _corners(mesh: Any) -> np.ndarray:
    """[F, 3, 3]; NaN for a face whose indices are out of range."""
    vertices = np.concatenate([np.asarray(mesh.vertices, np.float64).reshape(-1, 3), np.full((1, 3), np.nan)])
    faces = np.asarray(mesh.faces)
    return vertices[np.where((faces >= 0) & (faces < len(vertices) - 1), faces, -1)]


def _on_triangles(corners: np.ndarray, normals: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`ENOUGH` points evenly over the triangles `[F, 3, 3]`, with the normals of their faces."""
    rng = np.random.default_rng(0)
    total = area.cumsum()
    face = np.searchsorted(total, (np.arange(ENOUGH) + rng.random(ENOUGH)) / ENOUGH * total[-1]).clip(0, len(area) - 1)
    u, v = rng.random((2, ENOUGH, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    a, b, c = corners[face].swapaxes(0, 1)
    return a + u * (b - a) + v * (c - a), normals[face]


def _cloud(geometries: list[Any]) -> tuple[np.ndarray, np.ndarray | None]:
    """All vertices [N, 3], and their normals where a ply file has them."""
    points = [np.asarray(shape.vertices).reshape(-1, 3) for shape in geometries if hasattr(shape, "vertices")]
    if not points:
        return np.zeros((0, 3)), None
    normals = None
    if len(points) == 1 and (raw := geometries[0].metadata.get("_ply_raw")):
        columns = raw["vertex"]["data"]
        names = ("nx", "ny", "nz")
        if len(columns) == len(points[0]) and set(names) <= set(getattr(columns, "dtype", columns).names or ()):
            normals = np.stack([columns[axis] for axis in names], 1).astype(np.float64)
    return np.concatenate(points), normals


def _refuse_flat(points: np.ndarray, name: str) -> None:
    if len(points) < _LEAST:
        raise InputError(f"{name} has {len(points)} points; a head takes at least {_LEAST}, better 5,000.")
    inner = points[_within(points)]
    spread = np.linalg.svd(inner - inner.mean(0), compute_uv=False) if len(inner) > 2 else np.zeros(3)
    if spread[1] <= _FLAT * spread[0]:
        raise InputError(f"The points of {name} lie on one line; a head takes a scan of its surface.")
    if spread[2] <= _FLAT * spread[0]:
        raise InputError(f"The points of {name} lie in one plane; a head takes a scan of its surface.")


def _units(points: np.ndarray, name: str) -> tuple[str, ...]:
    extent = _extent(points)
    possible = {unit: extent * metres for unit, metres in UNITS.items() if _EXTENT[0] <= extent * metres <= _EXTENT[1]}
    if not possible:
        raise InputError(
            f"{name} is {extent:.3g} units across, which is no size of a head in metres, centimetres, millimetres or "
            "inches; scale it, and cut away what is no head."
        )
    return tuple(sorted(possible, key=lambda unit: abs(np.log(possible[unit] / _USUAL_EXTENT))))


def _within(points: np.ndarray) -> np.ndarray:
    """[N] bool: all but a few strays."""
    low, high = np.percentile(points, (1, 99), axis=0)
    return ((points >= low) & (points <= high)).all(1)


def _extent(points: np.ndarray) -> float:
    low, high = np.percentile(points, (1, 99), axis=0)
    return float(np.linalg.norm(high - low))
