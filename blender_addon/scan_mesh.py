"""A mesh of the scene as the scan that the engine reads."""

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ..core.errors import InputError
from .axes import from_blender


@dataclass(frozen=True)
class ScanMesh:
    """A triangle mesh in Likeness' axes."""

    points: np.ndarray
    """[V, 3] metres."""
    triangles: np.ndarray
    """[T, 3]; none of a cloud of points."""

    @classmethod
    def of(cls, context: bpy.types.Context, thing: bpy.types.Object) -> "ScanMesh":
        """The object's mesh where it stands, its modifiers and shape keys applied. Raises InputError if it is empty."""
        evaluated = thing.evaluated_get(context.evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        try:
            mesh.calc_loop_triangles()
            points = np.empty(len(mesh.vertices) * 3, np.float32)
            mesh.vertices.foreach_get("co", points)
            triangles = np.empty(len(mesh.loop_triangles) * 3, np.int32)
            mesh.loop_triangles.foreach_get("vertices", triangles)
        finally:
            evaluated.to_mesh_clear()
        if not len(points):
            raise InputError(f"{thing.name} has no vertices; select a scan of a head.")
        world = np.array(evaluated.matrix_world) * context.scene.unit_settings.scale_length
        placed = points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]
        return cls(from_blender(placed), triangles.reshape(-1, 3))

    def save(self, path: Path) -> None:
        """Write a binary PLY file."""
        faces = np.empty(len(self.triangles), np.dtype([("sides", "u1"), ("corners", "<i4", 3)]))
        faces["sides"], faces["corners"] = 3, self.triangles
        header = (
            "ply\nformat binary_little_endian 1.0\n"
            f"element vertex {len(self.points)}\nproperty float x\nproperty float y\nproperty float z\n"
            f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
        )
        with path.open("wb") as file:
            file.write(header.encode())
            file.write(self.points.astype("<f4").tobytes())
            file.write(faces.tobytes())
