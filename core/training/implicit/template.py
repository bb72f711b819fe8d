"""Recipe `head-template`: the mean head in the canonical pose as a signed distance field, and its mesh.

Two grids: the whole box, and finer the face with its sockets and the ears, where lips and lids are a millimetre thin.
"""

from pathlib import Path

import igl
import numpy as np
from rich.progress import track

from ...weights import FOLDER
from ..publish import publish
from .heads import REGIONS, HeadSampler

COARSE = (-0.2, -0.285, -0.245), (0.2, 0.25, 0.18)
"""Metres: every training head with its hair, and a centimetre around them at least."""
FINE = (-0.092, -0.07, -0.026), (0.092, 0.055, 0.134)
COARSE_SPACING, FINE_SPACING = 2.5e-3, 1e-3


def train_head_template(data: Path, out: Path = FOLDER, seed: int = 0) -> None:  # noqa: ARG001
    """Sample the field of the mean head of `data`/ict_facekit; write `head_template.safetensors` and its card to `out`.

    About two minutes on a laptop's CPU; deterministic, `seed` or not. Raises InputError when the data are not there.
    """
    sampler = HeadSampler.load(data)
    tensors = {
        "coarse": distance_grid(sampler, COARSE, COARSE_SPACING),
        "coarse_bounds": np.array(COARSE, np.float32),
        "fine": distance_grid(sampler, FINE, FINE_SPACING),
        "fine_bounds": np.array(FINE, np.float32),
        "vertices": sampler.mean.astype(np.float32),
        "triangles": sampler.triangles.astype(np.int32),
        "regions": sampler.vertex_region,
    }
    card = {
        "recipe": "likeness train head-template",
        "data": "ICT-FaceKit light model, USC Institute for Creative Technologies (Li et al., CVPR 2020), MIT licence",
        "licence": "GPL-3.0-or-later",
        "method": "signed distance in metres to the closed mean head with jawOpen 0.25, values[x, y, z] at nodes, "
        "the first and last on the bounds; sign by fast winding number",
        "metrics": {"coarse_spacing_mm": 1e3 * COARSE_SPACING, "fine_spacing_mm": 1e3 * FINE_SPACING},
        "region_names": list(REGIONS[:-1]),
    }
    publish("head_template", out, tensors, card)


def distance_grid(sampler: HeadSampler, bounds: tuple[tuple[float, ...], tuple[float, ...]], spacing: float):
    """[X, Y, Z] float16 metres of the mean head at the nodes of a grid over `bounds`."""
    counts = np.round((np.array(bounds[1]) - bounds[0]) / spacing).astype(int) + 1
    x, y, z = (np.linspace(low, high, count) for low, high, count in zip(*bounds, counts, strict=True))
    plane = np.stack(np.meshgrid(y, z, indexing="ij"), -1).reshape(-1, 2)
    slabs = [
        signed_distance(np.c_[np.full(len(plane), at), plane], sampler.mean, sampler.triangles)
        for at in track(x, f"Template at {1e3 * spacing:.1f} mm")
    ]
    return np.stack(slabs).reshape(counts).astype(np.float16)


def signed_distance(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """[N] metres to a closed mesh, negative inside; the sign by fast winding number (Barill et al., SIGGRAPH 2018)."""
    squared = igl.point_mesh_squared_distance(points, vertices, triangles)[0]
    inside = igl.fast_winding_number(vertices, triangles, points) > 0.5
    return np.where(inside, -1, 1) * np.sqrt(squared)
