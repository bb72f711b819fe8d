"""The Avatar of a head or a body as it is in the scene: the inverse of `build`, for the engine to work on."""

import bpy
import numpy as np

from ..core.avatar import Avatar, Corrective, Joint, Part
from ..core.errors import InputError
from . import heads, look
from .axes import from_blender
from .build import CARRIER_SHARES, CARRIERS, PART, STORED
from .materials import read_material


def avatar_of(rig: bpy.types.Object) -> Avatar:
    """Neutral and at rest, with what was sculpted and painted; levels of detail and keys beyond 0..1 are left out.

    Raises InputError for one that an older Likeness made, and for a mesh that is no longer of triangles and quads.
    """
    stored = heads.metadata(rig)
    with look.finished(rig):
        thing = heads.mesh_object(rig)
        if not stored["parts"] or PART not in thing.data.attributes:
            raise InputError(f"{rig.name} was made by an older Likeness; make it again.")
        joints = [_joint(bone) for bone in rig.data.bones]
        whole = _Mesh(thing, [joint.name for joint in joints], set(stored["correctives"]))
        parts = [whole.part(index, name) for index, name in enumerate(stored["parts"])]
        materials = [read_material(material) for material in thing.data.materials]
    turned_on = stored["correctives"].items()
    correctives = {name: Corrective(joint, np.array(feature, np.float32)) for name, (joint, feature) in turned_on}
    return Avatar(
        **{name: stored[name] for name in STORED if name != "name"},
        name=rig.name,
        joints=joints,
        parts=[part for part in parts if len(part.faces)],
        materials=materials,
        correctives=correctives,
    )


def _joint(bone: bpy.types.Bone) -> Joint:
    head, tail = (from_blender(np.array(end, np.float32)) for end in (bone.head_local, bone.tail_local))
    return Joint(bone.name, bone.parent.name if bone.parent else None, head, tail)


class _Mesh:
    """What a mesh object has, by vertex, face and corner."""

    def __init__(self, thing: bpy.types.Object, joints: list[str], correctives: set[str]) -> None:
        mesh, keys = thing.data, thing.data.shape_keys.key_blocks
        self.vertices = from_blender(heads.positions(keys[0]))
        self.part_of = _integers(mesh, PART)
        self.faces, self.corners = _faces(mesh)
        self.face_material = np.zeros(len(mesh.polygons), np.int32)
        mesh.polygons.foreach_get("material_index", self.face_material)
        flat = np.empty(len(mesh.loops) * 2, np.float32)
        mesh.uv_layers[0].data.foreach_get("uv", flat)
        self.uv = flat.reshape(-1, 2)
        self.weights = _weights(thing, joints)
        # Expression components have keys with other limits, which the engine makes itself.
        moved = [key for key in keys[1:] if (key.slider_min, key.slider_max) == (0, 1)]
        self.keys = {key.name: from_blender(heads.positions(key)) - self.vertices for key in moved}
        self.correctives = correctives
        self.carriers = np.stack([_integers(mesh, name) for name in CARRIERS], 1)
        flat = np.empty(self.carriers.size, np.float32)
        mesh.attributes[CARRIER_SHARES].data.foreach_get("vector", flat)
        self.shares = flat.reshape(-1, 3)

    def part(self, index: int, name: str) -> Part:
        """The part of that number."""
        own = np.flatnonzero(self.part_of == index)
        faces = np.flatnonzero(self.part_of[self.faces[:, 0]] == index)
        number = np.zeros(len(self.vertices), np.int32)
        number[own] = np.arange(len(own))
        uv, faces_uv = np.unique(self.uv[self.corners[faces]].reshape(-1, 2), axis=0, return_inverse=True)
        moved = {key: delta[own] for key, delta in self.keys.items() if np.abs(delta[own]).max(initial=0) > 0}
        of_model = bool((self.shares[own, 0] == 1).all())
        return Part(
            name,
            self.vertices[own],
            number[self.faces[faces]],
            uv,
            faces_uv.reshape(-1, 4).astype(np.int32),
            self.face_material[faces],
            self.weights[own],
            {key: delta for key, delta in moved.items() if key not in self.correctives},
            {key: delta for key, delta in moved.items() if key in self.correctives},
            model_vertices=self.carriers[own, 0] if of_model else None,
            binding=None if of_model else self.carriers[own],
            binding_weights=None if of_model else self.shares[own],
        )


def _integers(mesh: bpy.types.Mesh, name: str) -> np.ndarray:
    """`[V]` of an attribute."""
    values = np.empty(len(mesh.vertices), np.int32)
    mesh.attributes[name].data.foreach_get("value", values)
    return values


def _faces(mesh: bpy.types.Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and corners `[F, 4]` of the faces; triangles repeat their last. Raises InputError."""
    starts, sides = np.empty(len(mesh.polygons), np.int32), np.empty(len(mesh.polygons), np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    mesh.polygons.foreach_get("loop_total", sides)
    if sides.max(initial=0) > 4:
        raise InputError(f"{mesh.name} has faces of more than four corners; make triangles or quads of them.")
    corners = starts[:, None] + np.minimum(np.arange(4), sides[:, None] - 1)
    vertices = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", vertices)
    return vertices[corners], corners


def _weights(thing: bpy.types.Object, joints: list[str]) -> np.ndarray:
    """`[V, J]`."""
    columns = {group.index: joints.index(group.name) for group in thing.vertex_groups if group.name in joints}
    weights = np.zeros((len(thing.data.vertices), len(joints)), np.float32)
    for vertex in thing.data.vertices:
        for entry in vertex.groups:
            if entry.group in columns:
                weights[vertex.index, columns[entry.group]] = entry.weight
    return weights
