"""Builds an Avatar in the scene: one armature, and one mesh object with a material slot for each material.

Why one mesh and not one for each part: shape keys belong to a mesh. With one mesh there is one set of 52 sliders that
moves skin, lashes, teeth and hair together, in Blender as in Unity, Unreal or three.js, and one action animates it;
with many, every tool that does not know Likeness would move the skin and leave the rest behind. glTF splits the mesh
by material anyway, its sparse accessors make keys of unmoved parts nearly free, and FBX stores moved vertices alone.
Whoever wants parts separates by material; the keys stay.

The identity is baked into the Basis key; expressions are relative keys at value 0. What is needed to rebuild the head
with another identity is stored on it: the avatar's parameters on the armature, each vertex's carriers (see
`core.parametric .assembly`) as attributes of the mesh.
"""

import json
from collections.abc import Mapping
from typing import Any

import bpy
import numpy as np

from ..core.avatar import Avatar, Part
from ..core.parametric.parts import carriers
from .axes import to_blender
from .bones import place_bones
from .drivers import drive_corrective
from .materials import build_material

METADATA = "likeness"
"""Custom property of the armature: JSON with the Avatar's fields of the names `STORED`, the names of its parts and what
turns its correctives on."""
STORED = ("name", "kind", "joint_names", "source", "model", "implicit", "topology", "version", "parameters")
CARRIERS = ("likeness_carrier_0", "likeness_carrier_1", "likeness_carrier_2")
"""Integer attributes of the mesh: model vertices that carry a vertex."""
CARRIER_SHARES = "likeness_carrier_shares"
"""Vector attribute of the mesh: their shares."""
PART = "likeness_part"
"""Integer attribute of the mesh: which part a vertex is of."""


Materials = Mapping[str, bpy.types.Material]
"""Name of an Avatar's material -> the Blender material that stands for it."""


def build(
    avatar: Avatar, collection: bpy.types.Collection | None = None, materials: Materials | None = None
) -> bpy.types.Object:
    """Build the avatar in a new collection under `collection` (the scene's if None). Returns the armature object.

    `materials` are used in place of new ones of these names.
    """
    parent = collection or bpy.context.scene.collection
    own = bpy.data.collections.new(avatar.name)
    parent.children.link(own)
    rig = bpy.data.objects.new(avatar.name, bpy.data.armatures.new(avatar.name))
    own.objects.link(rig)
    place_bones(rig, avatar.joints)
    rig.data.display_type = "STICK"
    rig[METADATA] = json.dumps(metadata(avatar))
    build_surface(avatar, rig, own, materials or {})
    return rig


def metadata(avatar: Avatar) -> dict[str, Any]:
    """What the armature remembers of the avatar."""
    correctives = {name: [c.joint, c.feature.tolist()] for name, c in avatar.correctives.items()}
    parts = [part.name for part in avatar.parts]
    return {**{name: getattr(avatar, name) for name in STORED}, "parts": parts, "correctives": correctives}


def build_surface(
    avatar: Avatar, rig: bpy.types.Object, collection: bpy.types.Collection, materials: Materials
) -> bpy.types.Object:
    """The avatar's mesh object under its armature, whose bones are in place: weights, shape keys and correctives."""
    head = skinned_object(f"{avatar.name} mesh", _mesh(avatar, materials), rig, collection)
    add_weights(head, [joint.name for joint in avatar.joints], _joined(avatar.parts, "weights"))
    _add_keys(head, avatar)
    for name, corrective in avatar.correctives.items():
        drive_corrective(head.data.shape_keys.key_blocks[name], rig, corrective)
    return head


def skinned_object(
    name: str, mesh: bpy.types.Mesh, rig: bpy.types.Object, collection: bpy.types.Collection
) -> bpy.types.Object:
    """An object of the mesh, child of the armature (exporters sample the driven keys of such alone), deformed by it."""
    thing = bpy.data.objects.new(name, mesh)
    collection.objects.link(thing)
    thing.parent = rig
    modifier = thing.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
    return thing


def _mesh(avatar: Avatar, materials: Materials) -> bpy.types.Mesh:
    """Geometry, UVs, materials and carriers of every part in one mesh, in the avatar's order of parts."""
    parts = avatar.parts
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    uv_starts = np.cumsum([0, *(len(part.uv) for part in parts)])
    faces = np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)])
    faces_uv = np.concatenate([part.faces_uv + start for part, start in zip(parts, uv_starts, strict=False)])
    corner_uv = _joined(parts, "uv")[faces_uv]
    mesh = new_mesh(
        avatar.name, to_blender(_joined(parts, "vertices")), faces, corner_uv, _joined(parts, "face_material")
    )
    for material in avatar.materials:
        mesh.materials.append(materials.get(material.name) or build_material(material))

    indices, shares = (np.concatenate(arrays) for arrays in zip(*(carriers(part) for part in parts), strict=True))
    for name, column in zip(CARRIERS, indices.T, strict=True):
        mesh.attributes.new(name, "INT", "POINT").data.foreach_set("value", np.ascontiguousarray(column))
    part_of = np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.vertices) for part in parts])
    mesh.attributes.new(PART, "INT", "POINT").data.foreach_set("value", part_of)
    mesh.attributes.new(CARRIER_SHARES, "FLOAT_VECTOR", "POINT").data.foreach_set("vector", shares.ravel())
    return mesh


def new_mesh(
    name: str, vertices: np.ndarray, faces: np.ndarray, corner_uv: np.ndarray, face_material: np.ndarray
) -> bpy.types.Mesh:
    """A smooth mesh of vertices `[V, 3]` (Blender's axes) and faces `[F, 4]`, whose triangles repeat an index.

    `corner_uv` is `[F, 4, 2]`, `face_material` `[F]` the index of each face's material slot.
    """
    corner = faces != np.roll(faces, 1, 1)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.ravel())
    mesh.loops.add(int(corner.sum()))
    mesh.loops.foreach_set("vertex_index", faces[corner].astype(np.int32))
    mesh.polygons.add(len(faces))
    sides = corner.sum(1)
    mesh.polygons.foreach_set("loop_start", (np.cumsum(sides) - sides).astype(np.int32))
    mesh.polygons.foreach_set("material_index", face_material.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(len(faces), bool))
    mesh.update(calc_edges=True)
    layer = mesh.uv_layers.new(name="UVMap")
    layer.data.foreach_set("uv", corner_uv[corner].astype(np.float32).ravel())
    return mesh


def _joined(parts: list[Part], name: str) -> np.ndarray:
    return np.concatenate([getattr(part, name) for part in parts])


def add_weights(thing: bpy.types.Object, joints: list[str], weights: np.ndarray) -> None:
    """One vertex group for each joint, by weights `[V, J]`. Most vertices follow one joint: one call."""
    for joint, column in zip(joints, weights.T, strict=True):
        group = thing.vertex_groups.new(name=joint)
        group.add(np.flatnonzero(column >= 1 - 1e-6).tolist(), 1.0, "REPLACE")
        shared = np.flatnonzero((column > 1e-5) & (column < 1 - 1e-6))
        for vertex, weight in zip(shared.tolist(), column[shared].tolist(), strict=True):
            group.add((vertex,), weight, "REPLACE")


def _add_keys(head: bpy.types.Object, avatar: Avatar) -> None:
    """Basis, every key of any part in the order in which parts name them, and correctives likewise."""
    basis = _joined(avatar.parts, "vertices")
    head.shape_key_add(name="Basis", from_mix=False)
    keys = [{**part.keys, **part.correctives} for part in avatar.parts]
    names = [name for field in ("keys", "correctives") for part in avatar.parts for name in getattr(part, field)]
    for name in dict.fromkeys(names):
        still = (np.zeros_like(part.vertices) for part in avatar.parts)
        delta = np.concatenate([own.get(name, zero) for own, zero in zip(keys, still, strict=True)])
        add_key(head, name, to_blender(basis + delta))


def add_key(
    head: bpy.types.Object, name: str, vertices: np.ndarray, limits: tuple[float, float] = (0.0, 1.0)
) -> bpy.types.ShapeKey:
    """A relative shape key with the given vertices `[V, 3]` (Blender's axes), at value 0, with the slider's limits."""
    key = head.shape_key_add(name=name, from_mix=False)
    key.slider_min, key.slider_max = limits
    key.value = 0.0  # Blender 5.0 makes new keys with value 1
    key.data.foreach_set("co", vertices.ravel())
    return key
