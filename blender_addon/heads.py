"""A Likeness avatar in the scene, a head or a body: find it, read what it is made of, pose it, change its identity."""

import json
from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np

from ..core.errors import InputError
from ..core.parametric.assembly import arkit_deltas, armature_joints, psi_deltas
from ..core.parametric.head import JOINTS, HeadModel
from ..core.parametric.joint_names import JOINT_NAMES
from .axes import from_blender, to_blender
from .bones import place_bones
from .build import CARRIER_SHARES, CARRIERS, METADATA, add_key

BEFORE = "likeness_before"
"""Name of the shape key that is there while the head is looked at before its relief (see `look`); no expression."""
PSI_LIMITS = (-3.0, 3.0)
"""Slider limits of expression components, in standard deviations."""


def find(thing: bpy.types.Object | None) -> bpy.types.Object | None:
    """The armature of the Likeness head that an object (the armature, its mesh, anything under it) belongs to."""
    while thing is not None and METADATA not in thing:
        thing = thing.parent
    return thing


def named(name: str) -> bpy.types.Object:
    """The armature of the head of that name. Raises InputError when there is none: a job may outlast its head."""
    thing = bpy.data.objects.get(name)
    if thing is None or METADATA not in thing:
        raise InputError(f"{name} is no longer there; select a head and try again.")
    return thing


def mesh_object(rig: bpy.types.Object) -> bpy.types.Object:
    """The head's mesh object. Raises InputError when the user removed it or its shape keys."""
    for child in rig.children:
        if child.type == "MESH" and child.data.shape_keys and CARRIER_SHARES in child.data.attributes:
            return child
    raise InputError(f"{rig.name} has lost its mesh or its shape keys; make the head again.")


def keys(rig: bpy.types.Object) -> bpy.types.bpy_prop_collection:
    """The shape keys of the head, Basis included."""
    return mesh_object(rig).data.shape_keys.key_blocks


def metadata(rig: bpy.types.Object) -> dict[str, Any]:
    """What `build.metadata` stores; `parameters` (`beta`, `psi`, `theta`, ...) are flat lists."""
    # Of heads that are older than some of it:
    missing = {"kind": "head", "joint_names": "", "implicit": "", "topology": "quads", "parts": [], "correctives": {}}
    return missing | json.loads(rig[METADATA])


def check_kind(rig: bpy.types.Object, kind: str) -> None:
    """Raises InputError where the avatar is of another kind than 'head' or 'body'."""
    own = metadata(rig)["kind"]
    if own != kind:
        raise InputError(f"{rig.name} is a {own}, and a {kind} is needed; select one and try again.")


def is_of_photo(rig: bpy.types.Object) -> bool:
    """Whether the head was made from a photo: its camera is known."""
    return "camera" in metadata(rig)["parameters"]


def set_parameters(rig: bpy.types.Object, **parameters: list[float]) -> None:
    """Change or add some of the `parameters` of the head's metadata."""
    stored = metadata(rig)
    stored["parameters"] |= parameters
    rig[METADATA] = json.dumps(stored)


def joint_bones(rig: bpy.types.Object) -> tuple[str, ...]:
    """The bones that theta turns, in its order: FLAME's joints of a head, SMPL's of a body by the names it has."""
    return JOINT_NAMES.get(metadata(rig)["joint_names"], JOINTS)


def joint_places(rig: bpy.types.Object) -> np.ndarray:
    """`[J, 3]` metres, in Likeness' axes: where the bones of `joint_bones` rest. Raises InputError when one is gone."""
    if gone := [name for name in joint_bones(rig) if name not in rig.data.bones]:
        raise InputError(f"{rig.name} has lost its bone {gone[0]}; name its bones as they were, or make it again.")
    return from_blender(np.array([rig.data.bones[name].head_local for name in joint_bones(rig)], np.float32))


def bone_rests(rig: bpy.types.Object, names: Sequence[str]) -> np.ndarray:
    """Rotations `[N, 3, 3]` from the axes of bones at rest to Blender's."""
    return np.array([np.array(rig.data.bones[name].matrix_local.to_3x3()) for name in names], np.float32)


def bone_rotations(rig: bpy.types.Object, theta: np.ndarray) -> np.ndarray:
    """`theta` `[..., J, 3]`, in Likeness' axes, as quaternions `[..., J, 4]` of the bones of `joint_bones`."""
    rest = bone_rests(rig, joint_bones(rig))
    turned = np.einsum("jab,...ja->...jb", rest, to_blender(np.asarray(theta)))  # rest is orthonormal: its transpose
    angle = np.linalg.norm(turned, axis=-1, keepdims=True)
    axis = turned / np.maximum(angle, 1e-12)
    return np.concatenate([np.cos(angle / 2), axis * np.sin(angle / 2)], -1)


def pose(rig: bpy.types.Object, theta: np.ndarray) -> None:
    """Pose the bones by `theta` `[J, 3]` (see `joint_bones`)."""
    for name, quaternion in zip(joint_bones(rig), bone_rotations(rig, theta), strict=True):
        bone = rig.pose.bones[name]
        bone.rotation_mode = "QUATERNION"
        bone.rotation_quaternion = quaternion.tolist()


def set_identity(rig: bpy.types.Object, model: HeadModel, beta: np.ndarray) -> None:
    """Rebuild Basis, keys and bones for another `beta` `[100]`; whatever was sculpted on top of the model stays.

    Raises InputError when the mesh is no longer the one that was built.
    """
    stored = metadata(rig)
    old, new = np.asarray(stored["parameters"]["beta"], np.float32), np.asarray(beta, np.float32)
    indices, shares = carriers(rig, model)
    vertices = model.shaped(new)
    before, after = arkit_deltas(model, old), arkit_deltas(model, new)
    moved = vertices - model.shaped(old)
    for key in keys(rig):
        change = moved
        if key.name in after:
            change = moved + after[key.name] - before[key.name]
        _displace(key, _carried(indices, shares, change))
    mesh = mesh_object(rig).data
    mesh.vertices.foreach_set("co", positions(mesh.shape_keys.reference_key).ravel())
    mesh.update()
    place_bones(rig, armature_joints(model, new, vertices))
    made = stored["parameters"].get("beta_made", old.tolist())  # what the head was made with
    set_parameters(rig, beta=new.tolist(), beta_made=made)


def add_psi_keys(rig: bpy.types.Object, model: HeadModel) -> None:
    """Add FLAME's expression components as the keys `psi_000`, `psi_001`, ...; those already there stay as they are."""
    head = mesh_object(rig)
    existing = keys(rig)
    indices, shares = carriers(rig, model)
    basis = positions(head.data.shape_keys.reference_key)
    for name, delta in psi_deltas(model).items():
        if name not in existing:
            add_key(head, name, basis + to_blender(_carried(indices, shares, delta)), PSI_LIMITS)


def carriers(rig: bpy.types.Object, model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """The three model vertices that carry each vertex of the mesh, `[V, 3]`, and their shares, `[V, 3]`.

    Raises InputError when it is no head, or was made with another model.
    """
    check_kind(rig, "head")
    if metadata(rig)["model"] != model.sha256:
        raise InputError(f"{rig.name} was made with another head model than the one installed; make the head again.")
    mesh = mesh_object(rig).data
    count = len(mesh.vertices)
    indices = np.empty((3, count), np.int32)
    for row, name in zip(indices, CARRIERS, strict=True):
        mesh.attributes[name].data.foreach_get("value", row)
    shares = np.empty(count * 3, np.float32)
    mesh.attributes[CARRIER_SHARES].data.foreach_get("vector", shares)
    return indices.T, shares.reshape(-1, 3)


def _carried(indices: np.ndarray, shares: np.ndarray, field: np.ndarray) -> np.ndarray:
    return np.einsum("vk,vkc->vc", shares, field[indices])


def positions(key: bpy.types.ShapeKey) -> np.ndarray:
    """Vertices of a shape key, `[V, 3]` in the object's own space."""
    flat = np.empty(len(key.data) * 3, np.float32)
    key.data.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def evaluated(thing: bpy.types.Object, depsgraph: bpy.types.Depsgraph | None = None) -> np.ndarray:
    """World positions `[V, 3]` of a mesh object after shape keys and armature; in the current scene by default."""
    made = thing.evaluated_get(depsgraph or bpy.context.evaluated_depsgraph_get())
    mesh = made.to_mesh()
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    made.to_mesh_clear()
    matrix = np.array(made.matrix_world, np.float32)
    return flat.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def _displace(key: bpy.types.ShapeKey, displacement: np.ndarray) -> None:
    key.data.foreach_set("co", (positions(key) + to_blender(displacement)).ravel())
