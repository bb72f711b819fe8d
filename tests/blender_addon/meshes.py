"""Reads geometry out of Blender for the tests."""

from importlib import import_module

import bpy
import numpy as np

PART_AND_CARRIER = ("likeness_part", "likeness_carrier_0")
"""Attributes of the meshes that Likeness builds (see `blender_addon.build`)."""


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


def bare_height(rig: bpy.types.Object, package: str = "likeness") -> float:
    """Metres from the soles to the top of the head at rest, of the body without what it wears.

    Clothes hide its soles, so it is that of the model's body of its betas; the skin that is left has to lie where that
    has it. `package` is what Likeness is called, which is another name where it is installed as an extension.
    """
    heads, body = import_module(f"{package}.blender_addon.heads"), import_module(f"{package}.core.parametric.body")
    stored, mesh = heads.metadata(rig), heads.mesh_object(rig).data
    shaped = heads.to_blender(body.BodyModel.load().shaped(np.array(stored["parameters"]["beta"], np.float32)))
    part, carrier = (np.array([each.value for each in mesh.attributes[name].data]) for name in PART_AND_CARRIER)
    skin = part == stored["parts"].index("skin")
    away = key_positions(mesh.shape_keys.reference_key)[skin] - shaped[carrier[skin]]
    assert np.ptp(away, 0).max() < 1e-4
    return float(np.ptp(shaped[:, 2]))
