"""`likeness mesh`: the surface of an implicit head as a file."""

import json
import zipfile
from pathlib import Path

import numpy as np
import torch
import trimesh

from ..engine import devices
from ..errors import InputError, UsageError
from ..geometry.isosurface import check_resolution, extract, largest_component, vertex_normals
from ..implicit.field import HeadField
from ..implicit.heads import load_head_field
from .progress import OnProgress, progress_bars
from .staging import staged

FORMATS = (".ply", ".obj", ".glb")
LATENTS = (".npy", ".npz", ".json")


def write_mesh(model: str, out: Path, *, latent: Path | None, seed: int, resolution: int, device: str) -> list[str]:
    """Write the head of a latent code, or a random one of the `seed`, as a closed triangle mesh with normals: metres,
    +Y up, +Z out of the face, canonical pose. The file appears when it is whole.

    Returns warnings. Raises LikenessError.
    """
    if out.suffix.lower() not in FORMATS:
        raise UsageError(f"{out.name} is none of {', '.join(FORMATS)}; name such a file with --out.")
    check_resolution(resolution)
    code = read_latent(latent) if latent else None
    with staged(out.parent) as folder, progress_bars() as stages, stages.job("Mesh") as progress:

        def job(chosen: str) -> trimesh.Trimesh:
            progress("Loading the model", 0.0)
            field = load_head_field(model, chosen)
            z_id = code if code is not None else field.latents.sample(torch.Generator().manual_seed(seed), hair=True)
            z_id = field.latents.checked(z_id).to(chosen)
            if len(z_id) != 1:
                raise InputError(f"The latent is of {len(z_id)} heads; give that of one.")
            return head_mesh(field, z_id, resolution, progress)

        mesh, _, warnings = devices.run(job, device)
        progress("Writing", 0.9)
        mesh.export(folder / out.name)
    return warnings


def head_mesh(field: HeadField, z_id: torch.Tensor, resolution: int, progress: OnProgress) -> trimesh.Trimesh:
    """The head of the code z_id `[1, D]`, without what floats about it. Raises EngineError."""
    progress("Finding the surface", 0.1)
    surface = extract(lambda points: field.sdf(points[None], z_id)[0], field.bounds, resolution)
    surface = largest_component(surface)
    progress("Normals", 0.7)
    with torch.no_grad():
        normals = vertex_normals(lambda points: field.gradient(points[None], z_id)[0], surface.vertices)
    arrays = (tensor.cpu().numpy() for tensor in (surface.vertices, surface.triangles, normals))
    return trimesh.Trimesh(**dict(zip(("vertices", "faces", "vertex_normals"), arrays, strict=True)), process=False)


def read_latent(path: Path) -> torch.Tensor:
    """z_id `[D]` or `[1, D]` of a file: .npy; .npz with `z_id`; .json, a list or the report of a head that was made.

    Raises InputError when it cannot be read or holds something else.
    """
    try:
        if path.suffix.lower() == ".json":
            content = json.loads(path.read_text(encoding="utf-8"))
            values = content["parameters"]["z_id"] if isinstance(content, dict) else content
        else:
            values = np.load(path, allow_pickle=False)
            values = values["z_id"] if isinstance(values, np.lib.npyio.NpzFile) else values
        return torch.from_numpy(np.asarray(values, np.float32))
    except OSError as error:
        raise InputError(f"Cannot read {path} ({error.strerror or error}); name a latent file.") from error
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        kinds = ", ".join(LATENTS)
        raise InputError(
            f"{path.name} holds no latent code; give a {kinds} file of z_id or a head's report."
        ) from error
