"""Reads geometry out of Blender for the tests."""

import bpy
import numpy as np


def evaluated(thing: bpy.types.Object) -> np.ndarray:
    """World positions `[V, 3]` after shape keys and armature."""
    made = thing.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = made.to_mesh()
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    made.to_mesh_clear()
    matrix = np.array(made.matrix_world)
    return flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def key_positions(key: bpy.types.ShapeKey) -> np.ndarray:
    """`[V, 3]` in the object's own space."""
    flat = np.empty(len(key.data) * 3, np.float32)
    key.data.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def weights(thing: bpy.types.Object) -> np.ndarray:
    """`[V, G]` weights of the vertex groups."""
    dense = np.zeros((len(thing.data.vertices), len(thing.vertex_groups)), np.float32)
    for vertex in thing.data.vertices:
        for entry in vertex.groups:
            dense[vertex.index, entry.group] = entry.weight
    return dense
